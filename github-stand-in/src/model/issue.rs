//! Issues, pull requests (which are issues with commits) and the comments on them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::git::DiffStat;

/// An issue or pull request.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) author: String,
    pub(crate) locked: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    /// By identifier, so in the order in which they were written. Deleted ones stay, out of sight.
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) pull_request: Option<PullRequest>,
}

impl Issue {
    pub(crate) fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    pub(crate) fn state(&self) -> &'static str {
        if self.is_open() { "open" } else { "closed" }
    }

    /// The comments that are not deleted, oldest first.
    pub(crate) fn visible_comments(&self) -> impl Iterator<Item = &Comment> {
        self.comments.values().filter(|comment| comment.deleted_at.is_none())
    }

    pub(super) fn is_merged_by_author(&self, login: &str) -> bool {
        self.author.eq_ignore_ascii_case(login)
            && self.pull_request.as_ref().is_some_and(|pull| pull.merge.is_some())
    }
}

/// What a pull request has beyond an issue.
#[derive(Clone, Debug)]
pub(crate) struct PullRequest {
    pub(crate) id: u64,
    pub(crate) draft: bool,
    pub(crate) head_branch: String,
    /// Owner and name of the fork the branch lives in; `None` for a branch of the repository itself.
    pub(crate) fork: Option<(String, String)>,
    /// The branch that it wants to be merged into.
    pub(crate) base_branch: String,
    pub(crate) base_sha: String,
    /// Oldest first; the last is the head.
    pub(crate) commits: Vec<Commit>,
    pub(crate) diff: DiffStat,
    pub(crate) merge: Option<Merge>,
}

impl PullRequest {
    pub(crate) fn head_sha(&self) -> &str {
        &self.commits.last().expect("a pull request has at least one commit").sha
    }
}

/// A commit of a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) sha: String,
    pub(crate) message: String,
    pub(crate) author: String,
    pub(crate) at: Timestamp,
}

/// That a pull request was merged.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    pub(crate) sha: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

/// A comment and everything it ever said.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    /// Written with an installation token of the App.
    pub(crate) via_app: bool,
    /// Oldest first, never empty.
    pub(crate) versions: Vec<Version>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) deleted_at: Option<Timestamp>,
}

impl Comment {
    pub(crate) fn latest(&self) -> &Version {
        self.versions.last().expect("a comment has a body")
    }

    pub(crate) fn created_at(&self) -> Timestamp {
        self.versions.first().expect("a comment has a body").at
    }
}

/// What a comment said from some time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The Markdown.
    pub body: String,
    /// When it was written.
    pub at: Timestamp,
}

/// A reaction, `eyes` by somebody.
#[derive(Clone, Debug)]
pub(crate) struct Reaction {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) content: String,
    pub(crate) at: Timestamp,
}
