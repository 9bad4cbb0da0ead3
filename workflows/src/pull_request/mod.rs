//! What happens on one pull request, from the first command to the last word?

mod commands;
mod inbox;
mod memory;
mod patience;
mod previews;
mod replies;
mod desk;
mod sticky;

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView,
    WorkflowResult, common::error::ApplicationFailure, join,
};

use desk::{Desk, Rest};
use inbox::Message;
use memory::Memory;

use crate::{
    activities::{PreviewReport, StickyComment},
    payload::Lenient,
    vocabulary::{Command, CommentId, CommitSha, Login, Misunderstood, PullRequestRef},
};

/// One pull request. Its workflow ID is the pull request's name, `owner/repo#123`, so that all that is asked there comes to one place, in order.
///
/// It carries out commands, starts and ends previews, and is the only one who speaks on the pull request.
#[workflow]
pub struct PullRequestWorkflow {
    pull_request: Result<PullRequestRef, String>,
    memory: Memory,
}

/// The workflow's input. People and programs give the pull request only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PullRequestInput {
    /// Which one.
    #[serde(flatten)]
    pub pull_request: PullRequestRef,
    /// What an earlier run of the same workflow remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
}

impl From<PullRequestRef> for PullRequestInput {
    fn from(pull_request: PullRequestRef) -> Self {
        Self {
            pull_request,
            memory: None,
        }
    }
}

/// Argument of the signal `commented`: a new comment with at least one line that is addressed to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commented {
    /// Which comment; the same one is carried out once, however often it is signalled.
    pub comment: CommentId,
    /// Who wrote it.
    pub author: Login,
    /// Its lines that are addressed to us, in order.
    pub commands: Vec<Result<Command, Misunderstood>>,
}

/// Argument of the signal `pushed`: the pull request has a new newest commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Which.
    pub head: CommitSha,
}

/// Argument of the signal `closed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Merged, not merely closed.
    pub merged: bool,
}
