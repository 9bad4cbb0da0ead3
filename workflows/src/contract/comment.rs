//! What is written on the pull request.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

use domain::{
    CommentId, DeploymentId, PullRequestRef,
    pull_request::{DeploymentWrite, Reply, StickyWritten},
};
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

/// Activities on the paced GitHub queue.
pub struct CommentActivities;

#[activity_definitions]
impl CommentActivities {
    /// Makes the pull request's one sticky comment say what is true at that moment: asks the workflow
    /// for it (its query `comment`), and writes.
    #[activity(name = "write_sticky")]
    pub async fn write_sticky(_input: WriteSticky) -> Result<StickyWritten, ActivityExecutionError> {
        unimplemented!()
    }

    /// Makes a preview's deployment in GitHub's own list, as queued, and returns its ID. Where there is one
    /// already: has it show the preview's state.
    #[activity(name = "sync_deployment")]
    pub async fn sync_deployment(_input: DeploymentWrite) -> Result<DeploymentId, ActivityExecutionError> {
        unimplemented!()
    }

    /// Answers one comment, in a comment of its own, once.
    #[activity(name = "post_reply")]
    pub async fn post_reply(_input: Reply) -> Result<CommentId, ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod comment_declared {
    pub use super::comment_activities::{PostReply, SyncDeployment, WriteSticky};
}

/// Input of `write_sticky`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteSticky {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// The sticky comment, once it is known. Unknown or deleted: it is looked for by its
    /// hidden marker, and made if there is none.
    pub comment: Option<CommentId>,
}
