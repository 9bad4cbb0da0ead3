//! What operators are told at the start, before a preview runs into it.

use super::{
    NamespaceConfig,
    network_probe::NetworkProbe,
    pod_security::PodSecurity,
    policy::{Set, difference},
};
use crate::{Cluster, cluster::ClusterError};

/// Looks whether the cluster keeps previews apart, and how pods can be confined; says in the log what is
/// missing, and what to do. Each preview asks again, but for the network: trying that takes a pod, and up to
/// two minutes.
pub async fn look_at_cluster(cluster: &Cluster, config: &NamespaceConfig, network: &NetworkProbe) {
    match missing_policy(cluster).await {
        Ok(None) => {}
        Ok(Some(difference)) => tracing::error!(
            difference,
            "the cluster does not enforce what keeps previews apart, so none will be deployed; install charts/preview-cluster of this version"
        ),
        Err(error) => tracing::warn!(%error, "cannot find out whether the cluster keeps previews apart"),
    }
    if let Err(error) = config.pod_security.find(cluster).await {
        tracing::warn!(%error, "cannot find out how pods can be confined");
    }
    network.tell(cluster).await;
}

/// The first of the policies for charts that is missing in the cluster, or is not the one that this program
/// was built with.
///
/// # Errors
/// When the cluster does not answer.
pub async fn missing_policy(cluster: &Cluster) -> Result<Option<String>, ClusterError> {
    difference(cluster, Set::Charts).await
}

/// How the pods of a preview would be confined.
///
/// # Errors
/// When the cluster does not answer.
pub async fn pod_security(cluster: &Cluster, config: &NamespaceConfig) -> Result<PodSecurity, ClusterError> {
    config.pod_security.find(cluster).await
}
