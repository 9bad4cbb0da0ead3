//! The questions of the census to Temporal.

use jiff::{SignedDuration, Timestamp};
use temporalio_client::{Client, NamespacedClient, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::{
    enums::v1::TaskQueueType,
    taskqueue::v1::{TaskQueue, TaskQueueStats},
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::DescribeTaskQueueRequest,
};
use workflows::search_attributes::{PHASE, quoted};

use crate::temporal::{RECORDS_MAX, TemporalError, count, records};

/// How long a failed preview is counted.
const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// An open preview, as Temporal's records show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenPreview {
    pub(super) run_id: String,
    /// The value of its search attribute; empty before the run's first step.
    pub(super) phase: String,
}

/// All previews of a task queue that are open, 1,000 with a question.
pub(super) async fn open_previews(
    temporal: &Client,
    task_queue: &str,
) -> Result<Vec<OpenPreview>, TemporalError> {
    let query = format!(
        "ExecutionStatus = 'Running' AND WorkflowType = 'PreviewWorkflow' AND TaskQueue = {}",
        quoted(task_queue)
    );
    let mut open = Vec::new();
    let mut next_page_token = Vec::new();
    loop {
        let page = records(temporal, &query, RECORDS_MAX, next_page_token).await?;
        open.extend(page.executions.into_iter().filter_map(open_preview));
        next_page_token = page.next_page_token;
        if next_page_token.is_empty() {
            return Ok(open);
        }
    }
}

fn open_preview(found: WorkflowExecutionInfo) -> Option<OpenPreview> {
    let fields = found.search_attributes.unwrap_or_default().indexed_fields;
    let phase = fields.get(PHASE.name());
    Some(OpenPreview {
        run_id: found.execution?.run_id,
        phase: phase
            .and_then(|payload| serde_json::from_slice(&payload.data).ok())
            .unwrap_or_default(),
    })
}

/// Previews that have failed within the last day.
pub(super) async fn dead_letters(
    temporal: &Client,
    task_queue: &str,
    now: Timestamp,
) -> Result<u64, TemporalError> {
    let since = now - LETTERS_KEPT;
    let query = format!(
        "WorkflowType = 'PreviewWorkflow' AND ExecutionStatus = 'Failed' AND TaskQueue = {} AND CloseTime > {}",
        quoted(task_queue),
        quoted(&since.to_string())
    );
    count(temporal, query, || "counting previews that have failed".to_owned()).await
}

/// Open workflows whose tasks fail, again and again.
pub(super) async fn wedged(temporal: &Client, task_queue: &str) -> Result<u64, TemporalError> {
    let query = format!(
        "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running' AND TaskQueue = {}",
        quoted(task_queue)
    );
    count(temporal, query, || "counting workflows whose tasks fail".to_owned()).await
}

/// When the newest sweep that came to its end did so; none if no such sweep is remembered.
pub(super) async fn last_sweep(
    temporal: &Client,
    task_queue: &str,
) -> Result<Option<Timestamp>, TemporalError> {
    let query = format!(
        "WorkflowType = 'OrphanSweep' AND ExecutionStatus = 'Completed' AND TaskQueue = {}",
        quoted(task_queue)
    );
    // The newest comes first.
    let newest = records(temporal, &query, 1, Vec::new()).await?;
    let closed = newest.executions.first().and_then(|sweep| sweep.close_time.as_ref());
    Ok(closed.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok()))
}

/// What waits in a task queue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Backlog {
    pub(super) tasks: u64,
    /// In seconds: of the oldest of them.
    pub(super) age: f64,
}

/// Activities that wait there for a worker, or for their turn.
pub(super) async fn backlog(temporal: &Client, task_queue: &str) -> Result<Backlog, TemporalError> {
    let request = DescribeTaskQueueRequest {
        namespace: temporal.namespace(),
        task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..TaskQueue::default() }),
        task_queue_type: TaskQueueType::Activity.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    let mut service = temporal.connection().workflow_service();
    let described = service.describe_task_queue(request.into_request()).await;
    let described = described
        .map_err(|status| TemporalError::new(format!("looking at the task queue {task_queue}"), status))?;
    Ok(described.into_inner().stats.map(read).unwrap_or_default())
}

fn read(stats: TaskQueueStats) -> Backlog {
    let tasks = u64::try_from(stats.approximate_backlog_count).unwrap_or_default();
    let age = stats
        .approximate_backlog_age
        .and_then(|age| std::time::Duration::try_from(age).ok());
    Backlog {
        tasks,
        // Of an empty queue it means nothing.
        age: age.filter(|_| tasks > 0).unwrap_or_default().as_secs_f64(),
    }
}
