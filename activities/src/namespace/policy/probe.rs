//! Checks that the cluster enforces `charts/preview-cluster` on charts from repositories.
//!
//! Asked before each such chart is installed, by trying what the policy forbids: a cluster
//! without the policy would let everything pass.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};

use crate::{
    Cluster,
    cluster::{ClusterError, Doing, until_in_force},
    namespace::release_account,
};

/// The policy's name, which stands in its refusals.
const POLICY: &str = "ValidatingAdmissionPolicy 'preview-charts'";

/// Is the policy in force in this namespace? Nothing is made.
pub(crate) async fn is_in_force(cluster: &Cluster, namespace: &str) -> Result<bool, ClusterError> {
    until_in_force(|| refuses(cluster, namespace)).await
}

/// Does the policy refuse what it forbids?
async fn refuses(cluster: &Cluster, namespace: &str) -> Result<bool, ClusterError> {
    let account = cluster.in_the_name_of(&release_account(namespace));
    let config_maps: Api<ConfigMap> = Api::namespaced(account, namespace);
    let forbidden = ConfigMap {
        metadata: ObjectMeta {
            name: Some("preview-policy-probe".to_owned()),
            finalizers: Some(vec!["preview.internal/probe".to_owned()]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    match config_maps.create(&dry, &forbidden).await {
        Ok(_) => Ok(false),
        Err(kube::Error::Api(status)) if status.message.contains(POLICY) => Ok(true),
        // Forbidden by something else: the account's rights may be younger than what the API server knows.
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        Err(error) => Err(error).doing(|| format!("trying the admission policy in namespace {namespace}")),
    }
}

#[cfg(test)]
mod tests {
    use super::POLICY;

    #[test]
    fn the_policy_has_the_name_that_is_looked_for() {
        let policy = include_str!("../../../../charts/preview-cluster/templates/policy.yaml");
        let name = POLICY.split('\'').nth(1).expect("a name in quotes");
        assert!(policy.contains(&format!("\n  name: {name}\n")), "{name}");
    }
}
