//! What Temporal knows of our workflows. Asked before anything is taken from, or given
//! to, a run, and before anything is written.

use std::{collections::HashSet, error::Error, time::Duration};

use domain::{
    Login, PreviewId, PullRequestRef,
    preview::{Phase, StopReason},
    pull_request::StickyComment,
};
use jiff::Timestamp;
use temporalio_client::{
    Client, NamespacedClient, RpcOptions, UntypedWorkflow, WorkflowDescribeOptions,
    WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowQueryOptions,
    errors::{WorkflowInteractionError, WorkflowQueryError},
    tonic::{Code, IntoRequest},
};
use temporalio_common::{
    SignalDefinition,
    protos::temporal::api::{
        common::v1::WorkflowExecution,
        workflowservice::v1::{
            CountWorkflowExecutionsRequest, DescribeNamespaceRequest, ListWorkflowExecutionsRequest,
            ListWorkflowExecutionsResponse, SignalWorkflowExecutionRequest,
        },
    },
};
use workflows::{
    PreviewWorkflow, PullRequestWorkflow,
    contract::timeouts::QUERY,
    payload::json,
    search_attributes::{EXPIRES_AT, PHASE, REQUESTED_BY, quoted},
};

use crate::{
    failure::{ActivityFailure, Failure, explain, with_causes},
    instance::{InvalidTemporalNamespaceId, TemporalNamespaceId},
};

/// Most records in one answer: the server's own bound, unless its administrators have lowered it.
pub(crate) const RECORDS_MAX: i32 = 1_000;
/// Overdue previews that are named.
const OVERDUE_NAMED: i32 = 100;

/// The newest run of a workflow ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LatestRun {
    pub(crate) run_id: String,
    /// The first run of the chain that a reset continues: its own, mostly.
    pub(crate) first_run_id: String,
    pub(crate) is_open: bool,
    /// It came to its own end, and so has said which. Whoever is terminated says nothing any more.
    pub(crate) ended_by_itself: bool,
    /// Of a preview: who asked for it.
    pub(crate) requested_by: Option<Login>,
}

/// Temporal did not say, or did not take it. Nothing may be concluded from that.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {}", with_causes(.source.as_ref()))]
pub struct TemporalError {
    doing: String,
    source: Box<dyn Error + Send + Sync>,
}

impl TemporalError {
    pub(crate) fn new(doing: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, source: source.into() }
    }
}

impl TemporalError {
    pub(crate) fn too_slow(preview: &PreviewId, time: Duration) -> Self {
        let why = format!("it took longer than {} s", time.as_secs());
        Self::new(format!("reporting on {preview}"), why)
    }
}

impl ActivityFailure for TemporalError {
    fn failure(&self) -> Failure {
        Failure::temporary(
            "TemporalUnavailable",
            explain("Temporal did not answer as it should. Try again later."),
        )
    }
}

/// The newest run, open or closed; `None` if Temporal knows none (any more).
pub(crate) async fn latest_run(
    temporal: &Client,
    workflow_id: &str,
) -> Result<Option<LatestRun>, TemporalError> {
    // An empty ID, from a namespace whose annotation was torn off, is nobody's;
    // Temporal would call the question itself invalid.
    if workflow_id.is_empty() {
        return Ok(None);
    }
    let handle = temporal.get_workflow_handle::<UntypedWorkflow>(workflow_id);
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(workflow) => Ok(Some(LatestRun {
            run_id: workflow.run_id().to_owned(),
            first_run_id: first_run_id(&workflow),
            is_open: matches!(
                workflow.status(),
                WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused
            ),
            ended_by_itself: matches!(
                workflow.status(),
                WorkflowExecutionStatus::Completed
                    | WorkflowExecutionStatus::Failed
                    | WorkflowExecutionStatus::Canceled
            ),
            requested_by: workflow
                .search_attributes()
                .get(&REQUESTED_BY)
                .and_then(|login| login.parse().ok()),
        })),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(None),
        Err(error) => Err(TemporalError::new(format!("asking Temporal for workflow {workflow_id}"), error)),
    }
}

fn first_run_id(workflow: &WorkflowExecutionDescription) -> String {
    let info = workflow.raw().workflow_execution_info.as_ref();
    let first = info.map(|info| info.first_run_id.as_str()).filter(|first| !first.is_empty());
    first.unwrap_or(workflow.run_id()).to_owned()
}

