//! `cargo dev simulate`: the simulator, built for speed.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Context;
use clap::Args;

/// What a person can choose.
#[derive(Args)]
pub(crate) struct Options {
    /// What the simulator is given: `--seeds 10000`, `--seed 7`, `--time 600`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    arguments: Vec<OsString>,
}

/// Builds the simulator and runs it.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let status = tokio::process::Command::new("cargo")
        .args(["run", "--quiet", "--release", "--package", "simulation", "--"])
        .args(options.arguments)
        .status()
        .await
        .context("cannot run cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
