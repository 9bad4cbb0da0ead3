//! What people are answered whom the sticky comment does not answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::InvalidConfiguration;
use crate::{CommentId, Login, Misunderstood, PullRequestRef, Ttl, preview::PreviewReport};

/// The answers to one comment: the input of the activity `post_reply`.
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
    /// The second one to the same comment, of which a part was answered before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_second: bool,
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
        /// All that are known. Filled in when the reply is about to be written: how things stand then.
        previews: Vec<PreviewReport>,
    },
    /// All commands.
    Help,
    /// A line that makes no sense.
    Misunderstood {
        /// What is wrong with it.
        problem: Misunderstood,
    },
    /// The repository's own configuration is invalid.
    InvalidConfiguration {
        /// Where, and how.
        problem: InvalidConfiguration,
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
    /// The commit comes from a fork, whose code nobody with write access has approved.
    Fork,
    /// The pull request is closed.
    Closed,
    /// The pull request is merged.
    Merged,
    /// The conversation is locked.
    Locked,
    /// The person has had as many previews started in the last hour as one may.
    TooMany,
}
