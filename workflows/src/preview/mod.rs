//! The workflow of one preview, from the request to its end.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

mod ending;
mod reporter;
mod stages;
mod timeouts;

use domain::{
    IgnoredSignals, Ttl,
    preview::{Phase, PreviewReport, PreviewRequest, RunState, StopReason},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, join};

use ending::into_result;
use stages::Stages;

use crate::{clock, input, payload::Lenient};

/// One preview of one commit. Its workflow ID is the [`PreviewId`](domain::PreviewId), so
/// that Temporal itself refuses a duplicate.
#[workflow]
pub struct PreviewWorkflow {
    request: Result<PreviewRequest, String>,
    /// The run that an operator has reset this one from, and its own otherwise: what one has made is the
    /// other's.
    first_run_id: String,
    state: RunState,
    ignored_signals: IgnoredSignals,
}

#[workflow_methods]
impl PreviewWorkflow {
    /// Takes anything, so that a wrong input is a failed run that says why, and not a wedged one.
    #[init]
    pub fn new(view: &WorkflowContextView, request: Lenient<PreviewRequest>) -> Self {
        let request = request.into_inner();
        let (ttl, max_lifetime) = request
            .as_ref()
            .map_or((Ttl::DEFAULT, Ttl::DEFAULT_MAXIMUM), |request| (request.ttl, request.max_lifetime));
        Self {
            request,
            first_run_id: view.first_execution_run_id().to_owned(),
            state: RunState::new(clock::started_at(view), ttl, max_lifetime),
            ignored_signals: IgnoredSignals::default(),
        }
    }

    /// Deploy, stay until the time is over, tear down; and report all of it.
    #[run(name = "PreviewWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<StopReason> {
        let request = ctx.state(|workflow| workflow.request.clone());
        let request =
            input::accepted(ctx, request, |request| request.preview.to_string()).map_err(|reason| {
                input::bad_request(format!(
                    "this is not a preview request: {reason}; docs/development.md shows one"
                ))
            })?;
        let stages = Stages::new(ctx, request);

        let lifecycle = async {
            let ending = match stages.deploy_unless_stopped().await {
                Ok(answering) => stages.stay_ready_until_the_end(answering).await,
                Err(ending) => ending,
            };
            stages.tear_down(&ending).await;
            stages.finish(&ending);
            ending
        };
        let (ending, ()) = join!(lifecycle, stages.report_to_pull_request());

        into_result(ending)
    }

    /// Gives the preview more time: `"10m"`, within the maximum lifetime of the request.
    #[signal(name = "extend_ttl")]
    pub fn extend_ttl(&mut self, _ctx: &mut SyncWorkflowContext<Self>, by: Lenient<Ttl>) {
        if let Some(by) = self.ignored_signals.sift("extend_ttl", by.into_inner()) {
            self.state.extend(by);
        }
    }

    /// Ends the preview early. By hand, without an argument; whatever else comes as one is of no consequence.
    #[signal(name = "stop")]
    pub fn stop(&mut self, _ctx: &mut SyncWorkflowContext<Self>, reason: Lenient<StopReason>) {
        let reason = reason.into_inner();
        self.state.request_stop(reason.unwrap_or(StopReason::Asked { by: None }));
    }

    /// What is true of the preview now.
    #[query(name = "status")]
    pub fn status(&self, _ctx: &WorkflowContextView) -> PreviewStatus {
        PreviewStatus {
            phase: self.state.state().phase(),
            url: self.state.url().map(str::to_owned),
            expires_at: self.state.deadline(),
            ignored_signals: self.ignored_signals.to_vec(),
        }
    }

    /// All that the pull request's workflow has to know of it. Nothing where the run was
    /// started with something that is no request.
    #[query(name = "report")]
    pub fn report(&self, view: &WorkflowContextView) -> Option<PreviewReport> {
        let request = self.request.as_ref().ok()?;
        Some(self.state.report(request, view.run_id()))
    }
}

/// Answer of the `status` query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewStatus {
    /// How far along it is.
    pub phase: Phase,
    /// Where it answers, once it does.
    pub url: Option<String>,
    /// When it will be removed, once it is ready.
    pub expires_at: Option<Timestamp>,
    /// The last signals that made no sense, and why.
    pub ignored_signals: Vec<String>,
}
