//! Runs the program `preview`, as those who operate the service do.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

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
        let path = std::env::var_os("PATH").unwrap_or_default();
        let output = Command::new(&self.program)
            .args(words)
            // Nothing of the person's own environment: what the program needs, it is told here.
            .env_clear()
            .env("PATH", path)
            .envs(&self.environment)
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("cannot run {}; `cargo dev test` builds it", self.program.display()))?;
        Ok(Printed {
            is_success: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
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