/// Temporal does not say which namespace we are connected to.
#[derive(Debug, thiserror::Error)]
pub enum UnknownTemporalNamespace {
    /// It does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// It answers something else.
    #[error(transparent)]
    Invalid(#[from] InvalidTemporalNamespaceId),
}

/// The identity of the namespace that the client is connected to.
///
/// # Errors
/// If Temporal does not give it.
pub async fn namespace_id(temporal: &Client) -> Result<TemporalNamespaceId, UnknownTemporalNamespace> {
    let id = describe_namespace(temporal)
        .await
        .map_err(|error| UnknownTemporalNamespace::Unavailable(error.to_string()))?;
    Ok(id.parse()?)
}

/// The ID of the namespace that the client is connected to.
pub(crate) async fn describe_namespace(temporal: &Client) -> Result<String, TemporalError> {
    let request = DescribeNamespaceRequest {
        namespace: temporal.options().namespace.clone(),
        ..DescribeNamespaceRequest::default()
    };
    let described = temporal
        .connection()
        .workflow_service()
        .describe_namespace(request.into_request())
        .await
        .map_err(|status| TemporalError::new("asking Temporal for its namespace".to_owned(), status))?;
    let info = described.into_inner().namespace_info;
    Ok(info.unwrap_or_default().id)
}

/// Which of these previews' workflows are open, by Temporal's records: one question for up to 1,000 of them.
/// Records lag a moment behind: what is not named here may be open all the same.
pub(crate) async fn open_among<'a>(
    temporal: &Client,
    previews: impl Iterator<Item = &'a PreviewId>,
) -> Result<HashSet<String>, TemporalError> {
    let ids: Vec<_> = previews.map(ToString::to_string).collect();
    let mut open = HashSet::new();
    if ids.is_empty() {
        return Ok(open);
    }
    let query = open_query(&ids);
    let mut next_page_token = Vec::new();
    loop {
        let page = records(temporal, &query, RECORDS_MAX, next_page_token).await?;
        open.extend(workflow_ids(&page));
        next_page_token = page.next_page_token;
        // A full answer has a token, though nothing can follow it.
        if next_page_token.is_empty() || open.len() >= ids.len() {
            return Ok(open);
        }
    }
}

fn open_query(ids: &[String]) -> String {
    let quoted: Vec<_> = ids.iter().map(|id| quoted(id)).collect();
    format!("ExecutionStatus = 'Running' AND WorkflowId IN ({})", quoted.join(","))
}

/// The previews of a task queue that should have ended before, and whose workflow is open; up to 100 of them.
pub(crate) async fn overdue_previews(
    temporal: &Client,
    task_queue: &str,
    expired_before: Timestamp,
) -> Result<Vec<String>, TemporalError> {
    let query = format!(
        "ExecutionStatus = 'Running' AND WorkflowType = 'PreviewWorkflow' AND TaskQueue = {} AND {} < {}",
        quoted(task_queue),
        EXPIRES_AT.name(),
        quoted(&expired_before.to_string()),
    );
    let found = records(temporal, &query, OVERDUE_NAMED, Vec::new()).await?;
    Ok(workflow_ids(&found).collect())
}

/// How many previews of a task queue this person has had started since, open or closed. Records lag a moment
/// behind: of many that are asked for at once, some are not counted.
pub(crate) async fn count_started(
    temporal: &Client,
    task_queue: &str,
    person: &Login,
    since: Timestamp,
) -> Result<u32, TemporalError> {
    let query = format!(
        "WorkflowType = 'PreviewWorkflow' AND TaskQueue = {} AND {} = {} AND StartTime > {}",
        quoted(task_queue),
        REQUESTED_BY.name(),
        quoted(person.as_str()),
        quoted(&since.to_string()),
    );
    let counted = count(temporal, query, || format!("counting the previews of {person}")).await?;
    Ok(u32::try_from(counted).unwrap_or(u32::MAX))
}

/// How many workflows a query finds.
pub(crate) async fn count(
    temporal: &Client,
    query: String,
    doing: impl FnOnce() -> String,
) -> Result<u64, TemporalError> {
    let request = CountWorkflowExecutionsRequest { namespace: temporal.options().namespace.clone(), query };
    let counted = temporal
        .connection()
        .workflow_service()
        .count_workflow_executions(request.into_request())
        .await
        .map_err(|status| TemporalError::new(doing(), status))?;
    Ok(u64::try_from(counted.into_inner().count).unwrap_or_default())
}

