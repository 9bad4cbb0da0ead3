//! What became of a delivery, and what GitHub is told.
//!
//! | Delivery | Status | |
//! | --- | --- | --- |
//! | larger than 4 MiB, or than 25 MiB if the event is none that we read; announced or not | 413 | `too_large` |
//! | unsigned, wrongly signed, signature malformed | 401 | `bad_signature` |
//! | not there within the time that a body has | 408 | `too_slow` |
//! | sent half-way | 400 | `interrupted` |
//! | signed, but not `application/json` | 415 | `not_json` |
//! | without a proper `X-GitHub-Event` or `X-GitHub-Delivery` | 400 | `bad_header` |
//! | one that we act on, but not JSON, or not the documented JSON | 400 | `bad_json` |
//! | any event but `issue_comment` and `pull_request`, `ping` among them; any action but `created`, `synchronize` and `closed` | 204 | `ignored` |
//! | comment on an issue, by a bot, by nobody any more, or without a line that is addressed to us | 204 | `ignored` |
//! | from a webhook that is not the App's own | 204 | `ignored` |
//! | any of the following, in a repository that is not served | 204 | `ignored` |
//! | comment with such lines, be they understood or not: Temporal has it | 202 | `commented` |
//! | push to a pull request, or its end, while a conversation is going on there: Temporal has it | 202 | `pushed`, `closed` |
//! | push to a pull request, or its end, where no conversation is going on | 204 | `ignored` |
//! | more unverified bodies, or more deliveries for Temporal, than there is room for | 503 | `overloaded` |
//! | Temporal did not answer, or not within the deadline | 503 | `unavailable` |
//!
//! Other methods get 405, other paths 404. Only 202 means that anything happens. After 503 nothing
//! is lost: the same delivery may come again, and whatever part of it was done already is not done
//! twice. The text of an answer is for whoever reads the App's delivery log at GitHub: what a
//! command leads to is said on the pull request.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::PullRequestRef;

use crate::{delivery::Rejection, signaler::SignalError, signature::SignatureError};

/// After how many seconds a delivery may be tried again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

/// What became of a delivery.
#[derive(Debug)]
pub enum Outcome {
    /// Not a delivery from GitHub, or not a readable one.
    Rejected(Rejection),
    /// Nothing to do.
    Ignored(Ignored),
    /// The pull request's workflow has it.
    Signalled {
        /// Which one's.
        pull_request: PullRequestRef,
        /// What, in one word: `commented`, `pushed`, `closed`.
        signal: &'static str,
    },
    /// Temporal did not answer, or was not asked.
    Unavailable(Unavailable),
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// GitHub tries out the webhook.
    Ping,
    /// An event that we do not act on.
    OtherEvent,
    /// A comment was edited or deleted, a pull request labelled …
    OtherAction,
    /// A comment on an issue.
    NotAPullRequest,
    /// The author is a bot.
    ByABot,
    /// The author's account was deleted.
    NoAuthor,
    /// From a webhook of the repository or the organisation: there is no installation to answer through.
    NoInstallation,
    /// The comment asks us for nothing.
    NoCommand,
    /// Nothing was asked for on this pull request, or it is long over.
    NoWorkflow,
    /// The operators do not serve the repository.
    NotServed,
}

/// Why Temporal does not have it, or may not have it.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// It says so.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// It says nothing.
    #[error("not done within {0} s")]
    Deadline(u64),
    /// It was not asked.
    #[error("as many deliveries are being passed on as WEBHOOK_CONCURRENCY lets through")]
    Busy,
}

impl Outcome {
    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => match rejection {
                Rejection::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Rejection::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
                Rejection::Crowded => StatusCode::SERVICE_UNAVAILABLE,
                Rejection::Signature(_) => StatusCode::UNAUTHORIZED,
                Rejection::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Rejection::Interrupted | Rejection::Header(_) | Rejection::Json(_) => StatusCode::BAD_REQUEST,
            },
            Self::Ignored(_) => StatusCode::NO_CONTENT,
            Self::Signalled { .. } => StatusCode::ACCEPTED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Every [label](Self::label) there is.
    pub const LABELS: &[&str] = &[
        "too_large",
        "too_slow",
        "overloaded",
        "interrupted",
        "bad_signature",
        "not_json",
        "bad_header",
        "bad_json",
        "ignored",
        "commented",
        "pushed",
        "closed",
        "unavailable",
    ];

    /// The outcome as one word, for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => match rejection {
                Rejection::TooLarge { .. } => "too_large",
                Rejection::TooSlow(_) => "too_slow",
                Rejection::Crowded => "overloaded",
                Rejection::Interrupted => "interrupted",
                Rejection::Signature(SignatureError::Malformed | SignatureError::Wrong) => "bad_signature",
                Rejection::ContentType => "not_json",
                Rejection::Header(_) => "bad_header",
                Rejection::Json(_) => "bad_json",
            },
            Self::Ignored(_) => "ignored",
            Self::Signalled { signal, .. } => signal,
            Self::Unavailable(Unavailable::Busy) => "overloaded",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// What happened, for whoever looks for the reason. Contains nothing that a comment said.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Rejected(rejection) => rejection.to_string(),
            Self::Ignored(ignored) => ignored.as_str().to_owned(),
            Self::Signalled { pull_request, signal } => format!("{signal}: {pull_request} was signalled"),
            Self::Unavailable(unavailable) => unavailable.to_string(),
        }
    }
}

impl Ignored {
    /// The reason as one word, for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::OtherEvent => "other_event",
            Self::OtherAction => "other_action",
            Self::NotAPullRequest => "not_a_pull_request",
            Self::ByABot => "by_a_bot",
            Self::NoAuthor => "no_author",
            Self::NoInstallation => "no_installation",
            Self::NoCommand => "no_command",
            Self::NoWorkflow => "no_workflow",
            Self::NotServed => "not_served",
        }
    }

    /// The reason in a few words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::OtherEvent => "event not acted on",
            Self::OtherAction => "action not acted on",
            Self::NotAPullRequest => "not on a pull request",
            Self::ByABot => "by a bot",
            Self::NoAuthor => "the author's account was deleted",
            Self::NoInstallation => {
                "`installation` is missing; let the App send this event, not a webhook of the repository"
            }
            Self::NoCommand => "no command",
            Self::NoWorkflow => "nothing was asked for on this pull request",
            Self::NotServed => "PREVIEW_ALLOWED_OWNERS does not name this repository or its owner",
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
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                (status, [(header::RETRY_AFTER, RETRY_AFTER)], "temporarily unavailable\n").into_response()
            }
            _ => (status, format!("{}\n", self.text())).into_response(),
        }
    }
}
