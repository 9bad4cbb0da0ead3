//! What others learn of each exchange with GitHub: how often it is asked for what, and what is left of its
//! limits.

use domain::InstallationId;
use http::{HeaderMap, Method, StatusCode};

/// Is told of every exchange, whoever asked and however it ended. It must not block.
pub trait Observer: Send + Sync {
    /// One request was answered, or was not.
    fn exchanged(&self, exchange: &Exchange<'_>);
}

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Whose limits it counts against; none for the App's own requests.
    pub installation: Option<InstallationId>,
    /// `GET`, `POST`, …
    pub method: &'a Method,
    /// What was asked for, in one word of a small list: `pulls`, `comments`, `contents`, …
    pub call: &'static str,
    /// None: no answer came.
    pub status: Option<StatusCode>,
    /// What the answer says of the hourly limit, if it says anything.
    pub quota: Option<Quota<'a>>,
    /// Was it refused because there were too many requests?
    pub limited: Option<Limited>,
}

/// What is left of an hourly limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota<'a> {
    /// GitHub's name of the limit: `core`, …
    pub resource: &'a str,
    /// Requests an hour.
    pub limit: u64,
    /// Requests that are left of them.
    pub remaining: u64,
    /// When the hour is over, and all of them may be made again: in seconds since 1970.
    pub resets_at: u64,
}

/// Which of GitHub's limits was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// That of requests an hour: nothing is left of it.
    Primary,
    /// One of those that GitHub does not count down: content writes a minute, requests at once.
    Secondary,
}

impl<'a> Quota<'a> {
    /// Reads GitHub's `x-ratelimit-*` headers.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let number = |name: &str| text(name)?.parse().ok();
        Some(Self {
            resource: text("x-ratelimit-resource")?,
            limit: number("x-ratelimit-limit")?,
            remaining: number("x-ratelimit-remaining")?,
            resets_at: number("x-ratelimit-reset")?,
        })
    }
}

impl Limited {
    /// GitHub says how long to stay away of a secondary limit only.
    pub(crate) fn by(headers: &HeaderMap) -> Self {
        let nothing_is_left = headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
        if nothing_is_left && !headers.contains_key("retry-after") {
            Self::Primary
        } else {
            Self::Secondary
        }
    }
}

/// The word for a call, by the segments of its path below `/repos/OWNER/NAME`, or below the API's root.
pub(crate) fn call_name(segments: &[&str]) -> &'static str {
    match segments {
        [] => "repository",
        ["app"] => "app",
        ["app", "installations", ..] => "access_tokens",
        ["issues", ..] => "comments",
        ["pulls", ..] => "pulls",
        ["collaborators", ..] => "permission",
        ["contents", ..] => "contents",
        ["git" | "tarball" | "zipball", ..] => "tree",
        ["deployments", ..] => "deployments",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name: http::HeaderName = name.parse().expect("a name");
            (name, value.parse().expect("a value"))
        });
        pairs.collect()
    }

    #[test]
    fn the_quota_is_read_where_github_says_all_of_it() {
        let whole = [
            ("x-ratelimit-resource", "core"),
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4999"),
            ("x-ratelimit-reset", "1795000000"),
        ];
        let quota = Quota {
            resource: "core",
            limit: 5_000,
            remaining: 4_999,
            resets_at: 1_795_000_000,
        };
        assert_eq!(Quota::of(&headers(&whole)), Some(quota));
        assert_eq!(Quota::of(&headers(&whole[1..])), None);
        let nonsense = [whole[0], whole[1], ("x-ratelimit-remaining", "-1"), whole[3]];
        assert_eq!(Quota::of(&headers(&nonsense)), None);
    }
}
