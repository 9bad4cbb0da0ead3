//! `cargo dev test`, from top to bottom.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use stack::cluster::audit_log;
use stack::env::StackEnv;
use stack::tools::browser;
use stack::tools::{Tool, Toolbox};

use crate::running_stack::RunningStack;
use crate::worker_rights;

/// Conversations side by side, unless RUST_TEST_THREADS says otherwise: they mostly wait.
const THREADS: &str = "5";

/// What a person can choose.
#[derive(Args)]
pub(crate) struct Options {
    /// Folder for the state and logs of the tests' own stack, and for the logs of each conversation.
    #[arg(long, default_value = ".dev/test")]
    state: PathBuf,
    /// What the test programs are given, for example a part of a test's name.
    #[arg(last = true, value_name = "FILTER")]
    arguments: Vec<OsString>,
}

/// Installs, builds, starts a stack, runs every test of the workspace, and stops the stack.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    Toolbox::ensure_all(Tool::EMBEDDED).await?;
    Toolbox::ensure_all(Tool::OF_TESTS).await?;
    browser::ensure().await?;
    let started = Instant::now();
    cargo(&["build", "--workspace", "--bins"], &[]).await?;
    cargo(&["test", "--workspace", "--no-run", "--quiet"], &[]).await?;
    eprintln!("Built after {:.0} s.", started.elapsed().as_secs_f64());

    let state = std::path::absolute(&options.state)?;
    let stack = RunningStack::start(&state, &["--platform-only"]).await?;
    let tested = tokio::select! {
        tested = test(&stack, &state, &options.arguments) => tested,
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Into::into).and_then(|()| Err(anyhow!("interrupted"))),
    };
    let stopped = stack.stop().await;
    eprintln!(
        "Done after {:.0} s. The logs of stack and conversations are in {}.",
        started.elapsed().as_secs_f64(),
        state.display()
    );
    tested.and(stopped)?;
    Ok(ExitCode::SUCCESS)
}

async fn test(stack: &RunningStack, state: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    let threads = std::env::var_os("RUST_TEST_THREADS").unwrap_or_else(|| THREADS.into());
    let mut words: Vec<OsString> = ["test", "--workspace", "--no-fail-fast", "--"].map(Into::into).into();
    words.extend_from_slice(arguments);
    cargo(&words, &[("PREVIEW_STACK_ENV", stack.env_file().into()), ("RUST_TEST_THREADS", threads)]).await?;
    // Some of the tests do not need all rights.
    if arguments.is_empty() {
        worker_rights::check(&StackEnv::read(&stack.env_file())?, &audit_log(state)).await?;
    }
    Ok(())
}

async fn cargo<Word: AsRef<OsStr>>(words: &[Word], environment: &[(&str, OsString)]) -> anyhow::Result<()> {
    let status = stack::cargo::command()
        .args(words)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot run cargo")?;
    let shown: Vec<_> = words.iter().map(|word| word.as_ref().to_string_lossy()).collect();
    ensure!(status.success(), "cargo {} failed", shown.join(" "));
    Ok(())
}
