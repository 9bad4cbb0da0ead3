//! `preview setup`: makes what the service needs before it is installed.

mod github;

use std::process::ExitCode;

use clap::Subcommand;

/// What is to be made.
#[derive(Debug, Subcommand)]
pub(crate) enum Setup {
    /// Registers the GitHub App, on a page in your browser, and keeps its key and its webhook's secret.
    Github(github::Options),
}

/// Makes it.
///
/// # Errors
/// If it could not be made, or not be kept.
pub(crate) async fn run(setup: Setup) -> anyhow::Result<ExitCode> {
    match setup {
        Setup::Github(options) => github::run(options).await,
    }
}
