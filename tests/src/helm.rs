//! Holds Helm at the very moment when a test needs it held, and looks at what it is given.

use std::{
    fs,
    net::TcpListener as StdListener,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use stack::eventually;
use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

use crate::{
    script::write_script,
    timeouts::{ANSWER, URL},
};

/// A program that is the real Helm, except that `install` tells something first, or
/// hangs until somebody ends it. It tells by a connection: there is no file that Helm could write and a test
/// read.
pub struct HeldHelm {
    program: PathBuf,
    told: TcpListener,
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
        Self::held(helm, folder, &format!("'{}' \"$@\" || exit", helm.display()))
    }

    /// Makes it in `folder`. It is not held, and tells when it is called all the same.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn heard(helm: &Path, folder: &Path) -> Result<Self> {
        Self::telling(helm, folder, "echo $$")
    }

    /// Makes it in `folder`. It is not held, and tells what the shell commands `tell` print.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn telling(helm: &Path, folder: &Path, tell: &str) -> Result<Self> {
        Self::made(helm, folder, "", tell, "")
    }

    fn held(helm: &Path, folder: &Path, before: &str) -> Result<Self> {
        Self::made(helm, folder, before, "echo $$", "exec sleep infinity")
    }

    fn made(helm: &Path, folder: &Path, before: &str, tell: &str, then: &str) -> Result<Self> {
        let told = StdListener::bind("127.0.0.1:0")?;
        let address = told.local_addr()?;
        let program = folder.join("held-helm");
        // Only bash can connect by itself.
        let script = format!(
            "if [ \"$1\" = install ]; then\n{before}\n{{ {tell}\n}} | bash -c 'exec cat > /dev/tcp/{}/{}'\n{then}\nfi\nexec '{}' \"$@\"",
            address.ip(),
            address.port(),
            helm.display()
        );
        write_script(&program, &script)?;
        told.set_nonblocking(true)?;
        Ok(Self { program, told: TcpListener::from_std(told)? })
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
        let id = self.tells().await?;
        Ok(HelmProcess(id.trim().parse().with_context(|| format!("no process ID: {id}"))?))
    }

    /// Waits until the worker has called `helm install`, and returns what it tells.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn tells(&mut self) -> Result<String> {
        let tells = async {
            let (mut connection, _) = self.told.accept().await?;
            let mut text = String::new();
            connection.read_to_string(&mut text).await?;
            anyhow::Ok(text)
        };
        timeout(URL, tells).await.context("the worker did not call Helm")?
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
