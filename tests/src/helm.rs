//! Holds Helm at the very moment when a test needs it held.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::{sys::stat::Mode, unistd::mkfifo};
use stack::eventually;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::unix::pipe,
    time::timeout,
};

use crate::{
    script::write_script,
    timeouts::{ANSWER, URL},
};

/// A program that is the real Helm, except that `install` says when it is held,
/// and then hangs until somebody ends it.
pub struct HeldHelm {
    program: PathBuf,
    held: BufReader<pipe::Receiver>,
}

/// A process of a held Helm.
pub struct HelmProcess(u32);

impl HeldHelm {
    /// Makes it in `folder`, in front of the real `helm`, which is not reached.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn before(helm: &Path, folder: &Path) -> Result<Self> {
        Self::held(helm, folder, "")
    }

    /// Makes it in `folder`. It is held when the real `helm` has done its work, and does not tell.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn after(helm: &Path, folder: &Path) -> Result<Self> {
        Self::held(helm, folder, &format!("'{}' \"$@\" || exit; ", helm.display()))
    }

    /// Makes it in `folder`. It is not held, and tells when it is called all the same.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn heard(helm: &Path, folder: &Path) -> Result<Self> {
        Self::made(helm, folder, "echo $$", "")
    }

    fn held(helm: &Path, folder: &Path, before: &str) -> Result<Self> {
        Self::made(helm, folder, &format!("{before}echo $$"), "exec sleep infinity")
    }

    fn made(helm: &Path, folder: &Path, tell: &str, then: &str) -> Result<Self> {
        let (program, held) = (folder.join("held-helm"), folder.join("held"));
        mkfifo(&held, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let script = format!(
            "if [ \"$1\" = install ]; then\n{{ {tell}; }} > '{}'\n{then}\nfi\nexec '{}' \"$@\"",
            held.display(),
            helm.display()
        );
        write_script(&program, &script)?;
        // Open for writing too, so that it never looks closed before the first call.
        let held = pipe::OpenOptions::new().read_write(true).open_receiver(&held)?;
        Ok(Self { program, held: BufReader::new(held) })
    }

    /// Its path, for `HELM`.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Waits until the worker has called `helm install`, and it has come as far as it is to come.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn is_called(&mut self) -> Result<HelmProcess> {
        let mut line = String::new();
        // Helm itself writes into the same pipe, if it is called.
        loop {
            line.clear();
            timeout(URL, self.held.read_line(&mut line))
                .await
                .context("the worker did not call Helm")??;
            if let Ok(id) = line.trim().parse() {
                return Ok(HelmProcess(id));
            }
        }
    }
}

impl HelmProcess {
    /// Waits until it has ended, which nobody here asks it to do.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn has_ended(&self) -> Result<()> {
        let command_line = PathBuf::from(format!("/proc/{}/cmdline", self.0));
        let ended = eventually(ANSWER, async || match fs::read(&command_line) {
            // One that nobody has waited for has none any more.
            Ok(command) if !command.is_empty() => Err(format!(
                "process {} goes on: {}",
                self.0,
                String::from_utf8_lossy(&command).replace('\0', " ")
            )),
            _ => Ok(()),
        });
        ended.await.map_err(anyhow::Error::msg)
    }
}
