//! What a repository decides about its previews, already checked against the service's own bounds.

use serde::{Deserialize, Serialize};

use super::{RepositoryLimits, RepositoryQuota};
use crate::RepositoryPath;

/// How a repository wants its previews installed. Whatever is missing, the service's own setting fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewSettings {
    /// What is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSource>,
    /// Chart values of the repository's own, below those that the service gives. `{commit}`,
    /// `{pr}` and `{host}` in texts are filled in.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// The image of a commit, with `{owner}`, `{repo}` and `{commit}` left open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What the previews are called in GitHub's list of deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// How many of them live at once.
    #[serde(default, skip_serializing_if = "is_unlimited")]
    pub limits: RepositoryLimits,
    /// What their pods may reach outside, by the operators' names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<String>,
    /// What they may take.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub quota: RepositoryQuota,
}

fn is_usual(quota: &RepositoryQuota) -> bool {
    *quota == RepositoryQuota::default()
}

fn is_unlimited(limits: &RepositoryLimits) -> bool {
    *limits == RepositoryLimits::default()
}

/// Where a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartSource {
    /// One that the service brings along, by name.
    Packaged(String),
    /// `oci://registry.example.com/charts/app:1.2.3`
    Oci(String),
    /// A folder of the repository, read at the commit that is previewed.
    Path(RepositoryPath),
}
