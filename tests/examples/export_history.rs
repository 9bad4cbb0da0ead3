//! Records the history of a workflow on a running stack, for `tests/histories`: what it prints is what the replay tests read.
//!
//! `cargo run --example export_history -- <workflow-id> [<run-id>] > tests/histories/<name>.json`

use std::env;

use anyhow::{Context, Result};
use serde_json::Value;
use temporalio_client::{WorkflowExecutionInfo, WorkflowFetchHistoryOptions};
use tests::{STACK_ENV, SharedStack};

/// Stands for `pid@machine`: who did something is of no consequence for a replay, and no machine's name belongs in a file.
const SOMEBODY: &str = "a worker";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let workflow = arguments.next().context("which workflow? Give its ID")?;
    let file = env::var_os(STACK_ENV).unwrap_or_else(|| ".dev/stack.env".into());
    let stack = SharedStack::at(file.as_ref()).await?;
    let run = WorkflowExecutionInfo::builder()
        .namespace(&stack.env.temporal_namespace)
        .workflow_id(workflow)
        .maybe_run_id(arguments.next());
    let history = run
        .build()
        .bind_untyped(stack.temporal.clone())
        .fetch_history(WorkflowFetchHistoryOptions::default());
    let mut history: Value = serde_json::from_slice(&history.to_json().await?)?;
    anonymise(&mut history);
    println!("{}", serde_json::to_string_pretty(&history)?);
    Ok(())
}

fn anonymise(value: &mut Value) {
    match value {
        Value::String(text) if names_a_process(text) => *text = SOMEBODY.to_owned(),
        Value::Object(fields) => fields.values_mut().for_each(anonymise),
        Value::Array(values) => values.iter_mut().for_each(anonymise),
        _ => {}
    }
}

fn names_a_process(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(pid, _)| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
}
