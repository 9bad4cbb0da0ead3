//! Takes a program that is already on `PATH`, if its version fits.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use semver::VersionReq;

use super::catalogue::Recipe;
use super::version;

/// The programs of `recipe` on `PATH`, if all are there and the first reports a version that fits.
pub(super) fn find(recipe: &Recipe) -> Option<Vec<(&'static str, PathBuf)>> {
    let wanted = recipe.on_path.as_ref()?;
    let found = recipe
        .programs
        .iter()
        .map(|program| Some((*program, which::which(program).ok()?)));
    let programs: Vec<_> = found.collect::<Option<_>>()?;
    let output = Command::new(&programs[0].1)
        .args(wanted.arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let found = version::first(&String::from_utf8_lossy(&output.stdout))?;
    let wanted = VersionReq::parse(wanted.versions).expect("a constant");
    (output.status.success() && wanted.matches(&found)).then_some(programs)
}
