//! What GitHub says of a pull request at one moment, and of what one person may do there.

use serde::{Deserialize, Serialize};

use crate::{CommitSha, RepositoryId, Ttl, preview::PreviewSettings};

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestSnapshot {
    /// The repository, whatever it is called.
    pub repository_id: RepositoryId,
    /// The newest commit.
    pub head: CommitSha,
    /// The branch that it is the newest commit of.
    #[serde(default)]
    pub branch: Option<String>,
    /// Whether it is still to be decided on.
    pub state: PullRequestState,
    /// The conversation is closed to outsiders.
    pub is_locked: bool,
    /// The commits live outside the repository that received the pull request.
    pub is_from_fork: bool,
    /// The person may ask for previews: may write, and is among those whom the
    /// repository's configuration names, if it names any.
    pub is_authorized: bool,
    /// How many previews of theirs were started in the last hour, on all pull requests.
    #[serde(default)]
    pub started_in_the_last_hour: u32,
    /// On which terms previews are given here: the repository's configuration within the
    /// service's bounds, or what is wrong with it.
    pub terms: Result<Terms, InvalidConfiguration>,
}

/// Whether a pull request is still to be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestState {
    /// Undecided.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
}

/// On which terms a repository's previews are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How long a preview lives unless someone says otherwise.
    pub ttl: Ttl,
    /// How long it may live at the most, extensions included.
    pub max_lifetime: Ttl,
    /// A push renews the preview that the pull request has.
    pub redeploy_on_push: bool,
    /// How many previews one person may have started in an hour.
    pub starts_per_hour: u32,
    /// How previews are installed.
    pub settings: PreviewSettings,
}

/// A repository's configuration that is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidConfiguration {
    /// `.preview.yaml`
    pub file: String,
    /// On which branch. Not always the one that the pull request is for.
    pub branch: String,
    /// In which line, from 1, if it is one line's fault.
    pub line: Option<u32>,
    /// What is wrong, and what would be right. Plain text; escaped where it is rendered.
    pub reason: String,
}
