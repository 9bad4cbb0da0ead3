//! Does Temporal know a workflow of this ID, and is it open? Asked before anything is taken from, or given to, a run.

use temporalio_client::{
    Client, UntypedWorkflow, WorkflowDescribeOptions, WorkflowExecutionStatus,
    errors::WorkflowInteractionError,
};
use workflows::activities::Explanation;

use crate::fault::{Fault, explain, with_causes};

/// The newest run of a workflow ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LatestRun {
    pub(crate) run_id: String,
    pub(crate) is_open: bool,
}

/// Temporal did not say. Nothing may be concluded from that.
#[derive(Debug, thiserror::Error)]
#[error("asking Temporal for workflow {workflow_id} failed: {}", with_causes(.source))]
pub(crate) struct TemporalError {
    workflow_id: String,
    source: Box<WorkflowInteractionError>,
}

impl Fault for TemporalError {
    fn kind(&self) -> &'static str {
        "TemporalUnavailable"
    }

    fn is_permanent(&self) -> bool {
        false
    }

    fn explanation(&self) -> Explanation {
        explain("Temporal did not answer as it should. Try again later.")
    }
}

/// The newest run, open or closed; `None` if Temporal knows none (any more).
pub(crate) async fn latest_run(
    temporal: &Client,
    workflow_id: &str,
) -> Result<Option<LatestRun>, TemporalError> {
    // An empty ID, from a namespace whose annotation was torn off, is nobody's; Temporal would call the question itself invalid.
    if workflow_id.is_empty() {
        return Ok(None);
    }
    let handle = temporal.get_workflow_handle::<UntypedWorkflow>(workflow_id);
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(workflow) => Ok(Some(LatestRun {
            run_id: workflow.run_id().to_owned(),
            is_open: matches!(
                workflow.status(),
                WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused
            ),
        })),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(None),
        Err(source) => Err(TemporalError {
            workflow_id: workflow_id.to_owned(),
            source: Box::new(source),
        }),
    }
}
