//! What Temporal records of a preview that has ended.

use domain::{
    Explanation,
    preview::{Ending, StopReason},
};
use temporalio_workflow::{
    ActivityExecutionError, WorkflowResult, WorkflowTermination,
    common::error::{ApplicationFailure, IncomingError, TimeoutError, TimeoutType},
};

/// Completed, Canceled, or Failed: the dead letter that people query for.
pub(super) fn into_result(ending: Ending) -> WorkflowResult<StopReason> {
    match ending {
        Ending::Stopped(StopReason::Cancelled { reason }) => {
            Err(WorkflowTermination::cancelled_with_details(reason))
        }
        Ending::Stopped(because) => Ok(because),
        Ending::Failed(explanation) => Err(ApplicationFailure::builder(explanation.summary.clone())
            .type_name("DeploymentFailed".to_owned())
            .non_retryable(true)
            .details(explanation)
            .build()
            .into()),
    }
}

/// What the requester is told about an activity that failed for good.
pub(super) fn explain(doing: &str, error: &ActivityExecutionError) -> Explanation {
    if let Some(IncomingError::Application(failure)) = error.reason()
        && let Ok(Some(explanation)) = failure.details::<Explanation>()
    {
        return explanation;
    }
    let summary = match error.as_timeout().map(TimeoutError::timeout_type) {
        Some(TimeoutType::Heartbeat) => {
            format!("The worker that was {doing} stopped answering, again and again.")
        }
        Some(_) => format!("Time ran out while {doing}."),
        None => {
            format!("Something unexpected happened while {doing}. The workflow's history has the details.")
        }
    };
    Explanation { summary, log_tail: None }
}
