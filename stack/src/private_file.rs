//! Writes files that only their owner may read.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct PrivateFileError {
    path: PathBuf,
    source: io::Error,
}

/// Writes `content`, in the place of what was there before.
pub(crate) fn write(path: &Path, content: &str) -> Result<(), PrivateFileError> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|source| PrivateFileError { path: path.to_owned(), source })
}
