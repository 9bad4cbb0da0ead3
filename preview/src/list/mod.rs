//! `preview list`: which previews there are, and which could not be deployed.

mod dead_letters;
mod filter;
mod row;
mod urls;

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use futures::TryStreamExt;
use jiff::Timestamp;
use runtime::TemporalSettings;
use temporalio_client::{Client, WorkflowListOptions};
use tokio::time::Instant;

use self::{filter::Filter, row::Row};
use crate::{connection, names::NameSettings, output::Format};

/// Which previews, and how they are shown.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    temporal: TemporalSettings,

    #[command(flatten)]
    names: NameSettings,

    #[command(flatten)]
    filter: Filter,

    /// Show so many at the most.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    limit: usize,

    /// Who reads it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// Prints them.
///
/// # Errors
/// If Temporal does not answer, or the name key is of no use.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let since = Instant::now();
    let names = options.names.names()?;
    let temporal = connection::open(&options.temporal).await?;
    let query = options.filter.query(&options.temporal.preview_task_queue);
    let mut rows = records(&temporal, query, options.limit).await?;
    if options.filter.failed {
        rows = dead_letters::explained(&temporal, rows).await?;
    } else {
        urls::fill_in(&temporal, names.as_ref(), &mut rows, since).await;
    }
    match options.output {
        Format::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
        Format::Text if rows.is_empty() => eprintln!("{}", options.filter.nothing_found()),
        Format::Text if options.filter.failed => print!("{}", row::failed_table(&rows, Timestamp::now())),
        Format::Text => print!("{}", row::open_table(&rows, Timestamp::now())),
    }
    Ok(ExitCode::SUCCESS)
}

/// One row for each run that fits, the newest first.
async fn records(temporal: &Client, query: String, limit: usize) -> anyhow::Result<Vec<Row>> {
    let options = WorkflowListOptions::builder().limit(limit).build();
    let found: Vec<_> = temporal.list_workflows(query, options).try_collect().await.context(
        "Temporal does not list workflows; `preview doctor` says whether its search attributes are there",
    )?;
    Ok(found.iter().map(Row::from_record).collect())
}
