//! Takes programs out of a package of Debian, without installing it: a service that comes with it does not
//! start.

use std::fs;
use std::path::Path;
use std::process::Command;

use indicatif::ProgressBar;

use super::catalogue::Recipe;
use super::error::{ToolError, at};
use super::process;

/// Downloads the package that the system's own sources offer, which apt checks, and unpacks it.
pub(super) fn unpack(
    recipe: &Recipe,
    package: &'static str,
    target: &Path,
    log: &Path,
    bar: &ProgressBar,
) -> Result<(), ToolError> {
    for program in ["apt-get", "dpkg-deb"] {
        if which::which(program).is_err() {
            return Err(ToolError::Missing { tool: recipe.name, program });
        }
    }
    bar.set_message("downloading the package");
    let download = |log: &Path| {
        let mut apt = Command::new("apt-get");
        apt.args(["--quiet", "download", package]).current_dir(target);
        process::run(recipe.name, &mut apt, log, |_| {})
    };
    if download(log).is_err() {
        // The lists are older than what the sources have.
        process::run(recipe.name, Command::new("apt-get").args(["--quiet", "update"]), log, |_| {})?;
        download(log)?;
    }
    let archives = fs::read_dir(target).map_err(at(target))?.flatten();
    let mut archives = archives.map(|entry| entry.path());
    let archive = archives.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let archive = archive.ok_or(ToolError::Missing { tool: recipe.name, program: package })?;

    bar.set_message("unpacking the package");
    let tree = target.join("tree");
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--extract").arg(&archive).arg(&tree);
    process::run(recipe.name, &mut dpkg, log, |_| {})?;
    let bin = target.join("bin");
    fs::rename(tree.join("usr").join("bin"), &bin).map_err(at(&bin))?;
    fs::remove_dir_all(&tree).map_err(at(&tree))?;
    fs::remove_file(&archive).map_err(at(&archive))
}
