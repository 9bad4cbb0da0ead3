//! Writes shell scripts that are run in place of a program.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// Writes `script` to `program`, ready to be run.
///
/// Another process writes the file. If this one had it open for writing, a process that another thread forks
/// in that moment would inherit it, and Linux runs no file that anybody has open for writing (`ETXTBSY`).
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_script(program: &Path, script: &str) -> Result<()> {
    let mut install = Command::new("install")
        .args(["--mode=755", "/dev/stdin"])
        .arg(program)
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot run install; it belongs to coreutils")?;
    let mut stdin = install.stdin.take().context("install has no standard input")?;
    write!(stdin, "#!/bin/sh\n{script}\n")?;
    drop(stdin);
    let status = install.wait()?;
    ensure!(status.success(), "install did not write {}: {status}", program.display());
    Ok(())
}
