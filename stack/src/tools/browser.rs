//! Finds the browser that the tests use: the Chromium on `PATH`; on Debian it
//! is installed by apt when there is none.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::geteuid;
use tokio::process::Command;

/// What the same browser is called by different distributions.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Why there is no browser.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BrowserError {
    #[error("the browser test needs Chromium or Chrome on PATH, as one of {}; install it and start again", NAMES.join(", "))]
    Missing,
    #[error("apt-get {step} failed with {status}; install Chromium and start again")]
    Apt {
        step: &'static str,
        status: std::process::ExitStatus,
    },
    #[error("cannot run apt-get: {0}")]
    Run(#[from] std::io::Error),
}

/// The browser's program, if there is one.
#[must_use]
pub fn find() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| which::which(name).ok())
}

/// Makes sure that there is one.
///
/// # Errors
/// When there is none and this is not root on a system with apt.
pub async fn ensure() -> Result<PathBuf, BrowserError> {
    if let Some(program) = find() {
        return Ok(program);
    }
    if !geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Err(BrowserError::Missing);
    }
    eprintln!("Installing Chromium with apt-get, for the browser test. About a minute.");
    apt("update", &[]).await?;
    // The fonts are for the screenshots.
    apt(
        "install",
        &[
            "--yes",
            "--no-install-recommends",
            "chromium",
            "fonts-dejavu-core",
            "fonts-noto-color-emoji",
        ],
    )
    .await?;
    find().ok_or(BrowserError::Missing)
}

async fn apt(step: &'static str, arguments: &[&str]) -> Result<(), BrowserError> {
    let mut command = Command::new("apt-get");
    command
        .arg("--quiet")
        .arg(step)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    let status = command.stdout(Stdio::null()).status().await?;
    if status.success() {
        Ok(())
    } else {
        Err(BrowserError::Apt { step, status })
    }
}
