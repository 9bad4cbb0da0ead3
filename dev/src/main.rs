//! `cargo dev`: what a developer types.

mod compose;
mod demo;
mod node;
mod running_stack;
mod simulate;
mod test_run;
mod up;
mod worker_rights;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// What a person sees of the stack's own events, unless RUST_LOG says otherwise.
const DEFAULT_FILTER: &str = "warn,stack=info,github_stand_in=info";

/// The local stack and the checks of this project.
#[derive(Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything — Temporal, Kubernetes, the ingress, GitHub's stand-in —
    /// and prints where it is. Ctrl-C stops it.
    Up(up::Options),
    /// Plays a conversation, from the first push to the last word, and prints it with timings.
    Demo(demo::Options),
    /// Runs every test, on a stack of its own.
    Test(test_run::Options),
    /// Runs the workflows' code through interleavings, each drawn from a seed.
    Simulate(simulate::Options),
    /// Runs docker-compose.yml on an engine of its own, with stand-ins for the images that would be pulled,
    /// and plays a conversation against it.
    Compose(compose::Options),
    /// Installs the tools into the cache, and nothing else.
    Install,
    /// Rewrites github-stand-in/description from GitHub's published packages, by npm.
    DescribeGithub,
    /// The stack itself, inside its own namespaces.
    #[command(hide = true)]
    Stack(up::Options),
    /// The engine and the conversation, inside their own namespaces.
    #[command(hide = true)]
    ComposeInside(compose::Options),
    /// A node of the embedded cluster, as the only thing in a container.
    #[command(hide = true)]
    Node(node::Options),
    /// PID 1 of the stack's namespace.
    #[command(hide = true)]
    Init {
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", whole(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes, but for those that it names itself.
fn whole(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |text, cause| match text.as_str() {
            "" => cause,
            said if said.contains(&cause) => text,
            said => format!("{said}: {cause}"),
        })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    // PID 1 stays a plain loop: with a runtime in it, the runtime would reap what is not its own.
    if let Command::Init { command } = command {
        return Ok(stack::namespace::init(&command)?);
    }
    // Two libraries use rustls, and it is for the program to choose what they
    // encrypt with. It fails only when chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    if let Command::Stack(options) = command {
        let inside = up::enter(options)?;
        return in_a_runtime(up::inside(inside));
    }
    if let Command::ComposeInside(options) = command {
        compose::enter()?;
        return in_a_runtime(compose::inside(options));
    }
    in_a_runtime(async {
        match command {
            Command::Up(options) => Box::pin(up::outside(options)).await,
            Command::Demo(options) => Box::pin(demo::run(options)).await,
            Command::Test(options) => Box::pin(test_run::run(options)).await,
            Command::Simulate(options) => simulate::run(options).await,
            Command::Compose(_) => compose::outside().await,
            Command::Install => up::install().await,
            Command::DescribeGithub => up::describe_github().await,
            Command::Node(options) => node::run(options).await,
            Command::Stack(_) | Command::ComposeInside(_) | Command::Init { .. } => {
                unreachable!("it is handled above")
            }
        }
    })
}

fn in_a_runtime(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    let code = runtime.block_on(command);
    // A blocking read may still be under way, and nothing is worth waiting for it.
    runtime.shutdown_background();
    code
}
