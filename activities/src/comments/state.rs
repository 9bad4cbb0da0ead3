//! How is a preview's state said? In full about one preview, or on one line among others.

use std::fmt;

use askama::Template;
use jiff::Timestamp;
use url::Url;
use workflows::{
    activities::{PreviewReport, ReportedState, StopReason, WaitingFor},
    vocabulary::PreviewId,
};

use super::markdown::{Markdown, address, block, code, link, sentence};

/// Longest sentence of foreign origin, in characters.
const SENTENCE_MAX: usize = 2_000;
/// Longest name of foreign origin, in characters: an image's may be long.
pub(super) const NAME_MAX: usize = 500;
/// Longest log, in characters. GitHub takes 65,536 for a whole comment.
const LOG_MAX: usize = 20_000;

/// A preview's state, in full.
#[derive(Template)]
#[template(path = "state.md")]
pub(super) struct InFull {
    state: State,
    /// Where the log is, if it is not posted.
    log_in: Option<Markdown>,
}

impl InFull {
    /// Says that there is a log, and in which workflow.
    pub(super) fn without_log(
        state: &ReportedState,
        preview: &PreviewId,
        workflow: Option<&Url>,
    ) -> Self {
        let state = match state.into() {
            State::Failed { summary, .. } => State::Failed { summary, log: None },
            other => other,
        };
        let id = preview.to_string();
        let log_in = workflow.map_or_else(
            || code(&id, NAME_MAX),
            |url| link("the preview's workflow", url),
        );
        Self {
            state,
            log_in: Some(log_in),
        }
    }
}

impl From<&ReportedState> for InFull {
    fn from(state: &ReportedState) -> Self {
        Self {
            state: state.into(),
            log_in: None,
        }
    }
}

/// A preview on one line.
#[derive(Template)]
#[template(path = "line.md")]
pub(super) struct Line {
    commit: Markdown,
    state: State,
    requested_by: Markdown,
}

impl From<&PreviewReport> for Line {
    fn from(report: &PreviewReport) -> Self {
        Self {
            commit: code(report.preview.commit.short(), NAME_MAX),
            state: (&report.state).into(),
            requested_by: sentence(report.requested_by.as_str(), NAME_MAX),
        }
    }
}

/// [`ReportedState`] in safe Markdown.
enum State {
    Requested,
    Queued {
        waiting_for: WaitingFor,
    },
    Provisioning,
    Installing,
    Starting,
    WaitingForImage {
        image: Markdown,
    },
    Ready(Ready),
    Stopping {
        because: Reason,
    },
    Removed {
        because: Reason,
    },
    Failed {
        summary: Markdown,
        log: Option<Markdown>,
    },
}

impl From<&ReportedState> for State {
    fn from(state: &ReportedState) -> Self {
        match state {
            ReportedState::Requested => Self::Requested,
            ReportedState::Queued { waiting_for } => Self::Queued {
                waiting_for: *waiting_for,
            },
            ReportedState::Provisioning => Self::Provisioning,
            ReportedState::Installing => Self::Installing,
            ReportedState::Starting => Self::Starting,
            ReportedState::WaitingForImage { image } => Self::WaitingForImage {
                image: code(image, NAME_MAX),
            },
            ReportedState::Ready {
                url,
                stable_url,
                expires_at,
                extendable_until,
                is_expiring,
            } => Self::Ready(Ready {
                url: address(url, NAME_MAX),
                stable_url: stable_url.as_ref().map(|url| address(url, NAME_MAX)),
                expires_at: Moment(*expires_at),
                extendable_until: (extendable_until > expires_at)
                    .then_some(Moment(*extendable_until)),
                is_expiring: *is_expiring,
            }),
            ReportedState::Stopping { because } => Self::Stopping {
                because: because.into(),
            },
            ReportedState::Removed { because } => Self::Removed {
                because: because.into(),
            },
            ReportedState::Failed { explanation } => Self::Failed {
                summary: sentence(&explanation.summary, SENTENCE_MAX),
                log: explanation.log_tail.as_ref().map(|log| block(log, LOG_MAX)),
            },
        }
    }
}

/// A preview that answers.
pub(super) struct Ready {
    pub(super) url: Markdown,
    pub(super) stable_url: Option<Markdown>,
    pub(super) expires_at: Moment,
    /// None if it is there already.
    extendable_until: Option<Moment>,
    pub(super) is_expiring: bool,
}

impl Ready {
    pub(super) fn of(state: &ReportedState) -> Option<Self> {
        match state.into() {
            State::Ready(ready) => Some(ready),
            _ => None,
        }
    }
}

/// [`StopReason`] in safe Markdown: half a sentence.
#[derive(Template)]
#[template(path = "reason.md")]
enum Reason {
    Expired { at: Moment },
    Asked { by: Option<Markdown> },
    Superseded { by: Markdown },
    Closed,
    Merged,
    Cancelled { reason: Option<Markdown> },
    Terminated,
}

impl Reason {
    /// What somebody had to say about it.
    fn remark(&self) -> Option<&Markdown> {
        match self {
            Self::Cancelled { reason } => reason.as_ref(),
            _ => None,
        }
    }
}

impl From<&StopReason> for Reason {
    fn from(because: &StopReason) -> Self {
        match because {
            StopReason::Expired { at } => Self::Expired { at: Moment(*at) },
            StopReason::Asked { by } => Self::Asked {
                by: by.as_ref().map(|by| sentence(by.as_str(), NAME_MAX)),
            },
            StopReason::Superseded { by } => Self::Superseded {
                by: code(by.short(), NAME_MAX),
            },
            StopReason::PullRequestClosed { merged: true } => Self::Merged,
            StopReason::PullRequestClosed { merged: false } => Self::Closed,
            StopReason::Cancelled { reason } => Self::Cancelled {
                reason: reason.as_ref().map(|reason| sentence(reason, SENTENCE_MAX)),
            },
            StopReason::Terminated => Self::Terminated,
        }
    }
}

/// A time, absolute and with its zone: the readers of one comment sit in many.
#[derive(Clone, Copy)]
pub(super) struct Moment(pub(super) Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%d %H:%M UTC"))
    }
}
