//! When a preview counts as ready, and what people are told of its first answer.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::Ttl;

/// Longest path that is asked for, in bytes.
const PATH_MAX: usize = 500;
/// The statuses that an answer can have: those below 200 are no answers yet.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// When a preview counts as ready, as its repository wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadinessSettings {
    /// What its address is asked.
    #[serde(default)]
    pub probe: Probe,
    /// How long its workloads may take to come up; unset: as long as the service lets everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Ttl>,
}

/// What an address is asked before it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Nothing: that it takes a connection is enough.
    Tcp,
    /// For a page.
    Http {
        /// Which.
        #[serde(default)]
        path: ProbePath,
        /// How it has to be answered.
        #[serde(default)]
        expects: ExpectedStatus,
    },
}

impl Probe {
    /// Is it what is asked where a repository says nothing?
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self::Http {
            path: ProbePath::default(),
            expects: ExpectedStatus::default(),
        }
    }
}

/// The path of a page, from the root, with its query if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProbePath(String);

/// The text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path: expected, for example, `/healthz`")]
pub struct InvalidProbePath(String);

impl ProbePath {
    /// As it is asked for.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProbePath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl TryFrom<String> for ProbePath {
    type Error = InvalidProbePath;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // Two slashes would begin the name of another host; a fragment is never sent.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'`');
        let is_path = text.starts_with('/') && !text.starts_with("//");
        if is_path && text.len() <= PATH_MAX && text.bytes().all(is_plain) {
            Ok(Self(text))
        } else {
            Err(InvalidProbePath(text.chars().take(40).collect()))
        }
    }
}

impl From<ProbePath> for String {
    fn from(path: ProbePath) -> Self {
        path.0
    }
}

impl fmt::Display for ProbePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The statuses that count as an answer. Without any, all of the app's own below 500 do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<u16>", into = "BTreeSet<u16>")]
pub struct ExpectedStatus(BTreeSet<u16>);

/// The number is no status of an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no status of an answer: expected 200 to 599")]
pub struct InvalidStatus(u16);

impl ExpectedStatus {
    /// Does an answer with this status count?
    #[must_use]
    pub fn is_met_by(&self, status: u16) -> bool {
        if self.0.is_empty() {
            status < 500
        } else {
            self.0.contains(&status)
        }
    }

    /// Has the repository said which?
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        !self.0.is_empty()
    }
}

impl TryFrom<BTreeSet<u16>> for ExpectedStatus {
    type Error = InvalidStatus;

    fn try_from(statuses: BTreeSet<u16>) -> Result<Self, Self::Error> {
        match statuses.iter().find(|status| !STATUSES.contains(status)) {
            Some(status) => Err(InvalidStatus(*status)),
            None => Ok(Self(statuses)),
        }
    }
}

impl From<ExpectedStatus> for BTreeSet<u16> {
    fn from(expected: ExpectedStatus) -> Self {
        expected.0
    }
}

/// What is worth knowing of how a preview answers, besides that it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum AnswerNote {
    /// It refuses: with 401 until one signs in, with 404 because there is nothing at the path, and so on.
    Refuses {
        /// How.
        status: u16,
        /// What was asked for.
        path: ProbePath,
    },
    /// It sends visitors to another site.
    Redirects {
        /// Scheme, host and port of that site.
        to: String,
    },
}

impl AnswerNote {
    /// Are visitors sent to this address?
    #[must_use]
    pub fn leads_to(&self, url: &str) -> bool {
        matches!(self, Self::Redirects { to } if to == url.trim_end_matches('/'))
    }
}

/// Where a preview answers, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Recorded")]
pub struct Answering {
    /// One of its addresses.
    pub url: String,
    /// What is worth knowing of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<AnswerNote>,
}

/// Histories from before a stable URL was asked hold the address alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Recorded {
    Url(String),
    Answering {
        url: String,
        #[serde(default)]
        note: Option<AnswerNote>,
    },
}

impl From<Recorded> for Answering {
    fn from(recorded: Recorded) -> Self {
        match recorded {
            Recorded::Url(url) => Self { url, note: None },
            Recorded::Answering { url, note } => Self { url, note },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_on_its_host() {
        for path in ["/", "/app/", "/healthz?full=1", "/a//b", "/%20"] {
            assert!(ProbePath::try_from(path.to_owned()).is_ok(), "{path}");
        }
        for path in [
            "",
            "app",
            "//evil.example.com/",
            "/a b",
            "/a#b",
            "/a\nb",
            "/ä",
            "/\\evil",
            &format!("/{}", "x".repeat(500)),
        ] {
            assert!(ProbePath::try_from(path.to_owned()).is_err(), "{path}");
        }
    }

    #[test]
    fn without_a_choice_everything_below_500_is_an_answer() {
        let any = ExpectedStatus::default();
        let chosen = ExpectedStatus::try_from(BTreeSet::from([200, 503])).expect("statuses");
        for (status, by_any, by_chosen) in [(200, true, true), (404, true, false), (503, false, true)] {
            assert_eq!((any.is_met_by(status), chosen.is_met_by(status)), (by_any, by_chosen), "{status}");
        }
        for nonsense in [0, 199, 600] {
            assert!(ExpectedStatus::try_from(BTreeSet::from([nonsense])).is_err());
        }
    }

    #[test]
    fn an_address_alone_is_one_without_a_note() {
        let answering = |note| Answering { url: "https://x/".to_owned(), note };
        let note = AnswerNote::Refuses { status: 400, path: ProbePath::default() };
        for (told, expected) in [
            (serde_json::json!("https://x/"), answering(None)),
            (serde_json::json!(answering(None)), answering(None)),
            (serde_json::json!(answering(Some(note.clone()))), answering(Some(note))),
        ] {
            assert_eq!(serde_json::from_value::<Answering>(told).expect("an answer"), expected);
        }
    }

    #[test]
    fn what_says_nothing_is_the_default() {
        let nothing: ReadinessSettings = serde_json::from_str("{}").expect("settings");
        assert_eq!(nothing, ReadinessSettings::default());
        let told = serde_json::to_string(&nothing).expect("json");
        assert_eq!(serde_json::from_str::<ReadinessSettings>(&told).expect("settings"), nothing);
    }
}
