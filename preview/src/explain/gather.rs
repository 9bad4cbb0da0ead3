//! Asks Temporal, and the workflows themselves. Nothing is changed by it.

use std::time::{Duration, SystemTime};

use activities::ending_of;
use anyhow::Context;
use domain::PreviewId;
use jiff::Timestamp;
use temporalio_client::{
    Client, UntypedWorkflow, WorkflowDescribeOptions, WorkflowExecutionDescription,
    errors::{WorkflowInteractionError, WorkflowQueryError},
};
use temporalio_common::{
    protos::temporal::api::{failure::v1::Failure, workflow::v1::PendingActivityInfo},
    search_attributes::SearchAttributeKey,
};
use workflows::{
    PreviewWorkflow, PullRequestWorkflow,
    search_attributes::{EXPIRES_AT, PHASE, REQUESTED_BY},
};

use super::facts::{Pending, Preview, Workflow};
use crate::query;

/// What Temporal itself says is wrong, on a workflow whose tasks fail.
const PROBLEMS: SearchAttributeKey<Vec<String>> =
    SearchAttributeKey::keyword_list("TemporalReportedProblems");
/// For one question to a workflow: one whose workflow tasks fail never answers.
const QUERY: Duration = Duration::from_secs(5);

/// The workflow of a pull request, if there is one.
///
/// # Errors
/// If Temporal does not answer.
pub(super) async fn conversation(temporal: &Client, id: &str) -> anyhow::Result<Option<Workflow>> {
    let Some(described) = describe(temporal, id).await? else {
        return Ok(None);
    };
    let mut workflow = workflow(&described);
    if workflow.is_open() {
        let handle = temporal.get_workflow_handle::<PullRequestWorkflow>(id);
        match handle
            .query(PullRequestWorkflow::ignored_signals, (), query::within(QUERY))
            .await
        {
            Ok(ignored) => workflow.ignored_signals = ignored,
            Err(error) => workflow.silent = Some(reason(&error)),
        }
    }
    Ok(Some(workflow))
}

/// The newest run of a preview, if there is one.
///
/// # Errors
/// If Temporal does not answer.
pub(super) async fn preview(temporal: &Client, preview: PreviewId) -> anyhow::Result<Option<Preview>> {
    let id = preview.to_string();
    let Some(described) = describe(temporal, &id).await? else {
        return Ok(None);
    };
    let mut workflow = workflow(&described);
    let (mut report, mut ending) = (None, None);
    if workflow.is_open() {
        let handle = temporal.get_workflow_handle::<PreviewWorkflow>(id);
        let asked = async {
            let status = handle.query(PreviewWorkflow::status, (), query::within(QUERY)).await?;
            let report = handle.query(PreviewWorkflow::report, (), query::within(QUERY)).await?;
            Ok((status, report))
        };
        match asked.await {
            Ok((status, said)) => {
                workflow.ignored_signals = status.ignored_signals;
                report = said;
            }
            Err(error) => workflow.silent = Some(reason(&error)),
        }
    } else {
        ending = Some(ending_of(temporal, &id, &workflow.run_id).await?);
    }
    let attributes = described.search_attributes();
    let expires_at = attributes.get(&EXPIRES_AT);
    Ok(Some(Preview {
        preview,
        workflow,
        requested_by: attributes.get(&REQUESTED_BY),
        phase: attributes.get(&PHASE),
        expires_at: expires_at.and_then(|at| Timestamp::new(at.seconds(), at.nanos()).ok()),
        report,
        ending,
    }))
}

async fn describe(temporal: &Client, id: &str) -> anyhow::Result<Option<WorkflowExecutionDescription>> {
    let handle = temporal.get_workflow_handle::<UntypedWorkflow>(id);
    match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(described) => Ok(Some(described)),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot ask Temporal for the workflow {id}")),
    }
}

fn workflow(described: &WorkflowExecutionDescription) -> Workflow {
    Workflow {
        id: described.id().to_owned(),
        run_id: described.run_id().to_owned(),
        status: described.status(),
        task_queue: described.task_queue().to_owned(),
        started_at: described.start_time().and_then(timestamp),
        ended_at: described.close_time().and_then(timestamp),
        problems: described.search_attributes().get(&PROBLEMS).unwrap_or_default(),
        pending: described.raw().pending_activities.iter().map(pending).collect(),
        ignored_signals: Vec::new(),
        silent: None,
    }
}

fn pending(activity: &PendingActivityInfo) -> Pending {
    let kind = activity.activity_type.as_ref();
    let next = activity.next_attempt_schedule_time.filter(|_| activity.attempt > 1);
    Pending {
        activity: kind.map_or_else(|| activity.activity_id.clone(), |kind| kind.name.clone()),
        attempt: activity.attempt,
        last_failure: activity.last_failure.as_ref().map(with_causes),
        next_attempt_at: next.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()),
    }
}

fn with_causes(failure: &Failure) -> String {
    match &failure.cause {
        Some(cause) if !failure.message.contains(&cause.message) => {
            format!("{}: {}", failure.message, with_causes(cause))
        }
        _ => failure.message.clone(),
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

fn reason(error: &WorkflowQueryError) -> String {
    match error {
        WorkflowQueryError::Rpc(status) => runtime::temporal::reason(status),
        error => error.to_string(),
    }
}
