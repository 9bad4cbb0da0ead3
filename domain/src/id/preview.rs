//! The ID of a preview: one commit of one pull request. It is the workflow ID,
//! and with it the promise of no duplicates.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::{CommitSha, PullRequestNumber, Repository};

/// `owner/repo#123:<40-hex sha>`: the idempotency key of a preview, used as its Temporal workflow ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct PreviewId {
    /// The repository of the pull request (not of its head, which may be a fork).
    pub repository: Repository,
    /// The pull request.
    pub pull_request: PullRequestNumber,
    /// The commit that the preview serves.
    pub commit: CommitSha,
}

impl PreviewId {
    /// `owner/repo#123`, as GitHub writes it.
    #[must_use]
    pub fn pull_request_name(&self) -> String {
        format!("{}#{}", self.repository, self.pull_request)
    }
}

/// The text is not a preview's ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a preview: expected `owner/repo#123:<40-hex commit>`")]
pub struct InvalidPreviewId(String);

impl FromStr for PreviewId {
    type Err = InvalidPreviewId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (repository, rest) = text.split_once('#')?;
            let (number, commit) = rest.split_once(':')?;
            Some(Self {
                repository: repository.parse().ok()?,
                pull_request: PullRequestNumber::new(number.parse().ok()?)?,
                commit: commit.parse().ok()?,
            })
        };
        // Only the canonical spelling is an ID: `#007` or upper-case digits
        // would name the same preview twice.
        parse()
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| InvalidPreviewId(text.chars().take(250).collect()))
    }
}

impl fmt::Display for PreviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}:{}", self.repository, self.pull_request, self.commit)
    }
}
