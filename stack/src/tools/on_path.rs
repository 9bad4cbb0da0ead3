//! Takes a program that is already on `PATH`, if its version fits.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::catalogue::Recipe;
use super::version;

/// The program of `recipe` on `PATH`, if it reports a version that fits.
pub(super) fn find(recipe: &Recipe) -> Option<PathBuf> {
    let wanted = recipe.on_path.as_ref()?;
    let path = which(recipe.programs[0])?;
    let output = Command::new(&path)
        .args(wanted.arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let found = version::first(&String::from_utf8_lossy(&output.stdout))?;
    (output.status.success() && found.0 == wanted.at_least.0 && found >= wanted.at_least)
        .then_some(path)
}

/// The first file called `program` in the folders of `PATH`.
pub(super) fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
