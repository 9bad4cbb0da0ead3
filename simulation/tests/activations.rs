//! The model gives the code what has happened in the order in which Temporal's SDK Core does.
//!
//! The histories of simulated runs go through Core itself. Each activation that Core makes of a history is
//! compared with the one that the model made, and answered with the commands that the code gave there.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use futures::stream;
use simulation::{history::history_of, plan::Plan, run::play_to_the_end};
use temporalio_common::{
    protos::{
        coresdk::{
            activity_result::activity_resolution::Status as ActivityStatus,
            child_workflow::child_workflow_result::Status as ChildStatus,
            workflow_activation::{WorkflowActivation, workflow_activation_job::Variant as Job},
            workflow_commands::{WorkflowCommand, workflow_command::Variant as Command},
            workflow_completion::WorkflowActivationCompletion,
        },
        temporal::api::{failure::v1::Failure, history::v1::History},
    },
    worker::WorkerTaskTypes,
};
use temporalio_sdk_core::{
    Worker, WorkerConfig, WorkerVersioningStrategy, init_replay_worker,
    replay::{HistoryForReplay, ReplayWorkerInput},
};

/// Core makes an activation within milliseconds. If it does not, it never will.
const PATIENCE: Duration = Duration::from_secs(60);
/// How Core says that a replay has come to its end.
const REPLAYED: &str = "Always evict workflows after replay";

/// An activation of the model's, and what came of it.
struct Expected {
    told: Told,
    commands: Vec<Command>,
}

/// What the code was told.
#[derive(Debug, PartialEq)]
struct Told {
    jobs: Vec<String>,
    at: Option<SystemTime>,
    suggests_continue_as_new: bool,
}

#[test]
fn core_makes_the_same_activations() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut compared = 0;
    for seed in (0..20).map(|number| number * 1_000) {
        let sim = play_to_the_end(&Plan::draw(seed));
        for run in sim.temporal().runs().filter(|run| !run.tasks.is_empty()) {
            // The model also resets to the end of a task after which nothing has happened. No server does.
            if run.start.original_execution_run_id != run.run_id {
                continue;
            }
            let name = format!("{} ({}) of seed {seed}", run.workflow_id, run.run_id);
            let expected = run.tasks.iter().flat_map(|task| {
                let context = task.context;
                task.activations.iter().map(move |(jobs, commands)| Expected {
                    told: Told {
                        jobs: jobs.iter().map(shown).collect(),
                        at: Some(context.at.timestamp().into()),
                        suggests_continue_as_new: context.suggests_continue_as_new,
                    },
                    commands: commands.iter().filter_map(variant).collect(),
                })
            });
            let expected: Vec<_> = expected.collect();
            compared += expected.len();
            let history = history_of(run).with_context(|| name.clone())?;
            runtime.block_on(compare(history, &run.workflow_id, expected)).context(name)?;
        }
        sim.executor().end();
    }
    println!("{compared} activations are Core's");
    Ok(())
}

async fn compare(history: History, workflow_id: &str, expected: Vec<Expected>) -> Result<()> {
    let worker = core(history, workflow_id)?;
    for (number, Expected { told, commands }) in expected.into_iter().enumerate() {
        let activation = next(&worker)
            .await?
            .with_context(|| format!("there is no activation {number}"))?;
        ensure!(
            read(&activation) == told,
            "activation {number}: {:#?} instead of {told:#?}",
            read(&activation)
        );
        let completion = WorkflowActivationCompletion::from_cmds(activation.run_id, commands);
        worker.complete_workflow_activation(completion).await?;
    }
    if let Some(another) = next(&worker).await? {
        bail!("there is another activation: {:#?}", read(&another));
    }
    worker.shutdown().await;
    Ok(())
}

fn core(history: History, workflow_id: &str) -> Result<Worker> {
    let config = WorkerConfig::builder()
        .namespace("default")
        .task_queue("previews")
        .task_types(WorkerTaskTypes::workflow_only())
        .versioning_strategy(WorkerVersioningStrategy::None { build_id: String::new() })
        .build()
        .map_err(anyhow::Error::msg)?;
    let histories = stream::iter([HistoryForReplay::new(history, workflow_id)]);
    init_replay_worker(ReplayWorkerInput::new(config, histories))
}

/// `None` when the replay has come to its end.
async fn next(worker: &Worker) -> Result<Option<WorkflowActivation>> {
    let polled = tokio::time::timeout(PATIENCE, worker.poll_workflow_activation()).await;
    let activation = polled.context("Core makes no more activations")??;
    let removed = activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Job::RemoveFromCache(remove)) => Some(remove.message.clone()),
        _ => None,
    });
    let Some(why) = removed else {
        return Ok(Some(activation));
    };
    worker
        .complete_workflow_activation(WorkflowActivationCompletion::empty(activation.run_id))
        .await?;
    ensure!(why == REPLAYED, "Core gives up: {why}");
    Ok(None)
}

fn read(activation: &WorkflowActivation) -> Told {
    Told {
        jobs: activation
            .jobs
            .iter()
            .filter_map(|job| job.variant.as_ref())
            .map(shown)
            .collect(),
        at: activation.timestamp.and_then(|at| at.try_into().ok()),
        suggests_continue_as_new: activation.continue_as_new_suggested,
    }
}

fn variant(command: &WorkflowCommand) -> Option<Command> {
    command.variant.clone()
}

/// Without what the model does not have: event IDs, identities, and the texts around an activity's failure.
fn shown(job: &Job) -> String {
    match job {
        Job::InitializeWorkflow(it) => {
            format!("start {} {} {:?} {:?}", it.workflow_type, it.workflow_id, it.arguments, it.start_time)
        }
        Job::SignalWorkflow(it) => format!("signal {} {:?}", it.signal_name, it.input),
        Job::CancelWorkflow(it) => format!("cancellation {:?}", it.reason),
        Job::FireTimer(it) => format!("timer {}", it.seq),
        Job::ResolveActivity(it) => {
            let outcome = match it.result.as_ref().and_then(|result| result.status.as_ref()) {
                Some(ActivityStatus::Completed(success)) => format!("{:?}", success.result),
                Some(ActivityStatus::Failed(failed)) => {
                    format!("failed {:?}", cause(failed.failure.as_ref()))
                }
                Some(ActivityStatus::Cancelled(_)) => "cancelled".to_owned(),
                other => format!("{other:?}"),
            };
            format!("activity {} {outcome}", it.seq)
        }
        Job::ResolveChildWorkflowExecutionStart(it) => format!("child {} start {:?}", it.seq, it.status),
        Job::ResolveChildWorkflowExecution(it) => {
            let outcome = match it.result.as_ref().and_then(|result| result.status.as_ref()) {
                Some(ChildStatus::Completed(_)) => "completed",
                Some(ChildStatus::Failed(_)) => "failed",
                Some(ChildStatus::Cancelled(_)) => "cancelled",
                None => "nothing",
            };
            format!("child {} {outcome}", it.seq)
        }
        Job::ResolveSignalExternalWorkflow(it) => format!("signal {} sent {}", it.seq, it.cause),
        other => format!("{other:?}"),
    }
}

fn cause(failure: Option<&Failure>) -> Option<&Failure> {
    failure?.cause.as_deref()
}
