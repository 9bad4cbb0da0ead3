//! What a repository decides about its previews, already checked against the service's own bounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Expose, Lines, ReadinessSettings, RepositoryLimits, RepositoryQuota};
use crate::{ChartPath, ImageName, RepositoryPath};

/// How a repository wants its previews installed. Whatever is missing, the service's own setting fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewSettings {
    /// What is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSource>,
    /// Chart values of the repository's own. Placeholders in their texts, as `{commit}`, are filled in.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub values: serde_json::Map<String, serde_json::Value>,
    /// Files of values that the chart brings along, below those values; each below the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<ChartPath>,
    /// In which lines of the repository's file its chart, its values and its files of values stand.
    #[serde(default, skip_serializing_if = "Lines::is_empty")]
    pub lines: Lines,
    /// The image of a commit, with `{owner}`, `{repo}`, `{commit}`, `{short_commit}` and `{pr}` left open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The images of a commit, where it has several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<ImageName, String>,
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
    #[serde(default, skip_serializing_if = "is_no_wish")]
    pub quota: RepositoryQuota,
    /// When they count as ready.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub readiness: ReadinessSettings,
    /// Where their addresses lead, if their chart makes no Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,
}

fn is_no_wish(quota: &RepositoryQuota) -> bool {
    *quota == RepositoryQuota::default()
}

fn is_unlimited(limits: &RepositoryLimits) -> bool {
    *limits == RepositoryLimits::default()
}

fn is_usual(readiness: &ReadinessSettings) -> bool {
    *readiness == ReadinessSettings::default()
}

/// Where a chart comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartSource {
    /// One that the service brings along, by name.
    Packaged(String),
    /// `oci://registry.example.com/charts/app:1.2.3`
    Oci(String),
    /// One from a Helm repository, in exactly one version.
    HelmRepository {
        /// The address below which `index.yaml` is.
        repo: String,
        /// The chart's name there.
        name: String,
        /// `1.2.3`
        version: String,
    },
    /// A folder of the repository, read at the commit that is previewed.
    Path(RepositoryPath),
}
