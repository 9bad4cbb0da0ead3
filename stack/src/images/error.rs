//! The reasons why there is no image, and what can be done about them.

use std::{path::PathBuf, time::Duration};

use super::reference::{ImageRef, InvalidImageRef};

/// Why a commit has no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The commit or its repository cannot name an image.
    #[error(transparent)]
    Name(#[from] InvalidImageRef),
    /// Git does not give the commit's files.
    #[error("the files of {image} cannot be taken from {git_dir}: {reason}")]
    Checkout {
        /// The image that was asked for.
        image: ImageRef,
        /// The repository.
        git_dir: PathBuf,
        /// Git's own words.
        reason: String,
    },
    /// The commit is bigger than a preview's source may be.
    #[error("{image} is not built: the commit holds more than {} MiB", limit >> 20)]
    TooLarge {
        /// The image that was asked for.
        image: ImageRef,
        /// The bound in bytes.
        limit: u64,
    },
    /// There is nothing to build.
    #[error("{image} is not built: the commit has no file `Dockerfile` at its root")]
    NoDockerfile {
        /// The image that was asked for.
        image: ImageRef,
    },
    /// The Dockerfile did not build.
    #[error(
        "building {image} failed (a build has no network and finds its base image in ARG BASE_IMAGE):\n{tail}"
    )]
    Build {
        /// The image that was asked for.
        image: String,
        /// The last lines of the build's output.
        tail: String,
    },
    /// The cluster did not take the archive.
    #[error("{image} was built, but `{command}` did not load it into the cluster:\n{tail}")]
    Import {
        /// The image that was built.
        image: String,
        /// What was run.
        command: String,
        /// The last lines of its output.
        tail: String,
    },
    /// A step ran longer than it may, and was stopped.
    #[error("{what} took longer than {} s and was stopped", limit.as_secs())]
    TooSlow {
        /// The step.
        what: String,
        /// Its bound.
        limit: Duration,
    },
    /// The cluster's containerd or BuildKit does not answer.
    #[error("{what} failed; is the local stack running?\n{tail}")]
    Daemon {
        /// The question that was asked.
        what: &'static str,
        /// The last lines of the answer.
        tail: String,
    },
    /// The base image could not be made from this machine's Python.
    #[error("no base image could be made from this machine's python3: {0}")]
    Base(String),
    /// What an image of the service is made of could not be laid out.
    #[error("{0}")]
    Layout(String),
    /// A program that should be here did not start.
    #[error("{program} did not start: {source}")]
    Program {
        /// Its path.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder of the builder's own.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Names the path in an I/O error.
pub(super) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ImageError {
    let path = path.into();
    move |source| ImageError::File { path, source }
}
