//! The reasons why a tool cannot be had.

use std::io;
use std::path::{Path, PathBuf};

use super::apt::AptError;

/// Why a tool cannot be had.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ToolError {
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no cache folder; set one of them")]
    NoCacheFolder,
    #[error("cannot use the tool cache at {path}: {source}")]
    Cache { path: PathBuf, source: io::Error },
    #[error(
        "{tool} cannot be installed because `{program}` is not on PATH; install {program} and start again"
    )]
    Missing {
        tool: &'static str,
        program: &'static str,
    },
    #[error("installing {tool} failed: {what}\n{tail}\nThe whole output is in {log}")]
    Failed {
        tool: &'static str,
        what: String,
        tail: String,
        log: PathBuf,
    },
    #[error(
        "{tool} is not published for this machine's architecture, {architecture}; put {tool} on PATH yourself"
    )]
    Architecture {
        tool: &'static str,
        architecture: &'static str,
    },
    #[error("{path} does not say which version of {module} it requires")]
    Unpinned { path: PathBuf, module: &'static str },
    #[error("the program {0} belongs to none of the tools that were asked for")]
    Unknown(String),
    #[error(transparent)]
    Apt(#[from] AptError),
    #[error("the installer stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Names the path in an I/O error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> ToolError + use<> {
    let path = path.to_owned();
    move |source| ToolError::Cache { path, source }
}
