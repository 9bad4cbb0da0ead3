//! Takes a program that is already on `PATH`, if its version fits.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use semver::VersionReq;

use super::catalogue::Recipe;
use super::version;

/// The program of `recipe` on `PATH`, if it reports a version that fits.
pub(super) fn find(recipe: &Recipe) -> Option<PathBuf> {
    let wanted = recipe.on_path.as_ref()?;
    let path = which::which(recipe.programs[0]).ok()?;
    let output = Command::new(&path).args(wanted.arguments).stdin(Stdio::null()).output().ok()?;
    let found = version::first(&String::from_utf8_lossy(&output.stdout))?;
    let wanted = VersionReq::parse(wanted.versions).expect("a constant");
    (output.status.success() && wanted.matches(&found)).then_some(path)
}
