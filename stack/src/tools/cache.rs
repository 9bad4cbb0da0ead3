//! The cache of installed tools: an install becomes visible to every process
//! all at once, and is done only once.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::catalogue::{Recipe, Source, go_module};
use super::error::{ToolError, at};
use super::version;
use crate::file_lock::FileLock;

/// Names the folder of an install that is under way.
const PARTIAL: &str = ".partial-";

pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn open() -> Result<Self, ToolError> {
        let base = std::env::var_os("XDG_CACHE_HOME")
            .filter(|value| Path::new(value).is_absolute())
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .ok_or(ToolError::NoCacheFolder)?;
        let folder = base.join("preview-dev");
        fs::create_dir_all(folder.join("logs")).map_err(at(&folder))?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The one lock of the cache: builds use every core, so they run one after another.
    pub(super) fn lock(&self) -> Result<FileLock, ToolError> {
        let path = self.folder.join("install.lock");
        FileLock::take(&path).map_err(at(&path))
    }

    /// An empty folder to install into. Call it with the lock held: what a crash left there is removed.
    pub(super) fn partial(&self, recipe: &Recipe) -> Result<TempDir, ToolError> {
        let prefix = format!("{PARTIAL}{}-", recipe.name);
        for left in fs::read_dir(&self.folder).map_err(at(&self.folder))?.flatten() {
            if left.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_dir_all(left.path()).map_err(at(&left.path()))?;
            }
        }
        tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&self.folder)
            .map_err(at(&self.folder))
    }

    /// An empty file for the output of the install.
    pub(super) fn log(&self, recipe: &Recipe) -> Result<PathBuf, ToolError> {
        let path = self.folder.join("logs").join(format!("{}.log", recipe.name));
        File::create(&path).map_err(at(&path))?;
        Ok(path)
    }

    pub(super) fn entry(&self, recipe: &Recipe) -> Result<Entry, ToolError> {
        let version = match &recipe.source {
            Source::Wheel(wheel) => wheel.version.to_owned(),
            Source::Debian(_) => "debian".to_owned(),
            Source::Go(build) => match build.module {
                Some(module) => {
                    let path = go_module(recipe.name).join("go.mod");
                    let text = fs::read_to_string(&path).map_err(at(&path))?;
                    version::required(&text, module).ok_or(ToolError::Unpinned { path, module })?
                }
                None => "own".to_owned(),
            },
        };
        let fingerprint = fingerprint(recipe)?;
        let folder = self.folder.join(format!("{}-{version}-{fingerprint}", recipe.name));
        Ok(Entry { folder, version })
    }
}

/// The place of one tool in the cache; it exists only when the tool is complete.
pub(super) struct Entry {
    folder: PathBuf,
    version: String,
}

impl Entry {
    pub(super) fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn programs<'a>(
        &'a self,
        recipe: &Recipe,
    ) -> impl Iterator<Item = (&'static str, PathBuf)> + 'a {
        recipe
            .programs
            .iter()
            .map(|program| (*program, self.folder.join("bin").join(program)))
    }

    /// Checks that every program is there, then makes the entry exist.
    pub(super) fn publish(&self, partial: TempDir, recipe: &Recipe) -> Result<(), ToolError> {
        for program in recipe.programs {
            let path = partial.path().join("bin").join(program);
            fs::metadata(&path).map_err(at(&path))?;
        }
        // Kept from here on: the rename leaves nothing for the guard to remove.
        let complete = partial.keep();
        fs::rename(&complete, &self.folder).map_err(at(&self.folder))
    }
}

/// Changes whenever something that decides the content of an install changes.
fn fingerprint(recipe: &Recipe) -> Result<String, ToolError> {
    let mut hash = Sha256::new();
    match &recipe.source {
        Source::Debian(package) => hash.update(package),
        Source::Wheel(wheel) => wheel.sha256.iter().for_each(|(_, digest)| hash.update(digest)),
        Source::Go(build) => {
            hash.update(format!("{:?} {} {} {}", build.packages, build.tags, build.ldflags, build.cgo));
            let folder = go_module(recipe.name);
            for file in files_below(&folder).map_err(at(&folder))? {
                hash.update(fs::read(&file).map_err(at(&file))?);
            }
        }
    }
    Ok(hex::encode(&hash.finalize()[..4]))
}

/// Every file below `folder`, in an order that does not change.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
