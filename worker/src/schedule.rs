//! How does the orphan sweep come to run every few minutes, once for all workers together?

use std::time::Duration;

use anyhow::Context;
use temporalio_client::{
    Client, RpcOptions,
    schedules::{
        CreateScheduleOptions, ScheduleAction, ScheduleError, ScheduleOverlapPolicy, ScheduleSpec,
    },
    tonic::Code,
};
use workflows::{OrphanSweep, payload::Lenient};

use crate::config::Config;

/// Sweeps that were missed while Temporal was away are not made up for: the next one sees all that they would have seen.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Creates the schedule, or brings it to what the configuration says. One that an operator has paused stays paused.
///
/// # Errors
/// If Temporal does not take it.
pub async fn orphan_sweep(client: &Client, config: &Config) -> anyhow::Result<()> {
    let id = format!("orphan-sweep-{}", config.preview_instance);
    let action = ScheduleAction::start_workflow(
        OrphanSweep::run,
        Lenient::from(config.sweep()),
        config.temporal.preview_task_queue.as_str(),
        id.as_str(),
    );
    let spec = ScheduleSpec::from_interval(config.sweep_interval.as_duration());

    let options = CreateScheduleOptions::builder()
        .action(action.clone())
        .spec(spec.clone())
        .overlap_policy(ScheduleOverlapPolicy::Skip)
        .note("Finds namespaces without a workflow and removes them. Kept up to date by preview-worker; pause it to stop it.")
        .build();
    match client.create_schedule(id.as_str(), options).await {
        Ok(_) => tracing::info!(schedule = id, "created"),
        Err(ScheduleError::Rpc(status)) if status.code() == Code::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot create schedule {id}")),
    }
    let schedule = client.get_schedule_handle(id.as_str());
    let update = schedule.update(
        move |schedule| {
            schedule
                .set_action(action)
                .set_spec(spec)
                .set_overlap_policy(ScheduleOverlapPolicy::Skip)
                .set_catchup_window(CATCH_UP);
        },
        RpcOptions::default(),
    );
    update
        .await
        .with_context(|| format!("cannot update schedule {id}"))
}
