//! The rules of a preview: what it is called, what people may ask for, what follows from what has happened.
//!
//! Everything is data and pure functions. No crate that does I/O or knows Temporal is in the
//! dependency tree; `checks/src/dependencies.rs` proves it. The driver is the crate
//! `workflows`, the world is touched in `activities`.

mod allowed_owners;
mod chart_path;
mod command;
mod explanation;
mod id;
mod ignored_signals;
mod image_name;
mod names;
pub mod orphan_sweep;
pub mod preview;
mod preview_domain;
pub mod pull_request;
mod rate_limits;
mod repository_path;
mod ttl;

pub use allowed_owners::{AllowedOwners, InvalidAllowedOwners};
pub use chart_path::{ChartPath, InvalidChartPath};
pub use command::{
    COMMANDS, Command, CommandAccess, CommandForm, MARKUP, Misunderstood, NOT_TEXT, parse_line,
};
pub use explanation::Explanation;
pub use id::{
    CommentId, CommitSha, DeploymentId, InstallationId, InvalidCommitSha, InvalidLogin, InvalidPreviewId,
    InvalidRepository, Login, NamespaceHandle, PreviewId, PullRequestNumber, PullRequestRef, Repository,
    RepositoryId, RunIdentity,
};
pub use ignored_signals::IgnoredSignals;
pub use image_name::{ImageName, InvalidImageName};
pub use names::{NameKey, Names, WeakNameKey};
pub use preview_domain::{InvalidPreviewDomain, PreviewDomain};
pub use rate_limits::RateLimits;
pub use repository_path::{InvalidRepositoryPath, RepositoryPath};
pub use ttl::{InvalidTtl, Ttl};
