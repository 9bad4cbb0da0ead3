//! The schedule of the orphan sweep: one for all workers together.

use std::time::Duration;

use anyhow::Context;
use temporalio_client::{
    Client,
    tonic::{Code, IntoRequest, Status},
};
use temporalio_common::{
    WorkflowDefinition,
    protos::temporal::api::{
        common::v1::{Payloads, WorkflowType},
        enums::v1::ScheduleOverlapPolicy,
        schedule::v1::{
            IntervalSpec, Schedule, ScheduleAction, SchedulePolicies, ScheduleSpec, ScheduleState,
            schedule_action::Action,
        },
        taskqueue::v1::TaskQueue,
        workflow::v1::NewWorkflowExecutionInfo,
        workflowservice::v1::{CreateScheduleRequest, DescribeScheduleRequest, UpdateScheduleRequest},
    },
};
use uuid::Uuid;
use workflows::{OrphanSweep, payload::json};

use crate::config::Config;

/// Sweeps that were missed while Temporal was away are not made up for: the
/// next one sees all that they would have seen.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Creates the schedule, or brings it to what the configuration says. One that
/// an operator has paused stays paused.
///
/// # Errors
/// If Temporal does not take it.
pub async fn orphan_sweep(client: &Client, config: &Config) -> anyhow::Result<()> {
    let id = format!("orphan-sweep-{}", config.preview_instance);
    let wanted = wanted(&id, config)?;
    match create(client, &id, &wanted).await {
        Ok(()) => tracing::info!(schedule = id, "created"),
        Err(status) if status.code() == Code::AlreadyExists => {
            update(client, &id, wanted)
                .await
                .with_context(|| format!("cannot update schedule {id}"))?;
        }
        Err(status) => return Err(status).with_context(|| format!("cannot create schedule {id}")),
    }
    Ok(())
}

/// Written out, because the SDK's own schedules have no run time-out: without it, a
/// sweep that never ends would be the last one.
fn wanted(id: &str, config: &Config) -> anyhow::Result<Schedule> {
    let sweep = NewWorkflowExecutionInfo {
        workflow_id: id.to_owned(),
        workflow_type: Some(WorkflowType { name: OrphanSweep::run.name().to_owned() }),
        task_queue: Some(TaskQueue {
            name: config.temporal.preview_task_queue.clone(),
            ..TaskQueue::default()
        }),
        input: Some(Payloads { payloads: vec![json(&config.sweep())] }),
        workflow_run_timeout: Some(config.sweep_timeout.as_duration().try_into()?),
        ..NewWorkflowExecutionInfo::default()
    };
    Ok(Schedule {
        spec: Some(ScheduleSpec {
            interval: vec![IntervalSpec {
                interval: Some(config.sweep_interval.as_duration().try_into()?),
                phase: None,
            }],
            ..ScheduleSpec::default()
        }),
        action: Some(ScheduleAction {
            action: Some(Action::StartWorkflow(sweep)),
        }),
        policies: Some(SchedulePolicies {
            overlap_policy: ScheduleOverlapPolicy::Skip.into(),
            catchup_window: Some(CATCH_UP.try_into()?),
            ..SchedulePolicies::default()
        }),
        state: Some(ScheduleState {
            notes: "Finds namespaces without a workflow and removes them. Kept up to date by preview-worker; pause it to stop it.".to_owned(),
            ..ScheduleState::default()
        }),
    })
}

async fn create(client: &Client, id: &str, schedule: &Schedule) -> Result<(), Status> {
    let request = CreateScheduleRequest {
        namespace: client.options().namespace.clone(),
        schedule_id: id.to_owned(),
        schedule: Some(schedule.clone()),
        request_id: Uuid::new_v4().to_string(),
        ..CreateScheduleRequest::default()
    };
    let mut service = client.connection().workflow_service();
    service.create_schedule(request.into_request()).await?;
    Ok(())
}

/// Keeps the state, which is the operators': paused or not, and why. The last of several
/// workers wins, and they all want the same.
async fn update(client: &Client, id: &str, wanted: Schedule) -> Result<(), Status> {
    let mut service = client.connection().workflow_service();
    let request = DescribeScheduleRequest {
        namespace: client.options().namespace.clone(),
        schedule_id: id.to_owned(),
    };
    let described = service.describe_schedule(request.into_request()).await?;
    let existing = described.into_inner().schedule;
    let request = UpdateScheduleRequest {
        namespace: client.options().namespace.clone(),
        schedule_id: id.to_owned(),
        schedule: Some(Schedule {
            state: existing.and_then(|schedule| schedule.state),
            ..wanted
        }),
        request_id: Uuid::new_v4().to_string(),
        ..UpdateScheduleRequest::default()
    };
    service.update_schedule(request.into_request()).await?;
    Ok(())
}
