//! Checks that the cluster enforces `charts/preview-cluster` on charts from repositories.
//!
//! Asked before each such chart is installed, by trying what the policy forbids: a cluster
//! without the policy would let everything pass.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Resource,
    api::{PostParams, Request},
};
use serde_json::json;

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
    let doing = || format!("trying the admission policy in namespace {namespace}");
    let forbidden = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "preview-policy-probe", "finalizers": ["preview.internal/probe"] },
    });
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let mut request = Request::new(ConfigMap::url_path(&(), Some(namespace)))
        .create(&dry, forbidden.to_string().into_bytes())
        .map_err(kube::Error::BuildRequest)
        .doing(doing)?;
    let account = release_account(namespace).parse();
    let account = account.expect("names of namespaces can stand in a header");
    request.headers_mut().insert("impersonate-user", account);
    match cluster.client.request::<ConfigMap>(request).await {
        Ok(_) => Ok(false),
        Err(kube::Error::Api(status)) if status.message.contains(POLICY) => Ok(true),
        // Forbidden by something else: the account's rights may be younger than what the API server knows.
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        Err(error) => Err(error).doing(doing),
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
