//! Reads pull requests.

use domain::{CommitSha, PullRequestRef, RepositoryId, pull_request::PullRequestState};
use serde::Deserialize;

use crate::{Error, GitHubApp, Operation};

/// What we need to know about a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct PullRequest {
    /// The repository that received it, whatever it is called.
    pub repository: RepositoryId,
    /// The newest commit.
    pub head: CommitSha,
    /// The branch that it is the newest commit of.
    pub branch: String,
    /// Do its commits live outside the repository that received it? Also true
    /// if their repository was deleted.
    pub from_fork: bool,
    /// The branch it wants to be merged into.
    pub base_branch: String,
    /// The branch that the repository itself puts first. Whoever opens a pull request cannot choose it.
    pub default_branch: String,
    /// Whether it is still to be decided on.
    pub state: PullRequestState,
    /// Is the conversation closed to outsiders?
    pub locked: bool,
}

impl GitHubApp {
    /// Reads a pull request.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) also when the App is
    /// not installed on the repository any more.
    pub async fn pull_request(&self, reference: &PullRequestRef) -> Result<PullRequest, Error> {
        let call = self.transport().repository_call(
            format!("reading pull request {reference}"),
            Operation::GetPullRequest,
            &reference.repository,
            &["pulls", &reference.number.to_string()],
        );
        self.send(reference.installation, &call).await?.json()
    }
}

#[derive(Deserialize)]
struct Wire {
    head: End,
    base: Base,
    state: OpenOrClosed,
    merged: bool,
    locked: bool,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    sha: CommitSha,
    /// Null once the fork is deleted.
    repo: Option<Home>,
}

#[derive(Deserialize)]
struct Base {
    #[serde(rename = "ref")]
    branch: String,
    repo: Receiver,
}

/// Repositories are compared by number: names change.
#[derive(Deserialize)]
struct Home {
    id: RepositoryId,
}

#[derive(Deserialize)]
struct Receiver {
    id: RepositoryId,
    default_branch: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OpenOrClosed {
    Open,
    Closed,
}

impl From<Wire> for PullRequest {
    fn from(wire: Wire) -> Self {
        Self {
            repository: wire.base.repo.id,
            head: wire.head.sha,
            branch: wire.head.branch,
            from_fork: wire.head.repo.is_none_or(|home| home.id != wire.base.repo.id),
            base_branch: wire.base.branch,
            default_branch: wire.base.repo.default_branch,
            state: match (wire.merged, wire.state) {
                (true, _) => PullRequestState::Merged,
                (false, OpenOrClosed::Open) => PullRequestState::Open,
                (false, OpenOrClosed::Closed) => PullRequestState::Closed,
            },
            locked: wire.locked,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forks_and_states_are_told_apart() {
        let own = json!({ "id": 1 });
        let fork = json!({ "id": 2 });
        let deleted = json!(null);
        for (head, state, merged, expected) in [
            (&own, "open", false, (false, PullRequestState::Open)),
            (&fork, "open", false, (true, PullRequestState::Open)),
            (&deleted, "closed", false, (true, PullRequestState::Closed)),
            (&own, "closed", true, (false, PullRequestState::Merged)),
        ] {
            let json = json!({
                "head": { "ref": "greet", "sha": "0123456789abcdef0123456789abcdef01234567", "repo": head },
                "base": { "ref": "release", "repo": { "id": 1, "default_branch": "main" } },
                "state": state, "merged": merged, "locked": false, "html_url": "https://github.com/o/r/pull/1",
            });
            let pull_request: PullRequest = serde_json::from_value(json).expect("a pull request");
            assert_eq!((pull_request.from_fork, pull_request.state), expected);
            assert_eq!(pull_request.branch, "greet");
            assert_eq!(pull_request.base_branch, "release");
            assert_eq!(pull_request.default_branch, "main");
        }
    }
}
