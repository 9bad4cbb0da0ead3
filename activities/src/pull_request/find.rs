//! Which previews of a pull request are open, whoever started them, and how those ended that are not.

use std::collections::BTreeSet;

use domain::{
    CommentId, Explanation, PreviewId,
    preview::{Ending, PreviewReport, PreviewState, Probe, StopReason},
};
use futures::TryStreamExt;
use temporalio_client::{
    Client, NamespacedClient, WorkflowExecutionInfo, WorkflowGetResultOptions, WorkflowHandle,
    WorkflowListOptions,
    errors::{WorkflowGetResultError, WorkflowQueryError},
};
use temporalio_common::error::IncomingError;
use workflows::{
    PreviewWorkflow,
    contract::{ClosedPreview, FindPreviews, FoundPreviews},
    search_attributes::open_workflows,
};

use crate::temporal::{LatestRun, TemporalError, bounded, latest_run, query_options};

/// As many are looked at. A pull request has a few.
const FOUND_MAX: usize = 200;

/// How often all previews are asked. One whose workflow tasks fail never answers, and must
/// not keep the others from being attended to.
const ASKED_MAX: u32 = 3;

/// Lists what is open, and asks each for what is true of it. `attempt` counts from 1.
pub(crate) async fn find(
    temporal: &Client,
    task_queue: &str,
    attempt: u32,
    request: &FindPreviews,
) -> Result<FoundPreviews, TemporalError> {
    let pull_request = &request.pull_request;
    let query = open_workflows(pull_request, request.repository_id, task_queue);
    let options = WorkflowListOptions::builder().limit(FOUND_MAX).build();
    let listed: Vec<_> = temporal
        .list_workflows(query, options)
        .try_collect()
        .await
        .map_err(|error| TemporalError::new(format!("listing the previews of {pull_request}"), error))?;
    // In a fixed order, and each once. What is no preview's ID is the pull request's own workflow.
    let previews: BTreeSet<PreviewId> = listed
        .iter()
        .filter_map(|workflow| workflow.id().parse().ok())
        .chain(request.suspects.iter().cloned())
        .collect();
    let mut found = FoundPreviews { open: Vec::new(), closed: Vec::new() };
    for preview in previews {
        let run = latest_run(temporal, &preview.to_string()).await?;
        let run = match run {
            Some(run) if run.is_open => run,
            closed => {
                if request.suspects.contains(&preview) {
                    let ending = match closed {
                        Some(run) => ending_of(temporal, &preview.to_string(), &run.run_id).await?,
                        None => Ending::Stopped(StopReason::Terminated),
                    };
                    found.closed.push(ClosedPreview { preview, ending });
                }
                continue;
            }
        };
        let open = match ask(temporal, &preview).await {
            Err(error) if attempt > ASKED_MAX => {
                tracing::warn!(%preview, %error, "an open preview does not say what is true of it");
                without_an_answer(preview, run)
            }
            asked => asked?,
        };
        found.open.extend(open);
    }
    Ok(found)
}

/// How a closed run ended, as Temporal has recorded it: the run may have told another workflow than the
/// one that asks.
///
/// # Errors
/// If Temporal does not say.
pub async fn ending_of(temporal: &Client, preview: &str, run_id: &str) -> Result<Ending, TemporalError> {
    let run = WorkflowExecutionInfo::builder()
        .namespace(temporal.namespace())
        .workflow_id(preview)
        .run_id(run_id)
        .build();
    let run = WorkflowHandle::<Client, PreviewWorkflow>::new(temporal.clone(), run);
    let options = WorkflowGetResultOptions::builder()
        .follow_runs(false)
        .rpc_options(bounded())
        .build();
    Ok(match run.get_result(options).await {
        Ok(because) => Ending::Stopped(because),
        Err(WorkflowGetResultError::Cancelled { details }) => {
            Ending::Stopped(StopReason::Cancelled { reason: details.deserialize().unwrap_or_default() })
        }
        Err(WorkflowGetResultError::Failed(error)) => Ending::Failed(explanation_of(&error)),
        Err(error @ (WorkflowGetResultError::Rpc(_) | WorkflowGetResultError::Other(_))) => {
            return Err(TemporalError::new(format!("asking Temporal how {preview} ended"), error));
        }
        Err(_) => Ending::Stopped(StopReason::Terminated),
    })
}

fn explanation_of(error: &IncomingError) -> Explanation {
    let told = match error {
        IncomingError::Application(failure) => failure.details::<Explanation>().ok().flatten(),
        _ => None,
    };
    told.unwrap_or_else(|| Explanation {
        summary: format!("The preview's workflow failed: {error}."),
        log_tail: None,
    })
}

/// Enough to end it. Whatever it says itself is newer.
fn without_an_answer(preview: PreviewId, run: LatestRun) -> Option<PreviewReport> {
    Some(PreviewReport {
        preview,
        run_id: Some(run.run_id),
        started_at: None,
        revision: 0,
        requested_by: run.requested_by?,
        asked_in: CommentId(0),
        state: PreviewState::Requested,
        environment: None,
        probe: Probe::default(),
    })
}

/// Nothing if it was started with something that is no request.
async fn ask(temporal: &Client, preview: &PreviewId) -> Result<Option<PreviewReport>, TemporalError> {
    temporal
        .get_workflow_handle::<PreviewWorkflow>(preview.to_string())
        .query(PreviewWorkflow::report, (), query_options())
        .await
        .map_err(|error: WorkflowQueryError| {
            TemporalError::new(format!("asking the workflow {preview}"), error)
        })
}
