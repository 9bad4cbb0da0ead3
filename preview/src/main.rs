//! `preview`: what those who operate the service type. Each command is a module of its name.

mod age;
mod connection;
mod list;
mod names;
mod output;
mod setup;
mod table;

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
