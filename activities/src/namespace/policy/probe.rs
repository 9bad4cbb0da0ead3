//! Checks that the cluster enforces `charts/preview-cluster` in a preview's namespace.
//!
//! Asked before each chart is installed: a cluster without the policies would let everything pass.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, ResourceExt,
    api::{ObjectMeta, PostParams},
};

use super::installed::{Set, difference};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing, until_in_force},
    namespace::{Login, pod_security::has_user_namespaces},
};

/// The policy's name, which stands in its refusals.
const POLICY: &str = "ValidatingAdmissionPolicy 'preview-charts'";
/// The name that the policy refuses, whatever is called so.
const PROBE: &str = "preview-policy-probe";

/// Previews are not kept in their place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotInForce {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("{0}: install charts/preview-cluster of this version")]
    Different(String),
    #[error("the policy preview-charts is installed, and not enforced in namespace {0}")]
    NotEnforced(String),
}

/// Are the policies in force in this namespace, each rule of them? Nothing is made.
pub(crate) async fn assert_in_force(
    cluster: &Cluster,
    login: &Login,
    namespace: &Namespace,
) -> Result<(), NotInForce> {
    let pods = has_user_namespaces(namespace).then_some(Set::Pods);
    for set in [Set::Charts].into_iter().chain(pods) {
        if let Some(difference) = difference(cluster, set).await? {
            return Err(NotInForce::Different(difference));
        }
    }
    let name = namespace.name_any();
    if until_in_force(|| refuses(login, &name)).await? {
        Ok(())
    } else {
        Err(NotInForce::NotEnforced(name))
    }
}

/// Does the policy refuse what it refuses always?
async fn refuses(login: &Login, namespace: &str) -> Result<bool, ClusterError> {
    let config_maps: Api<ConfigMap> = Api::namespaced(login.client.clone(), namespace);
    let probe = ConfigMap {
        metadata: ObjectMeta { name: Some(PROBE.to_owned()), ..ObjectMeta::default() },
        ..ConfigMap::default()
    };
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    match config_maps.create(&dry, &probe).await {
        Ok(_) => Ok(false),
        Err(kube::Error::Api(status)) if status.message.contains(POLICY) => Ok(true),
        // Forbidden by something else: the account's rights may be younger than what the API server knows.
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        Err(error) => Err(error).doing(|| format!("trying the admission policy in namespace {namespace}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{POLICY, PROBE};

    #[test]
    fn the_policy_has_the_name_that_is_looked_for_and_refuses_the_probe() {
        let policy = include_str!("../../../../charts/preview-cluster/templates/charts.yaml");
        let name = POLICY.split('\'').nth(1).expect("a name in quotes");
        assert!(policy.contains(&format!("\n  name: {name}\n")), "{name}");
        assert!(policy.contains(&format!("request.name != '{PROBE}'")));
    }
}
