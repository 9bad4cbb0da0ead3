//! What the code decides under the model of Temporal, it decides under Temporal's own SDK.
//!
//! A simulated run is replayed from its history: the SDK makes the activations by itself, and compares what
//! the code decides in them with the history's events.

use std::{collections::BTreeSet, env, ffi::OsStr, fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use simulation::{history::histories, plan::Plan};
use temporalio_client::WorkflowHistory;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayFailure, WorkflowReplayer, WorkflowReplayerOptions,
};
use workflows::{OrphanSweep, PreviewWorkflow, PullRequestWorkflow};

/// Names a folder of histories as JSON, which are replayed, too.
const HISTORIES: &str = "SIMULATION_HISTORIES";
/// A replay takes milliseconds. One of a history that stops before its first task never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Twenty plans that have nothing to do with each other.
fn plans() -> impl Iterator<Item = Plan> {
    (0..20).map(|number| Plan::draw(number * 1_000))
}

fn replay(history: &[u8]) -> Result<Result<(), WorkflowReplayError>> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<PreviewWorkflow>()?
        .register_workflow::<PullRequestWorkflow>()?
        .register_workflow::<OrphanSweep>()?;
    let replayer = WorkflowReplayer::new(options.build())?;
    let history = WorkflowHistory::from_json(history)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, replayer.replay_workflow(history)).await })
        .context("the replay does not end")
}

#[test]
fn simulated_runs_replay_through_the_sdk() -> Result<()> {
    let mut written = Vec::new();
    for plan in plans() {
        let seed = plan.seed;
        let histories = histories(&plan).with_context(|| format!("seed {seed}"))?;
        written.extend(
            histories
                .into_iter()
                .map(|(name, history)| (format!("{name} of seed {seed}"), history)),
        );
    }
    let types: BTreeSet<_> = written.iter().filter_map(|(name, _)| name.split(' ').next()).collect();
    assert_eq!(types, BTreeSet::from(["OrphanSweep", "PreviewWorkflow", "PullRequestWorkflow"]));
    if let Some(folder) = env::var_os(HISTORIES) {
        written.extend(recorded(Path::new(&folder))?);
    }

    let mut failed = Vec::new();
    for (name, history) in &written {
        if let Err(error) = replay(history).with_context(|| name.clone())? {
            failed.push(format!("{name}: {error}"));
        }
    }

    let (all, failures) = (written.len(), failed.join("\n"));
    assert!(failed.is_empty(), "{} of {all} histories do not replay:\n{failures}", failed.len());
    println!("{all} histories replay");
    Ok(())
}

fn recorded(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let file = file?.path();
        if file.extension() == Some(OsStr::new("json")) {
            found.push((file.display().to_string(), fs::read(&file)?));
        }
    }
    ensure!(!found.is_empty(), "{} holds no histories", folder.display());
    Ok(found)
}

#[test]
fn a_simulated_run_that_was_decided_otherwise_does_not_replay() -> Result<()> {
    let mut altered = None;
    for plan in plans() {
        altered = histories(&plan)?.into_iter().find_map(|(_, history)| {
            let history = String::from_utf8(history).ok()?;
            let altered = history.replace("\"create_namespace\"", "\"rent_namespace\"");
            (altered != history).then_some(altered)
        });
        if altered.is_some() {
            break;
        }
    }

    let outcome = replay(altered.context("no preview was begun")?.as_bytes())?;

    assert!(
        matches!(outcome, Err(WorkflowReplayError::Replay(WorkflowReplayFailure::Nondeterminism { .. }))),
        "{outcome:?}"
    );
    Ok(())
}
