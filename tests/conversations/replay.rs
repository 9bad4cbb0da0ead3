//! Workflows that started under yesterday's code go on under today's: recorded histories replay.
//!
//! The example `record_histories` records them from the conversations of a test run.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayFailure, WorkflowReplayer, WorkflowReplayerOptions,
};
use workflows::{
    OrphanSweep, PreviewWorkflow, PullRequestWorkflow, contract::timeouts::Heartbeat, stretch_heartbeats,
};

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("histories").join(name)
}

fn replay(history: &[u8], heartbeat: Heartbeat) -> Result<Result<(), WorkflowReplayError>> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<PreviewWorkflow>()?
        .register_workflow::<PullRequestWorkflow>()?
        .register_workflow::<OrphanSweep>()?
        .workflow_interceptor(stretch_heartbeats(heartbeat));
    let replayer = WorkflowReplayer::new(options.build())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(replayer.replay_workflow(WorkflowHistory::from_json(history)?)))
}

fn replay_all(heartbeat: Heartbeat) -> Result<()> {
    let mut replayed = 0;
    for file in fs::read_dir(recorded(""))? {
        let file = file?.path();
        replay(&fs::read(&file)?, heartbeat)?
            .with_context(|| format!("{} was recorded under code that decided otherwise", file.display()))?;
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} histories are recorded");
    Ok(())
}

#[test]
fn every_recorded_history_replays() -> Result<()> {
    replay_all(Heartbeat::DEFAULT)
}

#[test]
fn every_recorded_history_replays_in_a_worker_that_has_another_heartbeat() -> Result<()> {
    replay_all(Heartbeat::every(Heartbeat::LONGEST).context("within the bounds")?)
}

#[test]
fn a_history_that_was_decided_otherwise_does_not_replay() -> Result<()> {
    let history = String::from_utf8(fs::read(recorded("expired.json"))?)?;
    let altered = history.replace("\"create_namespace\"", "\"rent_namespace\"");
    assert_ne!(history, altered);

    let outcome = replay(altered.as_bytes(), Heartbeat::DEFAULT)?;

    assert!(
        matches!(outcome, Err(WorkflowReplayError::Replay(WorkflowReplayFailure::Nondeterminism { .. }))),
        "{outcome:?}"
    );
    Ok(())
}
