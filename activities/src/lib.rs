//! How the world is touched: every activity that the workflows ask for, and nothing that decides.
//!
//! [`Comments`] speaks on pull requests, [`PullRequests`] looks at them, [`Previews`] makes and removes what a preview consists of, [`Sweeps`] looks
//! for what nobody owns.
//! Each activity says in its own documentation what makes running it twice harmless: Temporal runs them at least once, and an attempt that was
//! given up may still be running beside its successor.

mod alive;
mod cluster;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod comments;
mod container_log;
mod fault;
mod github_waits;
mod namespace;
mod ownership;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod previews;
mod printable;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod pull_request;
mod readiness;
mod redact;
mod release;
mod removal;
mod repository_config;
mod served;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod sweep;
mod teardown;
mod temporal;

pub use cluster::Cluster;
pub use comments::{Comments, InvalidPostLogs, Links, PostLogs};
pub use github_waits::GitHubWaits;
pub use namespace::{AnnotationKey, ChartBounds, InvalidAnnotationKey, NamespaceConfig};
pub use ownership::{
    Instance, InstanceName, InvalidInstanceName, InvalidTemporalNamespaceId, TemporalNamespaceId,
};
pub use previews::Previews;
pub use pull_request::PullRequests;
pub use readiness::{ReadinessConfig, UnusableClient};
pub use release::{
    Charts, Helm, ImagePrefix, ImageTemplate, Images, InvalidImagePrefix, InvalidImageTemplate,
    InvalidOciPrefix, OciPrefix, ReleaseConfig, RepositoryCharts,
};
pub use repository_config::Bounds;
pub use sweep::{SweepCounters, Sweeps};
pub use temporal::{UnknownTemporalNamespace, namespace_id};
