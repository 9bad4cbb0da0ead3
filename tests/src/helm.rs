//! How is Helm held at the very moment when a test needs it held?

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::{sys::stat::Mode, unistd::mkfifo};
use tokio::{io::AsyncReadExt, net::unix::pipe, time::timeout};

use crate::patience::URL;

/// A program that is the real Helm, except that `upgrade` says that it was called and then hangs, until somebody ends it.
pub struct HeldHelm {
    program: PathBuf,
    called: pipe::Receiver,
}

impl HeldHelm {
    /// Makes it in `folder`, in front of the real `helm`.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn before(helm: &Path, folder: &Path) -> Result<Self> {
        let (program, called) = (folder.join("held-helm"), folder.join("called"));
        mkfifo(&called, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = upgrade ]; then echo called > '{}'; exec sleep infinity; fi\nexec '{}' \"$@\"\n",
            called.display(),
            helm.display()
        );
        fs::write(&program, script)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        // Open for writing too, so that it never looks closed before the first call.
        let called = pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&called)?;
        Ok(Self { program, called })
    }

    /// Its path, for `HELM`.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Waits until the worker calls `helm upgrade`.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn is_called(&mut self) -> Result<()> {
        let mut line = [0; b"called\n".len()];
        timeout(URL, self.called.read_exact(&mut line))
            .await
            .context("the worker did not call Helm")??;
        Ok(())
    }
}
