//! What is said on the pull request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

use super::Explanation;
use crate::vocabulary::{CommentId, PreviewId, PullRequestRef};

/// Activities on the paced GitHub queue.
pub struct CommentActivities;

#[activity_definitions]
impl CommentActivities {
    /// Makes the pull request's one sticky comment say what the report says, and returns the comment's ID.
    #[activity(name = "write_comment")]
    pub async fn write_comment(_input: WriteComment) -> Result<CommentId, ActivityExecutionError> {
        unimplemented!()
    }

    /// Tells a person, in a comment of its own, why nothing was started.
    #[activity(name = "post_notice")]
    pub async fn post_notice(_input: Notice) -> Result<CommentId, ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod declared {
    pub use super::comment_activities::{PostNotice, WriteComment};
}

/// Input of `write_comment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteComment {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// The sticky comment, once it is known. Unknown or deleted: it is looked for by its hidden marker, and made if there is none.
    pub comment: Option<CommentId>,
    /// What it shall say.
    pub report: PreviewReport,
}

/// All that a person is told about a preview: the comment is rendered from this alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewReport {
    /// Which preview; also the workflow to link to.
    pub preview: PreviewId,
    /// The run to link to.
    pub run_id: String,
    /// The login of the person who asked.
    pub requested_by: String,
    /// What is true now.
    pub state: ReportedState,
}

/// What is true of a preview, in the requester's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum ReportedState {
    /// Accepted, being set up.
    Requested,
    /// Set up as far as possible without the commit's image.
    WaitingForImage {
        /// The image that does not exist yet.
        image: String,
    },
    /// The URL answers.
    Ready {
        /// Where.
        url: String,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Its time was over, and it is gone.
    Expired {
        /// When its time was over.
        at: Timestamp,
    },
    /// Someone stopped it, and it is gone.
    Stopped,
    /// The workflow was cancelled, and the preview is gone.
    Cancelled {
        /// What the person who cancelled gave as the reason.
        reason: Option<String>,
    },
    /// It could not be deployed, and what was made is gone.
    Failed {
        /// Why.
        explanation: Explanation,
    },
}

/// Input of `post_notice`, and of the workflow `RefusalNotice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// The comment that is answered; makes the notice findable, so that it is posted once.
    pub comment_id: CommentId,
    /// Whom to tell.
    pub requested_by: String,
    /// Why nothing was started.
    pub reason: Refusal,
}

/// Why a request was not even started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The person may not write to the repository.
    NoWriteAccess,
    /// The commit comes from a fork, whose code nobody here has vouched for.
    Fork,
    /// The pull request is closed or merged.
    NotOpen,
}
