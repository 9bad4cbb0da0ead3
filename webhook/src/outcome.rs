//! What became of a delivery, and what is GitHub told?
//!
//! | Delivery | Status | |
//! | --- | --- | --- |
//! | larger than 25 MiB, announced or not | 413 | `too_large` |
//! | unsigned, wrongly signed, signature malformed | 401 | `bad_signature` |
//! | signed, but not `application/json` | 415 | `not_json` |
//! | without a proper `X-GitHub-Event` or `X-GitHub-Delivery` | 400 | `bad_header` |
//! | not JSON, or not the documented JSON | 400 | `bad_json` |
//! | sent half-way | 400 | `interrupted` |
//! | `ping`, any event but `issue_comment`, any action but `created` | 204 | `ignored` |
//! | comment on an issue, on a closed or locked pull request, by a bot, without a command | 204 | `ignored` |
//! | comment on what GitHub does not show us any more | 204 | `ignored` |
//! | `/preview` with something behind it that we do not know | 204 | `ignored` |
//! | `/preview`: Temporal has started the preview | 202 | `started` |
//! | `/preview`: this commit's preview is running already and knows of the comment | 202 | `joined` |
//! | `/preview`: this comment or a newer one was answered before, for this commit or an earlier one | 202 | `already_served` |
//! | `/preview` by someone who may not, from a fork, or closed meanwhile: Temporal has the notice | 202 | `refused` |
//! | GitHub or Temporal did not answer, or not within the deadline | 503 | `unavailable` |
//!
//! Other methods get 405, other paths 404. Only 202 means that anything was started. After 503 nothing is lost: the same delivery may come again,
//! and whatever part of it was done already is not done twice. The text of an answer is for whoever reads the App's delivery log at GitHub.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use workflows::{activities::Refusal, vocabulary::PreviewId};

use crate::{delivery::Rejection, signature::SignatureError, start::StartError};

/// After how many seconds a delivery may be tried again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

/// What became of a delivery.
#[derive(Debug)]
pub enum Outcome {
    /// Not a delivery from GitHub, or not a readable one.
    Rejected(Rejection),
    /// Nothing to do.
    Ignored(Ignored),
    /// A preview was started.
    Started(PreviewId),
    /// The preview is running; it was told that it is asked for again.
    Joined(PreviewId),
    /// This very comment, or a newer one, was answered before.
    AlreadyServed(PreviewId),
    /// Not allowed; the requester is told why, once.
    Refused(Refusal),
    /// Somebody we need did not answer.
    Unavailable(Unavailable),
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// GitHub tries out the webhook.
    Ping,
    /// An event that we do not act on.
    OtherEvent,
    /// A comment was edited or deleted.
    OtherAction,
    /// A comment on an issue.
    NotAPullRequest,
    /// The pull request was closed or merged before.
    NotOpen,
    /// The conversation is locked.
    Locked,
    /// The author is a bot.
    ByABot,
    /// The comment asks us for nothing.
    NoCommand,
    /// The comment asks for something that we do not know.
    UnknownCommand,
    /// The pull request was deleted, or the App removed.
    NotVisible,
}

/// Who did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// GitHub.
    #[error(transparent)]
    GitHub(#[from] github::Error),
    /// Temporal.
    #[error(transparent)]
    Temporal(#[from] StartError),
    /// Somebody, but too late.
    #[error("not done within {0} s")]
    Deadline(u64),
}

impl Outcome {
    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => match rejection {
                Rejection::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Rejection::Signature(_) => StatusCode::UNAUTHORIZED,
                Rejection::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Rejection::Interrupted | Rejection::Header(_) | Rejection::Json(_) => {
                    StatusCode::BAD_REQUEST
                }
            },
            Self::Ignored(_) => StatusCode::NO_CONTENT,
            Self::Started(_) | Self::Joined(_) | Self::AlreadyServed(_) | Self::Refused(_) => {
                StatusCode::ACCEPTED
            }
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The outcome as one word, for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => match rejection {
                Rejection::TooLarge => "too_large",
                Rejection::Interrupted => "interrupted",
                Rejection::Signature(SignatureError::Malformed | SignatureError::Wrong) => {
                    "bad_signature"
                }
                Rejection::ContentType => "not_json",
                Rejection::Header(_) => "bad_header",
                Rejection::Json(_) => "bad_json",
            },
            Self::Ignored(_) => "ignored",
            Self::Started(_) => "started",
            Self::Joined(_) => "joined",
            Self::AlreadyServed(_) => "already_served",
            Self::Refused(_) => "refused",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// What happened, for whoever looks for the reason. Contains nothing that a comment said.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Rejected(rejection) => rejection.to_string(),
            Self::Ignored(ignored) => ignored.as_str().to_owned(),
            Self::Started(preview) => format!("started {preview}"),
            Self::Joined(preview) => format!("{preview} is running already"),
            Self::AlreadyServed(preview) => {
                format!("{preview}: this comment was answered before")
            }
            Self::Refused(refusal) => match refusal {
                Refusal::NoWriteAccess => "refused: no write access".to_owned(),
                Refusal::Fork => "refused: the commit comes from a fork".to_owned(),
                Refusal::NotOpen => "refused: the pull request is not open".to_owned(),
            },
            Self::Unavailable(unavailable) => unavailable.to_string(),
        }
    }
}

impl Ignored {
    /// The reason in a few words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::OtherEvent => "event not acted on",
            Self::OtherAction => "action not acted on",
            Self::NotAPullRequest => "not on a pull request",
            Self::NotOpen => "pull request not open",
            Self::Locked => "conversation locked",
            Self::ByABot => "by a bot",
            Self::NoCommand => "no command",
            Self::UnknownCommand => "unknown command",
            Self::NotVisible => "GitHub does not show it any more",
        }
    }
}

impl From<Rejection> for Outcome {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl IntoResponse for &Outcome {
    fn into_response(self) -> Response {
        let status = self.status();
        match self {
            Outcome::Ignored(_) => status.into_response(),
            // GitHub shows an answer to the App's owners only, but whoever has no secret is not GitHub.
            Outcome::Unavailable(_) => (
                status,
                [(header::RETRY_AFTER, RETRY_AFTER)],
                "temporarily unavailable\n",
            )
                .into_response(),
            _ => (status, format!("{}\n", self.text())).into_response(),
        }
    }
}
