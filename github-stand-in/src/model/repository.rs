//! A repository.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Comment, Deployment, Issue, PullRequest, Role};
use crate::git::Git;

/// A repository and all that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) fork: bool,
    pub(crate) git: Git,
    /// Head of the default branch.
    pub(crate) main_sha: String,
    /// By login in lower case.
    pub(crate) collaborators: BTreeMap<String, Role>,
    /// Issues and pull requests share their numbers.
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) deployments: BTreeMap<u64, Deployment>,
    pub(crate) created_at: Timestamp,
}

impl Repository {
    pub(crate) const DEFAULT_BRANCH: &str = "main";

    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The number of the next issue or pull request.
    pub(crate) fn next_number(&self) -> u64 {
        self.issues.keys().next_back().map_or(1, |last| last + 1)
    }

    pub(crate) fn pull(&self, number: u64) -> Option<(&Issue, &PullRequest)> {
        let issue = self.issues.get(&number)?;
        issue.pull_request.as_ref().map(|pull| (issue, pull))
    }

    pub(crate) fn pulls(&self) -> impl DoubleEndedIterator<Item = (&Issue, &PullRequest)> {
        self.issues
            .values()
            .filter_map(|issue| issue.pull_request.as_ref().map(|pull| (issue, pull)))
    }

    /// The comment with this identifier, unless it was deleted, and the issue it stands on.
    pub(crate) fn comment(&self, id: u64) -> Option<(&Issue, &Comment)> {
        self.issues
            .values()
            .find_map(|issue| issue.comments.get(&id).map(|comment| (issue, comment)))
            .filter(|(_, comment)| comment.deleted_at.is_none())
    }

    pub(crate) fn comment_mut(&mut self, id: u64) -> Option<&mut Comment> {
        self.issues
            .values_mut()
            .find_map(|issue| issue.comments.get_mut(&id))
            .filter(|comment| comment.deleted_at.is_none())
    }
}
