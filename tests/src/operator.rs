//! Runs the program `preview`, as those who operate the service do.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// Somebody who has the program, and variables that it reads.
pub struct Operator {
    program: PathBuf,
    environment: BTreeMap<String, OsString>,
}

/// How the program ended, and what it printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Its exit status was 0.
    pub is_success: bool,
    /// What others can read on.
    pub out: String,
    /// What is for the person only.
    pub err: String,
}

impl Operator {
    pub(crate) fn new(program: PathBuf) -> Self {
        Self { program, environment: BTreeMap::new() }
    }

    /// The same person with another variable.
    #[must_use]
    pub fn with(mut self, variable: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(variable.to_owned(), value.into());
        self
    }

    /// The same person without a variable.
    #[must_use]
    pub fn without(mut self, variable: &str) -> Self {
        self.environment.remove(variable);
        self
    }

    /// Types `preview` with these words.
    ///
    /// # Errors
    /// When there is no such program.
    pub async fn types(&self, words: &[&str]) -> Result<Printed> {
        let output = self.command(words).output().await.with_context(|| self.missing())?;
        Ok(Printed {
            is_success: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The same, and does what the person is asked for as soon as a line for the person begins with
    /// `request`.
    ///
    /// # Errors
    /// When there is no such program, or what is asked for cannot be done.
    pub async fn types_and_does(
        &self,
        words: &[&str],
        request: &str,
        act: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<Printed> {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = command.spawn().with_context(|| self.missing())?;
        let told = program.stderr.take().context("it is piped")?;
        let mut told = BufReader::new(told).lines();
        let mut err = String::new();
        let mut act = Some(act);
        while let Some(line) = told.next_line().await? {
            if line.starts_with(request)
                && let Some(act) = act.take()
            {
                act().await?;
            }
            err = format!("{err}{line}\n");
        }
        // All that it prints for others it prints in the end, and less than a pipe holds.
        let output = program.wait_with_output().await?;
        Ok(Printed {
            is_success: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err,
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new(&self.program);
        command
            .args(words)
            // Nothing of the person's own environment: what the program needs, it is told here.
            .env_clear()
            .env("PATH", path)
            .envs(&self.environment)
            .kill_on_drop(true);
        command
    }

    fn missing(&self) -> String {
        format!("cannot run {}; `cargo dev test` builds it", self.program.display())
    }

    /// The same, and it has to succeed; returns what is printed for all.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub async fn reads(&self, words: &[&str]) -> Result<String> {
        let printed = self.types(words).await?;
        ensure!(printed.is_success, "preview {}: {}{}", words.join(" "), printed.out, printed.err);
        Ok(printed.out)
    }

    /// The same, and it has to fail; returns what the person is told.
    ///
    /// # Errors
    /// When it succeeds.
    pub async fn is_told(&self, words: &[&str]) -> Result<String> {
        let printed = self.types(words).await?;
        ensure!(!printed.is_success, "preview {} succeeded: {}", words.join(" "), printed.out);
        Ok(printed.err)
    }
}
