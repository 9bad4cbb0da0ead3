//! What does Temporal know of our workflows? Asked before anything is taken from, or given to, a run, and before anything is said.

use std::{error::Error, time::Duration};

use temporalio_client::{
    Client, RpcOptions, UntypedWorkflow, WorkflowDescribeOptions, WorkflowExecutionStatus,
    WorkflowQueryOptions,
    errors::{WorkflowInteractionError, WorkflowQueryError},
};
use workflows::{PullRequestWorkflow, activities::StickyComment, vocabulary::PullRequestRef};

use crate::fault::{Explanation, Fault, explain, with_causes};

/// Longest wait for a workflow's answer. One that a worker has in memory answers within milliseconds; another has to be replayed first.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The newest run of a workflow ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LatestRun {
    pub(crate) run_id: String,
    pub(crate) is_open: bool,
}

/// Temporal did not say, or did not take it. Nothing may be concluded from that.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {}", with_causes(.source.as_ref()))]
pub(crate) struct TemporalError {
    doing: String,
    source: Box<dyn Error + Send + Sync>,
}

impl TemporalError {
    pub(crate) fn new(doing: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            doing,
            source: source.into(),
        }
    }
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
        Err(error) => Err(TemporalError::new(
            format!("asking Temporal for workflow {workflow_id}"),
            error,
        )),
    }
}

/// What the pull request's one comment shall say, in the words of the pull request's own workflow.
pub(crate) async fn truth_about(
    temporal: &Client,
    pull_request: &PullRequestRef,
) -> Result<StickyComment, TemporalError> {
    let bounded = RpcOptions::builder().timeout(QUERY_TIMEOUT).build();
    let options = WorkflowQueryOptions::builder().rpc_options(bounded).build();
    temporal
        .get_workflow_handle::<PullRequestWorkflow>(pull_request.to_string())
        .query(PullRequestWorkflow::comment, (), options)
        .await
        .map_err(|error: WorkflowQueryError| {
            TemporalError::new(format!("asking the workflow of {pull_request}"), error)
        })
}
