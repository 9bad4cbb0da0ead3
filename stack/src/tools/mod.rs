//! Finds the programs that the stack runs: in the cache, else on `PATH`, else they are installed now.
//!
//! The cache is `$XDG_CACHE_HOME/preview-dev` (`~/.cache/preview-dev`), shared by every checkout. Each entry
//! is named after its tool, version and recipe, appears all at once, and is never changed afterwards.

mod apt;
pub mod browser;
mod cache;
mod catalogue;
pub mod crds;
mod debian;
mod error;
mod go;
mod on_path;
mod process;
mod version;
mod wheel;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cache::{Cache, Entry};
pub use catalogue::Tool;
use catalogue::{Recipe, Source};
pub use error::ToolError;
use indicatif::{ProgressBar, ProgressStyle};

/// How often a progress line's clock moves.
const TICK: Duration = Duration::from_millis(250);

/// The programs of the tools that were asked for, all of them present.
#[derive(Clone, Debug)]
pub struct Toolbox {
    programs: BTreeMap<&'static str, PathBuf>,
    cache: PathBuf,
}

impl Toolbox {
    /// Makes sure that every one of `tools` is here, installing what is missing one after another.
    ///
    /// Says on standard error what it installs, how far it is and how long it may take. Two processes that
    /// want the same tool at once do the work once.
    pub async fn ensure_all(tools: &'static [Tool]) -> Result<Self, ToolError> {
        tokio::task::spawn_blocking(move || Self::ensure_all_blocking(tools)).await?
    }

    /// Installs no more than what the tools run of the system's programs; returns the folder of
    /// [`Toolbox::cache`].
    pub(crate) async fn ensure_system_programs(tools: &'static [Tool]) -> Result<PathBuf, ToolError> {
        let ensure = move || {
            ensure_system_programs(tools)?;
            Ok(Cache::open()?.folder().to_owned())
        };
        tokio::task::spawn_blocking(ensure).await?
    }

    fn ensure_all_blocking(tools: &[Tool]) -> Result<Self, ToolError> {
        let cache = Cache::open()?;
        ensure_system_programs(tools)?;
        let mut programs = BTreeMap::new();
        let mut missing = Vec::new();
        for recipe in tools.iter().copied().map(catalogue::recipe) {
            let entry = cache.entry(&recipe)?;
            if entry.exists() {
                programs.extend(entry.programs(&recipe));
            } else if let Some(found) = on_path::find(&recipe) {
                programs.extend(found);
            } else {
                missing.push((recipe, entry));
            }
        }
        announce(&missing, cache.folder());
        for (recipe, entry) in missing {
            install(&cache, &recipe, &entry)?;
            programs.extend(entry.programs(&recipe));
        }
        Ok(Self { programs, cache: cache.folder().to_owned() })
    }

    /// The programs of `tools` in one folder, as an image has them.
    ///
    /// # Errors
    /// Names the program that is not there.
    pub fn in_folder(folder: &Path, tools: &[Tool]) -> Result<Self, ToolError> {
        let mut programs = BTreeMap::new();
        for program in tools.iter().flat_map(|tool| tool.programs()) {
            let path = folder.join(program);
            std::fs::metadata(&path).map_err(error::at(&path))?;
            programs.insert(*program, path);
        }
        Ok(Self { programs, cache: folder.to_owned() })
    }

    /// The absolute path of `program`, for example `kubelet`.
    pub fn path(&self, program: &str) -> Result<&Path, ToolError> {
        self.programs
            .get(program)
            .map(PathBuf::as_path)
            .ok_or_else(|| ToolError::Unknown(program.to_owned()))
    }

    /// The folder shared by every checkout, for derived files that are worth keeping.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }
}

/// Installs what the tools run of the system's programs.
fn ensure_system_programs(tools: &[Tool]) -> Result<(), ToolError> {
    let needed = tools.iter().flat_map(|tool| tool.system_programs());
    let missing: Vec<_> = needed
        .filter(|(program, _)| which::which(program).is_err())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        apt::install(&missing, "the local stack")?;
    }
    Ok(())
}

fn announce(missing: &[(Recipe, Entry)], cache: &Path) {
    if missing.is_empty() {
        return;
    }
    let names: Vec<_> = missing.iter().map(|(recipe, _)| recipe.name).collect();
    let seconds: u64 = missing.iter().map(|(recipe, _)| recipe.about.as_secs()).sum();
    eprintln!(
        "Installing {} into {}. Once only; about {} min on two idle cores.",
        names.join(", "),
        cache.display(),
        seconds.div_ceil(60)
    );
}

/// Builds or downloads one tool into a partial folder, then gives it its name.
fn install(cache: &Cache, recipe: &Recipe, entry: &Entry) -> Result<(), ToolError> {
    let bar = progress(recipe, entry);
    if !std::io::stderr().is_terminal() {
        // A bar would show nothing there.
        eprintln!("  {} {}", recipe.name, entry.version());
    }
    bar.set_message("waiting for another install");
    let _lock = cache.lock()?;
    if entry.exists() {
        bar.finish_with_message("was installed meanwhile");
        return Ok(());
    }
    let partial = cache.partial(recipe)?;
    let log = cache.log(recipe)?;
    match &recipe.source {
        Source::Go(build) => go::build(recipe, build, entry, partial.path(), &log, &bar)?,
        Source::Debian(package) => debian::unpack(recipe, package, partial.path(), &log, &bar)?,
        Source::Wheel(wheel) => wheel::unpack(recipe, wheel, partial.path(), &log, &bar)?,
    }
    entry.publish(partial, recipe)?;
    bar.finish_with_message("installed");
    Ok(())
}

fn progress(recipe: &Recipe, entry: &Entry) -> ProgressBar {
    let style = ProgressStyle::with_template("  {prefix:24} {elapsed:>4} {bar:24} {wide_msg}")
        .expect("the template is a constant")
        .progress_chars("=> ");
    let bar =
        ProgressBar::new(0)
            .with_style(style)
            .with_prefix(format!("{} {}", recipe.name, entry.version()));
    bar.enable_steady_tick(TICK);
    bar
}
