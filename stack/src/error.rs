//! The reasons why there is no stack.

use std::io;
use std::path::PathBuf;

use crate::cluster::ClusterError;
use crate::env::EnvError;
use crate::images::ImageError;
use crate::options::OptionsError;
use crate::part::PartError;
use crate::ports::NoFreePort;
use crate::private_file::PrivateFileError;
use crate::tools::ToolError;

/// Why there is no stack. Every message says what to do or where to look.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StackError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    PrivateFile(#[from] PrivateFileError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Part(#[from] PartError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("the cluster does not take charts/preview-cluster: {0}")]
    Prerequisites(String),
    #[error("the ports of 127.0.0.1 cannot be used: {0}")]
    Published(io::Error),
    #[error(transparent)]
    Env(#[from] EnvError),
    #[error("another stack runs with the state folder {0}; stop it, or choose another folder with --state")]
    AlreadyRunning(PathBuf),
    #[error("the state folder {path} is of no use: {source}")]
    State { path: PathBuf, source: io::Error },
    #[error(
        "cannot keep the stack apart from the rest of the machine: {0}; the embedded cluster needs root — or use your own with --kube-context"
    )]
    Namespace(io::Error),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    GitHub(#[from] github_stand_in::StartError),
    #[error("GitHub's sample repository cannot be made: {0}")]
    Samples(String),
    #[error("cannot build the webhook and the worker: {0}")]
    Build(io::Error),
    #[error("the webhook and the worker do not compile; see above")]
    DoesNotCompile,
    #[error("charts/preview cannot be installed: {0}; see what its pods say in the namespace preview-system")]
    Installation(String),
    #[error("cannot make the pods' cgroup: {0}")]
    Cgroup(io::Error),
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
}
