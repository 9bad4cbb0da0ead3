//! `preview explain`: what a pull request's conversation and its previews are doing, and what to do next.

mod advice;
mod facts;
mod gather;
mod render;
mod words;

use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use jiff::Timestamp;
use runtime::TemporalSettings;
use temporalio_client::Client;

use self::facts::Explained;
use crate::{connection, find, output::Format, target::Target};

/// As many previews of a pull request are explained, the newest first.
const EXPLAINED_MAX: usize = 5;

/// What is to be explained.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A pull request (owner/repo#12, or its address), or a preview as `preview list` shows it.
    #[arg(value_name = "PULL REQUEST | PREVIEW")]
    target: Target,

    #[command(flatten)]
    temporal: TemporalSettings,

    /// Who reads it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// Prints all that Temporal and the workflows themselves say.
///
/// # Errors
/// If Temporal does not answer, or knows nothing of it.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let temporal = connection::open(&options.temporal).await?;
    let explained = explain(&temporal, &options).await?;
    match options.output {
        Format::Json => println!("{}", serde_json::to_string_pretty(&explained)?),
        Format::Text => print!("{}", render::text(&explained, Timestamp::now())),
    }
    Ok(ExitCode::SUCCESS)
}

async fn explain(temporal: &Client, options: &Options) -> anyhow::Result<Explained> {
    let target = &options.target;
    let conversation = match target.commit {
        Some(_) => None,
        None => gather::conversation(temporal, &target.pull_request_name()).await?,
    };
    let mut named: Vec<_> = match target.preview() {
        Some(preview) => vec![preview],
        None => find::runs(temporal, &options.temporal.preview_task_queue, target)
            .await?
            .into_iter()
            .map(|run| run.preview)
            .collect(),
    };
    let left_out = named.split_off(named.len().min(EXPLAINED_MAX)).len();
    let mut previews = Vec::new();
    for preview in named {
        previews.extend(gather::preview(temporal, preview).await?);
    }
    ensure!(
        conversation.is_some() || !previews.is_empty(),
        "Temporal knows nothing of {target}: is it spelled as GitHub spells it? What has ended is forgotten \
         after the retention time of the namespace"
    );
    Ok(Explained { conversation, previews, left_out })
}
