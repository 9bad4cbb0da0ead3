//! `preview`: what those who operate the service type. Each command is a module of its name.
#![allow(
    rustdoc::bare_urls,
    reason = "the comments of the options are the text of --help"
)]

mod connection;
mod doctor;
mod explain;
mod extend;
mod find;
mod list;
mod names;
mod output;
#[cfg(test)]
mod page;
mod query;
mod retry;
mod setup;
mod signal;
mod stop;
mod table;
mod target;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Deploy previews, for those who operate the service.
#[derive(Debug, Parser)]
#[command(name = "preview", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the open previews, the newest first.
    List(list::Options),
    /// Makes what the service needs before it is installed.
    #[command(subcommand)]
    Setup(setup::Setup),
    /// Says what a pull request's conversation and its previews are doing, and what to do next.
    Explain(explain::Options),
    /// Gives a preview more time.
    Extend(extend::Options),
    /// Removes a preview now.
    Stop(stop::Options),
    /// Deploys a failed preview once more, as it was asked for.
    Retry(retry::Options),
    /// Checks a whole installation: GitHub, the webhook, Temporal, the cluster, names, certificates, clocks.
    ///
    /// It takes the worker's settings: run it where the worker runs, as its account. Previews belong on a
    /// registrable domain of their own (example-previews.com, not previews.example.com): what a pull request
    /// deploys could set cookies of the other sites there, and read theirs.
    Doctor(Box<doctor::Options>),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    // One TLS implementation for all clients. It fails only when one is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::List(options) => list::run(options).await,
        Command::Setup(setup) => setup::run(setup).await,
        Command::Explain(options) => explain::run(options).await,
        Command::Extend(options) => extend::run(options).await,
        Command::Stop(options) => stop::run(options).await,
        Command::Retry(options) => retry::run(options).await,
        Command::Doctor(options) => doctor::run(*options).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
