//! How the world is touched: every activity that the workflows ask for, and nothing that decides.
//!
//! [`Comments`] speaks on pull requests, [`PullRequests`] looks at them, [`Previews`] makes and removes what
//! a preview consists of, [`Sweeps`] looks for what nobody owns.
//! Each activity says in its own documentation what makes running it twice harmless: Temporal runs them at
//! least once, and an attempt that was given up may still be running beside its successor.

mod api_server;
mod cluster;
mod comments;
mod container_log;
mod container_status;
mod failure;
mod github_deployment;
mod github_failures;
mod heartbeat;
mod image_pull;
mod instance;
mod keyed_lock;
mod listed;
mod measured;
mod namespace;
mod ownership;
mod previews;
mod printable;
mod pull_request;
mod readiness;
mod redact;
mod release;
mod repository_config;
mod served;
mod stable_url;
mod sweep;
mod teardown;
mod temporal;
mod temporal_ui;
mod time_left;

pub use api_server::ApiServer;
pub use cluster::{Cluster, ClusterError};
pub use comments::{Comments, InvalidPostLogs, PostLogs};
pub use github_failures::GitHubFailures;
pub use instance::{
    Instance, InstanceName, InvalidInstanceName, InvalidTemporalNamespaceId, TemporalNamespaceId,
};
pub use measured::{BUCKETS, Census, EachActivity, GitHubRequests, Lifecycle};
pub use namespace::{
    AllowedKind, AnnotationKey, ChartBounds, Destination, Destinations, InvalidAllowedKind,
    InvalidAnnotationKey, InvalidDestination, InvalidNameServer, NOT_SEEN, NameServer, NamespaceConfig,
    NetworkPolicies, NetworkProbe, PodSecurity, PodSecurityChoice, look_at_cluster, missing_policy,
    pod_security, try_network_policies,
};
pub use previews::Previews;
pub use pull_request::{PullRequests, ending_of};
pub use readiness::{IngressAddress, InvalidIngressAddress, ReadinessConfig, UnusableClient};
pub use release::{
    ChartPrefix, Charts, Helm, ImagePrefix, ImageTemplate, Images, InvalidChartPrefix, InvalidImagePrefix,
    InvalidImageTemplate, ReleaseConfig, RepositoryCharts, look_at_confinement,
};
pub use repository_config::Bounds;
pub use sweep::{SweepCounters, Sweeps};
pub use temporal::{TemporalError, UnknownTemporalNamespace, namespace_id};
pub use temporal_ui::TemporalUi;
