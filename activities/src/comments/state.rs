//! Renders a preview's state: in full about one preview, or on one line among others.

use askama::Template;
use domain::{
    Explanation, PreviewId,
    preview::{AnswerNote, PreviewReport, PreviewState, PullProblem, StopReason, WaitingFor},
};
use url::Url;

use super::filters;

/// A preview's state, in full.
#[derive(Template)]
#[template(path = "state.md")]
pub(super) struct InFull<'a> {
    pub(super) state: &'a PreviewState,
    pub(super) log: Log<'a>,
}

/// What becomes of the log of a failure.
pub(super) enum Log<'a> {
    /// It is shown.
    Posted,
    /// It is named, with its place: the preview's workflow.
    Kept {
        preview: &'a PreviewId,
        workflow: Option<&'a Url>,
    },
}

/// A preview on one line.
#[derive(Template)]
#[template(path = "line.md")]
pub(super) struct Line<'a> {
    pub(super) report: &'a PreviewReport,
}

/// Why a preview ends: half a sentence.
#[derive(Template)]
#[template(path = "reason.md")]
struct Reason<'a>(&'a StopReason);

/// Why a preview could not be deployed, with its log.
#[derive(Template)]
#[template(path = "failure.md")]
struct Failure<'a> {
    explanation: &'a Explanation,
    log: &'a Log<'a>,
}

impl InFull<'_> {
    fn reason<'r>(&self, because: &'r StopReason) -> Reason<'r> {
        Reason(because)
    }

    /// What somebody who cancelled a workflow had to say about it.
    fn remark<'r>(&self, because: &'r StopReason) -> Option<&'r str> {
        match because {
            StopReason::Cancelled { reason } => reason.as_deref(),
            _ => None,
        }
    }

    fn failure<'f>(&'f self, explanation: &'f Explanation) -> Failure<'f> {
        Failure { explanation, log: &self.log }
    }
}

impl Line<'_> {
    fn reason<'r>(&self, because: &'r StopReason) -> Reason<'r> {
        Reason(because)
    }
}
