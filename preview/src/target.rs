//! Which preview, or which pull request, a command is about.

use std::{fmt, str::FromStr};

use domain::{CommitSha, PreviewId, PullRequestNumber, Repository};

/// Fewest digits of a commit that tell one from another.
const DIGITS_MIN: usize = 7;

/// `owner/repo#12`, its address at GitHub, or a preview of it: `owner/repo#12:0123456`, with at least seven
/// digits of its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whose.
    pub(crate) repository: Repository,
    /// Its number.
    pub(crate) pull_request: PullRequestNumber,
    /// The first digits of the commit, or all 40.
    pub(crate) commit: Option<String>,
}

/// The text names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected owner/repo#12, its address, or a preview as `preview list` shows it: owner/repo#12:0123456"
)]
pub(crate) struct InvalidTarget;

impl Target {
    /// The preview's ID, if all of it is given.
    pub(crate) fn preview(&self) -> Option<PreviewId> {
        let commit: CommitSha = self.commit.as_ref()?.parse().ok()?;
        Some(PreviewId {
            repository: self.repository.clone(),
            pull_request: self.pull_request,
            commit,
        })
    }

    /// The workflow ID of the pull request.
    pub(crate) fn pull_request_name(&self) -> String {
        format!("{}#{}", self.repository, self.pull_request)
    }

    /// Is this one of those that are meant?
    pub(crate) fn includes(&self, preview: &PreviewId) -> bool {
        let commit = self.commit.as_deref().unwrap_or_default();
        preview.repository == self.repository
            && preview.pull_request == self.pull_request
            && preview.commit.as_str().starts_with(commit)
    }
}

/// As people write it, and as every command takes it: `owner/repo#12:0123456`.
pub(crate) fn short_name(preview: &PreviewId) -> String {
    format!("{}:{}", preview.pull_request_name(), preview.commit.short())
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || match text.split_once('#') {
            Some((repository, rest)) => {
                let (number, commit) = match rest.split_once(':') {
                    Some((number, commit)) => (number, Some(digits(commit)?)),
                    None => (rest, None),
                };
                Some((repository.parse().ok()?, number.parse().ok()?, commit))
            }
            None => {
                let mut parts = text.split_once("://")?.1.split('/').skip(1);
                let (owner, name) = (parts.next()?, parts.next()?);
                let number = parts.next().filter(|part| *part == "pull").and(parts.next())?;
                Some((format!("{owner}/{name}").parse().ok()?, number.parse().ok()?, None))
            }
        };
        let (repository, number, commit) = parse().ok_or(InvalidTarget)?;
        let pull_request = PullRequestNumber::new(number).ok_or(InvalidTarget)?;
        Ok(Self { repository, pull_request, commit })
    }
}

fn digits(text: &str) -> Option<String> {
    let is_commit = (DIGITS_MIN..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_commit.then(|| text.to_ascii_lowercase())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pull_request_name())?;
        match &self.commit {
            Some(commit) => write!(f, ":{commit}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "4f2d9c0de3b1a7665544332211009988776655ff";

    #[test]
    fn a_pull_request_or_a_preview_is_named_as_people_have_it_at_hand() {
        for (text, named) in [
            ("octo-org/shop#12", "octo-org/shop#12"),
            ("https://github.com/octo-org/shop/pull/12", "octo-org/shop#12"),
            ("https://github.com/octo-org/shop/pull/12/files", "octo-org/shop#12"),
            ("octo-org/shop#12:4F2D9C0", "octo-org/shop#12:4f2d9c0"),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!((target.to_string().as_str(), target.preview()), (named, None), "{text}");
        }
        let whole = format!("octo-org/shop#12:{COMMIT}");
        let target: Target = whole.parse().expect("a preview");
        let preview = target.preview().expect("all of its ID");
        assert_eq!(
            (preview.to_string(), short_name(&preview)),
            (whole, "octo-org/shop#12:4f2d9c0".to_owned())
        );
        assert!(target.includes(&preview));
    }

    #[test]
    fn a_commits_first_digits_are_enough() {
        let preview = format!("octo-org/shop#12:{COMMIT}").parse().expect("a preview");
        for (text, is_meant) in [
            ("octo-org/shop#12", true),
            ("octo-org/shop#12:4f2d9c0", true),
            ("octo-org/shop#12:4f2d9c1", false),
            ("octo-org/shop#1", false),
            ("octo-org/shop2#12", false),
        ] {
            assert_eq!(text.parse::<Target>().expect(text).includes(&preview), is_meant, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "",
            "shop#12",
            "octo-org/shop",
            "octo-org/shop#0",
            "octo-org/shop#12:4f2d",
            "octo-org/shop#12:main123",
            "octo-org/shop#twelve",
            "https://github.com/octo-org/shop/issues/12",
            "https://github.com/octo-org",
        ] {
            assert_eq!(text.parse::<Target>(), Err(InvalidTarget), "{text}");
        }
    }
}
