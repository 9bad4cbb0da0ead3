//! The signals of a pull request's workflow.

use domain::{preview::PreviewReport, pull_request::PullRequestEvent};
use serde::Serialize;
use temporalio_common::{SignalDefinition, WorkflowDefinition, protos::temporal::api::common::v1::Payload};

use crate::{
    PullRequestWorkflow,
    payload::{Lenient, json},
};

/// The type of a pull request's workflow, as Temporal lists it.
#[must_use]
pub fn workflow_type() -> String {
    PullRequestWorkflow::run.name().to_owned()
}

/// A signal of a pull request's workflow. Made from what the workflow declares: a
/// misspelt or mistyped one does not compile.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Its argument.
    pub input: Payload,
    /// What makes a repeated signal the same signal: a run applies it once.
    pub request_id: String,
}

impl Signal {
    /// Something has happened on the pull request, as a delivery of this GUID tells.
    #[must_use]
    pub fn event(event: PullRequestEvent, delivery: String) -> Self {
        match event {
            PullRequestEvent::Commented(comment) => {
                // By the comment and not by the delivery: two webhooks may tell of the same one.
                let request_id = format!("comment-{}", comment.comment);
                Self::new(PullRequestWorkflow::commented, &comment, request_id)
            }
            PullRequestEvent::Pushed(push) => Self::new(PullRequestWorkflow::pushed, &push, delivery),
            PullRequestEvent::Closed(close) => Self::new(PullRequestWorkflow::closed, &close, delivery),
        }
    }

    /// A preview reports what has become of it.
    #[must_use]
    pub fn report(report: &PreviewReport) -> Self {
        // A run that does not exist yet has nothing to report; its preview's name is then as good.
        let run = report.run_id.clone().unwrap_or_else(|| report.preview.to_string());
        let request_id = format!("{run}-{}", report.revision);
        Self::new(PullRequestWorkflow::reported, report, request_id)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "definitions are passed as the SDK takes them"
    )]
    fn new<S, T>(signal: S, input: &T, request_id: String) -> Self
    where
        S: SignalDefinition<Input = Lenient<T>>,
        T: Serialize,
    {
        Self {
            name: signal.name().to_owned(),
            input: json(input),
            request_id,
        }
    }
}
