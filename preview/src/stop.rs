//! `preview stop`: the end of a preview.

use std::process::ExitCode;

use clap::Args;
use domain::{PreviewId, preview::StopReason};
use runtime::TemporalSettings;
use temporalio_client::{Client, WorkflowSignalOptions};
use workflows::PreviewWorkflow;

use crate::{
    connection,
    find::{self, Wanted},
    signal,
    target::{Target, short_name},
};

/// Which.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The preview as `preview list` shows it, or its pull request if only one preview of it is open.
    #[arg(value_name = "PREVIEW | PULL REQUEST")]
    target: Target,

    #[command(flatten)]
    temporal: TemporalSettings,
}

/// Sends the signal. The removal takes its time; the pull request is told of it.
///
/// # Errors
/// If no such preview is open, or Temporal does not answer.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let temporal = connection::open(&options.temporal).await?;
    let queue = &options.temporal.preview_task_queue;
    let preview = find::one(&temporal, queue, &options.target, Wanted::Open).await?;
    ask(&temporal, &preview).await?;
    let name = short_name(&preview);
    println!("{name} is being removed; `preview explain {name}` says how far it is");
    Ok(ExitCode::SUCCESS)
}

/// Sends the signal.
///
/// # Errors
/// If it is not open, or Temporal does not answer.
pub(crate) async fn ask(temporal: &Client, preview: &PreviewId) -> anyhow::Result<()> {
    let handle = temporal.get_workflow_handle::<PreviewWorkflow>(preview.to_string());
    let because = StopReason::Asked { by: None };
    let signal = handle.signal(PreviewWorkflow::stop, because.into(), WorkflowSignalOptions::default());
    signal::taken(signal.await, &short_name(preview))
}
