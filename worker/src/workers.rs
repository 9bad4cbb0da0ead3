//! Runs the workers: which task queues they poll, how fast, and how they stop.

use std::time::Duration;

use activities::{Comments, EachActivity, Previews, PullRequests, Sweeps};
use temporalio_client::Client;
use temporalio_sdk::{
    Runtime, Worker, WorkerCreateError, WorkerOptions, WorkerRunError, WorkflowRegistrationError,
    runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use workflows::{
    OrphanSweep, PreviewWorkflow, PullRequestWorkflow, contract::github_task_queue, stretch_heartbeats,
};

use crate::{config::Config, rate_limit::RateLimitScope};

/// How long a workflow waits for the worker that has it in memory. After a
/// crash, that worker does not exist any more.
const STICKY_TIMEOUT: Duration = Duration::from_secs(2);
/// Workflow tasks at once; Nexus and local activities are not used. The SDK's own default.
const OTHER_SLOTS: usize = 100;
/// How long running activities have to end by themselves at a shutdown, before they
/// are told to; the next worker repeats those.
const GRACE: Duration = Duration::from_secs(10);

/// What is polled.
pub struct Queues {
    previews: WorkerOptions,
    github: WorkerOptions,
}

/// What the workflows ask for, by its place.
pub struct Implementations {
    /// In the cluster, for one preview.
    pub previews: Previews,
    /// On a pull request, without writing.
    pub pull_requests: PullRequests,
    /// In the cluster, for all.
    pub sweeps: Sweeps,
    /// What is written on pull requests.
    pub comments: Comments,
    /// What stands around each of them.
    pub around_each: EachActivity,
}

/// The task queue that content writes wait in.
#[must_use]
pub fn github_queue(config: &Config) -> String {
    github_task_queue(&config.temporal.preview_task_queue)
}

/// Sets up the previews' queue, with all workflows, and GitHub's, with the content writes only.
///
/// # Errors
/// If a workflow cannot be registered.
pub fn queues(
    config: &Config,
    activities: Implementations,
    rate_limit: RateLimitScope,
) -> Result<Queues, WorkflowRegistrationError> {
    let previews = WorkerOptions::new(config.temporal.preview_task_queue.as_str())
        .register_workflow::<PullRequestWorkflow>()?
        .register_workflow::<PreviewWorkflow>()?
        .register_workflow::<OrphanSweep>()?
        .workflow_interceptor(stretch_heartbeats(config.preview_heartbeat))
        .register_activities(activities.previews)
        .register_activities(activities.pull_requests)
        .register_activities(activities.sweeps)
        .tuner(slots(config.worker_activity_slots))
        .activity_inbound_interceptor(activities.around_each.clone())
        .max_cached_workflows(config.worker_cached_workflows)
        .sticky_queue_schedule_to_start_timeout(STICKY_TIMEOUT)
        .max_heartbeat_throttle_interval(config.preview_heartbeat.interval())
        .graceful_shutdown_period(GRACE)
        .build();
    let github = WorkerOptions::new(github_queue(config))
        .register_activities(activities.comments)
        .activity_inbound_interceptor(activities.around_each)
        .maybe_max_task_queue_activities_per_second(rate_limit.polled())
        .graceful_shutdown_period(GRACE)
        .build();
    Ok(Queues { previews, github })
}

/// How much is done at once. Activities of previews are what takes memory, and what an operator bounds.
fn slots(activities: usize) -> TunerHolder {
    TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(OTHER_SLOTS))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(activities))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(OTHER_SLOTS))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(OTHER_SLOTS))
        .build()
}

/// The end of a worker that nobody asked to end.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It could not be set up.
    #[error("cannot set up a worker: {0}")]
    Create(#[from] WorkerCreateError),
    /// It could not go on.
    #[error("a worker failed: {0}")]
    Run(#[from] WorkerRunError),
}

/// Works until `shutdown`. Every `recycle_after`, the workers are replaced by new ones in the same process:
/// the SDK keeps a little of every activity for as long as its worker lives.
///
/// # Errors
/// If a worker cannot be set up or cannot go on.
pub async fn run(
    runtime: &Runtime,
    client: &Client,
    queues: &Queues,
    recycle_after: Duration,
    shutdown: &CancellationToken,
) -> Result<(), WorkError> {
    while !shutdown.is_cancelled() {
        let mut previews = Worker::new(runtime, client.clone(), queues.previews.clone())?;
        let mut github = Worker::new(runtime, client.clone(), queues.github.clone())?;
        tracing::info!(previews = previews.task_queue(), github = github.task_queue(), "working");

        // If one of them ends, for whatever reason, the other must not go on alone.
        let stop = shutdown.child_token();
        let stop_both = [previews.shutdown_handle(), github.shutdown_handle()];
        let stopper = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(recycle_after) => tracing::info!("restarting within this process (WORKER_RECYCLE)"),
            }
            stop_both.iter().for_each(|stop| stop());
        };
        let ((), previews, github) =
            tokio::join!(stopper, to_its_end(&mut previews, &stop), to_its_end(&mut github, &stop),);
        previews?;
        github?;
    }
    Ok(())
}

async fn to_its_end(worker: &mut Worker, stop: &CancellationToken) -> Result<(), WorkerRunError> {
    let result = worker.run().await;
    stop.cancel();
    result
}
