//! What is said on the pull request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

use super::{Misconfigured, PreviewReport};
use crate::vocabulary::{CommentId, Login, Misunderstood, PreviewId, PullRequestRef, Ttl};

/// Activities on the paced GitHub queue.
pub struct CommentActivities;

#[activity_definitions]
impl CommentActivities {
    /// Makes the pull request's one sticky comment say what is true at that moment: asks the workflow for it (its query `comment`), and writes.
    #[activity(name = "write_sticky")]
    pub async fn write_sticky(_input: WriteSticky) -> Result<Written, ActivityExecutionError> {
        unimplemented!()
    }

    /// Makes a preview's deployment in GitHub's own list, as queued, and returns its ID. Where there is one already: has it show the preview's state.
    #[activity(name = "sync_deployment")]
    pub async fn sync_deployment(
        _input: SyncDeployment,
    ) -> Result<DeploymentId, ActivityExecutionError> {
        unimplemented!()
    }

    /// Answers one comment, in a comment of its own, once.
    #[activity(name = "post_reply")]
    pub async fn post_reply(_input: Reply) -> Result<CommentId, ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod declared {
    pub use super::comment_activities::{PostReply, SyncDeployment, WriteSticky};
}

/// Input of `write_sticky`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteSticky {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// The sticky comment, once it is known. Unknown or deleted: it is looked for by its hidden marker, and made if there is none.
    pub comment: Option<CommentId>,
}

/// Output of `write_sticky`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The sticky comment.
    pub comment: CommentId,
    /// Up to which revision everything is said.
    pub revision: u32,
}

/// Answer of the query `comment`: all that the sticky comment is rendered from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickyComment {
    /// Grows with every change that is worth a write.
    pub revision: u32,
    /// What is told, the newest request first. Never empty once anything was asked for.
    pub previews: Vec<PreviewReport>,
}

/// A deployment in GitHub's own list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(pub u64);

/// Input of `sync_deployment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDeployment {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// Which preview.
    pub preview: PreviewId,
    /// The comment that asked for it: tells it apart from earlier previews of the same commit.
    pub asked_in: CommentId,
    /// Its run, to link to.
    pub run_id: Option<String>,
    /// What the repository calls its previews.
    pub environment: String,
    /// The deployment, once it is known. Unknown: it is looked for, made if there is none, and says its state with the next write.
    pub deployment: Option<DeploymentId>,
    /// What it shall say.
    pub state: DeploymentState,
}

/// The state of a deployment, as GitHub knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum DeploymentState {
    /// Accepted.
    Queued,
    /// Being set up.
    InProgress,
    /// It answers.
    Success {
        /// Where: what the button "View deployment" opens.
        url: String,
    },
    /// It could not be deployed.
    Failure,
    /// Gone.
    Inactive,
}

impl DeploymentState {
    /// There is nothing more to come.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failure | Self::Inactive)
    }
}

/// Input of `post_reply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Where to write.
    pub pull_request: PullRequestRef,
    /// The comment that is answered; makes the reply findable, so that it is posted once.
    pub comment_id: CommentId,
    /// Whom to tell.
    pub to: Login,
    /// What, in the order of the commands. Never empty.
    pub answers: Vec<Answer>,
    /// The sticky comment to link to, if there is one.
    pub sticky: Option<CommentId>,
}

/// The answer to one command, when the sticky comment alone does not answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Answer {
    /// Nothing was done.
    Refused {
        /// Why.
        because: Refusal,
    },
    /// This commit's preview answers already.
    AlreadyExists {
        /// Where.
        url: String,
        /// Until when.
        expires_at: Timestamp,
    },
    /// There is no preview that could be given more time.
    NothingToExtend,
    /// There is no preview that could be stopped.
    NothingToStop,
    /// The comment came too late to be obeyed.
    Late {
        /// What has overtaken it.
        overtaken_by: Overtaken,
    },
    /// The preview lives as long as it may already.
    AtMaximum {
        /// Until when.
        until: Timestamp,
    },
    /// More time was asked for than a preview may have.
    TtlTooLong {
        /// What was asked for.
        asked: Ttl,
        /// What may be.
        maximum: Ttl,
    },
    /// Where each preview stands, the newest request first; empty if there is none.
    Status {
        /// All that are known.
        previews: Vec<PreviewReport>,
    },
    /// All commands.
    Help,
    /// A line that makes no sense.
    Misunderstood {
        /// What is wrong with it.
        problem: Misunderstood,
    },
    /// The repository's own configuration makes no sense.
    Misconfigured {
        /// Where, and how.
        problem: Misconfigured,
    },
}

/// What makes a comment old news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overtaken {
    /// It reached the service more than an hour after it was written.
    Time,
    /// A `/preview stop` that was written later.
    Stop,
    /// The end of the pull request, which has been reopened since.
    Close,
    /// A request for a preview that was written later.
    Request,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The person may not write to the repository, or is not among those whom its configuration names.
    NotAllowed,
    /// The commit comes from a fork, whose code nobody here has vouched for.
    Fork,
    /// The pull request is closed.
    Closed,
    /// The pull request is merged.
    Merged,
    /// The conversation is locked.
    Locked,
}
