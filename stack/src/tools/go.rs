//! Builds a tool from its Go module in `stack/tools`.

use std::fs;
use std::path::Path;
use std::process::Command;

use indicatif::ProgressBar;

use super::cache::Entry;
use super::catalogue::{GoBuild, Recipe, go_module};
use super::error::{ToolError, at};
use super::process;

/// Builds into `target/bin`.
pub(super) fn build(
    recipe: &Recipe,
    build: &GoBuild,
    entry: &Entry,
    target: &Path,
    log: &Path,
    bar: &ProgressBar,
) -> Result<(), ToolError> {
    for program in ["go"].into_iter().chain(build.cgo.then_some("cc")) {
        if which::which(program).is_err() {
            return Err(ToolError::Missing { tool: recipe.name, program });
        }
    }
    bar.set_message("downloading modules");
    let packages = process::run(
        recipe.name,
        go(recipe, build).args(["list", "-deps"]).args(tags(build)).args(build.packages),
        log,
        |line| bar.set_message(line.to_owned()),
    )?;
    bar.set_length(packages.lines().count() as u64);

    let bin = target.join("bin");
    fs::create_dir_all(&bin).map_err(at(&bin))?;
    let mut command = go(recipe, build);
    command
        .args(["build", "-v", "-trimpath", "-buildvcs=false", "-ldflags"])
        .arg(ldflags(build, entry.version()));
    command.args(tags(build)).arg("-o").arg(bin.join("")).args(build.packages);
    process::run(recipe.name, &mut command, log, |package| {
        bar.inc(1);
        bar.set_message(package.to_owned());
    })?;
    for (built, wanted) in build.rename {
        fs::rename(bin.join(built), bin.join(wanted)).map_err(at(&bin))?;
    }
    Ok(())
}

/// `go` in the tool's module, whatever the person's own settings are.
fn go(recipe: &Recipe, build: &GoBuild) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(go_module(recipe.name))
        .env("CGO_ENABLED", if build.cgo { "1" } else { "0" })
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly");
    command
}

fn tags(build: &GoBuild) -> Option<String> {
    (!build.tags.is_empty()).then(|| format!("-tags={}", build.tags))
}

/// Without symbol tables, which halves the size, and with the version that the program is to report.
fn ldflags(build: &GoBuild, version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let stamped = build
        .ldflags
        .replace("{version}", version)
        .replace("{major}", numbers.next().unwrap_or_default())
        .replace("{minor}", numbers.next().unwrap_or_default());
    format!("-s -w {stamped}")
}
