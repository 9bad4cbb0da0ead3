//! Secrets in files that only their owner can read.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use github::NewApp;
use secrecy::ExposeSecret;

const PRIVATE_KEY: &str = "private-key.pem";
const WEBHOOK_SECRET: &str = "webhook-secret";
const APP_ID: &str = "app-id";

/// A folder, with nothing of ours in it, or what may be replaced.
pub(crate) struct Directory {
    folder: PathBuf,
    force: bool,
}

impl Directory {
    /// Makes the folder if there is none.
    ///
    /// # Errors
    /// If it cannot be made, or one of the files is there and `force` is not.
    pub(crate) fn prepare(folder: PathBuf, force: bool) -> anyhow::Result<Self> {
        for file in [PRIVATE_KEY, WEBHOOK_SECRET, APP_ID].map(|file| folder.join(file)) {
            let is_there = file.try_exists().with_context(|| file.display().to_string())?;
            ensure!(
                force || !is_there,
                "{} is there already: choose another folder, or --force to replace it",
                file.display()
            );
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| folder.display().to_string())?;
        Ok(Self { folder, force })
    }

    /// Writes the files.
    ///
    /// # Errors
    /// If one cannot be written, or has come there meanwhile and `force` is not given.
    pub(crate) fn write(&self, app: &NewApp) -> anyhow::Result<()> {
        self.write_file(PRIVATE_KEY, app.private_key.expose_secret())?;
        self.write_file(WEBHOOK_SECRET, app.webhook_secret.expose_secret())?;
        self.write_file(APP_ID, &app.id.to_string())
    }

    fn write_file(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let file = self.folder.join(name);
        let replaced = if self.force { remove(&file) } else { Ok(()) };
        replaced
            .and_then(|()| write_new(&file, content))
            .with_context(|| file.display().to_string())
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the folder {}", self.folder.display())
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A file that is new, so that nobody else can have it open.
fn write_new(file: &Path, content: &str) -> io::Result<()> {
    fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file)?
        .write_all(content.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{super::app_for_tests, *};

    #[test]
    fn files_are_for_their_owner_only() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("app");
        let directory = Directory::prepare(folder.clone(), false).expect("a folder");
        directory.write(&app_for_tests()).expect("files");
        for (path, mode) in [
            (folder.clone(), 0o700),
            (folder.join(PRIVATE_KEY), 0o600),
            (folder.join(WEBHOOK_SECRET), 0o600),
            (folder.join(APP_ID), 0o600),
        ] {
            let permissions = fs::metadata(&path).expect("it is there").permissions();
            assert_eq!(permissions.mode() & 0o777, mode, "{}", path.display());
        }
        let content = |file| fs::read_to_string(folder.join(file)).expect("it is there");
        assert_eq!([content(WEBHOOK_SECRET), content(APP_ID)], ["hush", "7"]);
    }

    #[test]
    fn what_is_there_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(WEBHOOK_SECRET);
        fs::write(&file, "before").expect("a file");
        let prepare = |force| Directory::prepare(folder.path().to_owned(), force);
        let refused = prepare(false).err().expect("it is there").to_string();
        assert!(refused.contains("webhook-secret is there already"), "{refused}");
        prepare(true).expect("by force").write(&app_for_tests()).expect("files");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "hush");
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "also where it was open to others");
    }

    #[test]
    fn what_came_there_meanwhile_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = Directory::prepare(folder.path().to_owned(), false).expect("a folder");
        let file = folder.path().join(PRIVATE_KEY);
        fs::write(&file, "another's").expect("a file");
        directory.write(&app_for_tests()).expect_err("it is there");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "another's");
    }
}