/// A run of a preview that is ready by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadyRun {
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    /// The first run of the chain that a reset continues: its own, mostly.
    pub(crate) first_run_id: String,
}

/// All open previews of a task queue that are ready by Temporal's records.
pub(crate) async fn ready_previews(
    temporal: &Client,
    task_queue: &str,
) -> Result<Vec<ReadyRun>, TemporalError> {
    let query = format!(
        "ExecutionStatus = 'Running' AND WorkflowType = 'PreviewWorkflow' AND TaskQueue = {} AND {} IN ('{}','{}')",
        quoted(task_queue),
        PHASE.name(),
        Phase::Ready,
        Phase::Expiring,
    );
    let mut ready = Vec::new();
    let mut next_page_token = Vec::new();
    loop {
        let page = records(temporal, &query, RECORDS_MAX, next_page_token).await?;
        ready.extend(page.executions.iter().filter_map(|found| {
            let execution = found.execution.as_ref()?;
            let first = Some(found.first_run_id.clone()).filter(|first| !first.is_empty());
            Some(ReadyRun {
                workflow_id: execution.workflow_id.clone(),
                run_id: execution.run_id.clone(),
                first_run_id: first.unwrap_or_else(|| execution.run_id.clone()),
            })
        }));
        next_page_token = page.next_page_token;
        if next_page_token.is_empty() {
            return Ok(ready);
        }
    }
}

/// Tells this very run to end. False if it is closed.
pub(crate) async fn stop_run(
    temporal: &Client,
    run: &ReadyRun,
    because: StopReason,
) -> Result<bool, TemporalError> {
    let request = SignalWorkflowExecutionRequest {
        namespace: temporal.namespace(),
        identity: temporal.identity(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
        }),
        signal_name: PreviewWorkflow::stop.name().to_owned(),
        input: Some(json(&because).into()),
        // The same again is the same.
        request_id: format!("lost-{}", run.run_id),
        ..SignalWorkflowExecutionRequest::default()
    };
    let signalled = temporal
        .connection()
        .workflow_service()
        .signal_workflow_execution(request.into_request())
        .await;
    match signalled {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::NotFound => Ok(false),
        Err(status) => Err(TemporalError::new(format!("ending {}", run.workflow_id), status)),
    }
}

/// One page of Temporal's records.
pub(crate) async fn records(
    temporal: &Client,
    query: &str,
    page_size: i32,
    next_page_token: Vec<u8>,
) -> Result<ListWorkflowExecutionsResponse, TemporalError> {
    let request = ListWorkflowExecutionsRequest {
        namespace: temporal.options().namespace.clone(),
        page_size,
        next_page_token,
        query: query.to_owned(),
    };
    let listed = temporal
        .connection()
        .workflow_service()
        .list_workflow_executions(request.into_request())
        .await
        .map_err(|status| TemporalError::new("querying Temporal's visibility store".to_owned(), status))?;
    Ok(listed.into_inner())
}

fn workflow_ids(page: &ListWorkflowExecutionsResponse) -> impl Iterator<Item = String> {
    let executions = page.executions.iter();
    executions.filter_map(|found| Some(found.execution.as_ref()?.workflow_id.clone()))
}

/// For questions to workflows: one whose workflow tasks fail never answers.
pub(crate) fn query_options() -> WorkflowQueryOptions {
    WorkflowQueryOptions::builder().rpc_options(bounded()).build()
}

/// For questions that would otherwise wait for something to happen.
pub(crate) fn bounded() -> RpcOptions {
    RpcOptions::builder().timeout(QUERY).build()
}

/// What the pull request's one comment shall say, in the words of the pull request's own workflow.
pub(crate) async fn fetch_sticky_comment(
    temporal: &Client,
    pull_request: &PullRequestRef,
) -> Result<StickyComment, TemporalError> {
    temporal
        .get_workflow_handle::<PullRequestWorkflow>(pull_request.to_string())
        .query(PullRequestWorkflow::comment, (), query_options())
        .await
        .map_err(|error: WorkflowQueryError| {
            TemporalError::new(format!("asking the workflow of {pull_request}"), error)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_names_all_workflow_ids_of_a_page() {
        let ids = ["o/r#1:a", "o/r#2:b"].map(str::to_owned);
        assert_eq!(open_query(&ids), "ExecutionStatus = 'Running' AND WorkflowId IN ('o/r#1:a','o/r#2:b')");
    }
}
