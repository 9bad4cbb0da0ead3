//! Deployments, as GitHub's Deployments API records them.

use jiff::Timestamp;
use serde_json::Value;

/// That a commit is to be deployed somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) sha: String,
    pub(crate) reference: String,
    pub(crate) task: String,
    pub(crate) environment: String,
    pub(crate) description: Option<String>,
    pub(crate) payload: Value,
    pub(crate) transient_environment: bool,
    pub(crate) production_environment: bool,
    pub(crate) creator: String,
    pub(crate) created_at: Timestamp,
    /// Oldest first.
    pub(crate) statuses: Vec<DeploymentStatus>,
}

/// How far it got.
#[derive(Clone, Debug)]
pub(crate) struct DeploymentStatus {
    pub(crate) id: u64,
    pub(crate) state: String,
    pub(crate) description: String,
    pub(crate) environment: String,
    pub(crate) environment_url: String,
    pub(crate) log_url: String,
    pub(crate) creator: String,
    pub(crate) created_at: Timestamp,
}
