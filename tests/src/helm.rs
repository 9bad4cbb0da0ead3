//! How is Helm held at the very moment when a test needs it held?

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::{sys::stat::Mode, unistd::mkfifo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::unix::pipe,
    time::timeout,
};

use crate::patience::URL;

/// A program that is the real Helm, but whose `upgrade` first says that it was called and then waits to be let go.
///
/// It speaks through two named pipes, so that neither side has to look again and again.
pub struct HeldHelm {
    program: PathBuf,
    called: pipe::Receiver,
    go: pipe::Sender,
    /// Keeps the pipe open for writing while nobody reads.
    _keep: pipe::Receiver,
}

impl HeldHelm {
    /// Makes it in `folder`, in front of the real `helm`.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn before(helm: &Path, folder: &Path) -> Result<Self> {
        let (program, called, go) = (folder.join("held-helm"), folder.join("called"), folder.join("go"));
        for fifo in [&called, &go] {
            mkfifo(fifo, Mode::S_IRUSR | Mode::S_IWUSR)?;
        }
        let script = format!(
            "#!/bin/sh\n\
             if [ \"$1\" = upgrade ]; then echo called > '{}'; read -r _ < '{}'; fi\n\
             exec '{}' \"$@\"\n",
            called.display(),
            go.display(),
            helm.display()
        );
        fs::write(&program, script)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let keep = pipe::OpenOptions::new().open_receiver(&go)?;
        Ok(Self { program, called: pipe::OpenOptions::new().read_write(true).open_receiver(&called)?, go: pipe::OpenOptions::new().open_sender(&go)?, _keep: keep })
    }

    /// Its path, for `HELM`.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Waits until the worker calls `helm upgrade`, which then hangs.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn is_called(&mut self) -> Result<()> {
        let mut line = [0; b"called\n".len()];
        timeout(URL, self.called.read_exact(&mut line)).await.context("the worker did not call Helm")??;
        Ok(())
    }

    /// Lets one call go on.
    ///
    /// # Errors
    /// When the pipe is gone.
    pub async fn let_go(&mut self) -> Result<()> {
        Ok(self.go.write_all(b"go\n").await?)
    }
}
