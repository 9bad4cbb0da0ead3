//! Installs packages of the system, where it is Debian's and this is root.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

/// Why a package is not installed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum AptError {
    #[error(
        "{packages} cannot be installed here (it takes root and apt-get); install what is missing and start again"
    )]
    NotOurs { packages: String },
    #[error("apt-get {step} failed with {status}; install {packages} and start again")]
    Failed {
        step: &'static str,
        packages: String,
        status: std::process::ExitStatus,
    },
    #[error("cannot run apt-get: {0}")]
    Run(#[from] std::io::Error),
}

/// Installs `packages`, and says so.
pub(super) fn install(packages: &[&str], purpose: &str) -> Result<(), AptError> {
    if !geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Err(AptError::NotOurs { packages: packages.join(" ") });
    }
    eprintln!("Installing {} with apt-get, for {purpose}.", packages.join(", "));
    let apt = |step: &'static str, arguments: &[&str]| {
        let status = Command::new("apt-get")
            .arg("--quiet")
            .arg(step)
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(AptError::Failed { step, packages: packages.join(" "), status })
        }
    };
    apt("update", &[])?;
    apt("install", &[&["--yes", "--no-install-recommends"], packages].concat())
}
