//! Which previews of a pull request are open, whoever started them.

use std::collections::BTreeSet;

use domain::{
    CommentId, PreviewId,
    preview::{PreviewReport, PreviewState},
};
use futures::TryStreamExt;
use temporalio_client::{Client, WorkflowListOptions, errors::WorkflowQueryError};
use workflows::{
    PreviewWorkflow,
    contract::{FindPreviews, FoundPreviews},
    search_attributes::open_workflows,
};

use crate::temporal::{LatestRun, TemporalError, latest_run, query_options};

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
        let Some(run) = run.filter(|run| run.is_open) else {
            found.closed.push(preview);
            continue;
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
    found.closed.retain(|preview| request.suspects.contains(preview));
    Ok(found)
}

/// Enough to end it. Whatever it says itself is newer.
fn without_an_answer(preview: PreviewId, run: LatestRun) -> Option<PreviewReport> {
    Some(PreviewReport {
        preview,
        run_id: Some(run.run_id),
        revision: 0,
        requested_by: run.requested_by?,
        asked_in: CommentId(0),
        state: PreviewState::Requested,
        environment: None,
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
