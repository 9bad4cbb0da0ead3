//! The guards of a namespace: quota, limits, network policies, a powerless service account for
//! its pods, and one with few rights for Helm.
//!
//! Pod security is enforced by the namespace's own labels. All of this is server-side apply, which says
//! what shall be true and can be said twice.

use std::time::Duration;

use domain::preview::Quota;
use k8s_openapi::api::{
    core::v1::{LimitRange, ResourceQuota, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use kube::{Api, runtime::wait::await_condition};
use serde_json::{Value, json};
use tokio::{time::timeout, try_join};

use super::{
    NamespaceConfig, account,
    egress::{self, Destination},
};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing, apply},
};

/// Name of the quota, the limits and, as a prefix, of the network policies.
const NAME: &str = "preview";
/// The quota controller needs milliseconds. If it takes longer it is out of order, and the
/// install that is then refused says so better.
const QUOTA_TIMEOUT: Duration = Duration::from_secs(5);
/// What a container may write to the node's disk that does not say how much, in GiB.
const DISK: u32 = 1;
/// What all of a small preview may, whose pods may have several containers.
const DISK_MIN: u32 = 10;
/// However few pods it may have, a preview may have so many of each kind of workload, and so many claims.
const WORKLOADS_MIN: u32 = 20;
const CLAIMS_MIN: u32 = 4;

pub(super) async fn apply_all(
    cluster: &Cluster,
    config: &NamespaceConfig,
    outside: &[Destination],
    granted: Quota,
    namespace: &str,
) -> Result<(), ClusterError> {
    let egress = egress::policy(&config.name_servers, outside);
    try_join!(
        Box::pin(account::set_up(cluster, &config.release_role, namespace)),
        apply::<ResourceQuota>(cluster, namespace, NAME, quota(granted)),
        apply::<ResourceQuota>(cluster, namespace, "preview-affinity", no_affinity_to_others()),
        apply::<LimitRange>(cluster, namespace, NAME, limits()),
        // The controller that makes it otherwise may be slower than the first pod, and no preview needs
        // the cluster's API.
        apply::<ServiceAccount>(cluster, namespace, "default", account::without_token()),
        apply::<NetworkPolicy>(cluster, namespace, "preview-default-deny", default_deny()),
        apply::<NetworkPolicy>(
            cluster,
            namespace,
            "preview-ingress",
            ingress(config.ingress_namespace.as_deref())
        ),
        apply::<NetworkPolicy>(cluster, namespace, "preview-egress", egress),
    )?;
    quota_to_be_in_force(cluster, namespace).await
}

/// Until the quota controller has counted for the first time, admission refuses
/// everything with "status unknown for quota".
async fn quota_to_be_in_force(cluster: &Cluster, namespace: &str) -> Result<(), ClusterError> {
    let quotas: Api<ResourceQuota> = Api::namespaced(cluster.client.clone(), namespace);
    let counted = |quota: Option<&ResourceQuota>| {
        quota
            .and_then(|quota| quota.status.as_ref())
            .is_some_and(|status| status.hard.is_some())
    };
    match timeout(QUOTA_TIMEOUT, await_condition(quotas, NAME, counted)).await {
        Ok(result) => result
            .map(drop)
            .doing(|| format!("watching the quota of namespace {namespace}")),
        Err(_) => {
            tracing::warn!(namespace, "the quota is not in force yet; is the controller manager running?");
            Ok(())
        }
    }
}

/// A whole preview, however many objects its chart makes of it. Load balancers and
/// node ports would reach past the ingress.
fn quota(granted: Quota) -> Value {
    let Quota { pods, cpu, memory, storage } = granted;
    // No more of what makes pods, or leads to them, than there can be pods; twice as many where a new version
    // stands beside the old one.
    let workloads = pods.max(WORKLOADS_MIN);
    json!({ "spec": { "hard": {
        "pods": pods.to_string(),
        "requests.cpu": cpu.half().to_string(),
        "requests.memory": memory.half().to_string(),
        "limits.cpu": cpu.to_string(),
        "limits.memory": memory.to_string(),
        "requests.ephemeral-storage": "4Gi",
        // Containers that do not say how much are given some, so this grows with the pods.
        "limits.ephemeral-storage": format!("{}Gi", pods.saturating_mul(DISK).max(DISK_MIN)),
        "persistentvolumeclaims": pods.div_ceil(2).max(CLAIMS_MIN).to_string(),
        "requests.storage": storage.to_string(),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        "count/configmaps": "50",
        "count/secrets": "50",
        "count/services": workloads.to_string(),
        "count/jobs.batch": "50",
        "count/cronjobs.batch": "10",
        "count/deployments.apps": workloads.to_string(),
        "count/statefulsets.apps": workloads.to_string(),
        "count/replicasets.apps": workloads.saturating_mul(2).to_string(),
        "count/ingresses.networking.k8s.io": workloads.to_string(),
        "count/horizontalpodautoscalers.autoscaling": "10",
        "count/serviceaccounts": workloads.to_string(),
    }}})
}

/// Anti-affinity binds both sides: a pod that will not be beside those of other
/// namespaces keeps them from being scheduled.
fn no_affinity_to_others() -> Value {
    json!({ "spec": {
        "hard": { "pods": "0" },
        "scopeSelector": { "matchExpressions": [{ "scopeName": "CrossNamespacePodAffinity", "operator": "Exists" }] },
    }})
}

/// For containers that say nothing: under a quota they would be refused. What they write to the node's
/// disk is bounded too, their log included.
fn limits() -> Value {
    json!({ "spec": { "limits": [{
        "type": "Container",
        "defaultRequest": { "cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi" },
        "default": { "cpu": "500m", "memory": "256Mi", "ephemeral-storage": format!("{DISK}Gi") },
    }]}})
}

fn default_deny() -> Value {
    json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] } })
}

/// In come the ingress controller and the preview's own pods.
fn ingress(controller: Option<&str>) -> Value {
    let rule = match controller {
        Some(name) => json!({ "from": [
            { "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } },
            { "podSelector": {} },
        ]}),
        // An empty rule allows every source.
        None => json!({}),
    };
    json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule] } })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::RoleBinding;
    use serde::{Serialize, de::DeserializeOwned};

    use super::*;

    /// The API server ignores fields that it does not know; a typed round trip drops them.
    fn assert_every_field_is_known<K: DeserializeOwned + Serialize>(manifest: &Value) {
        let typed: K = serde_json::from_value(manifest.clone()).expect("a manifest of this kind");
        let mut known = serde_json::to_value(typed).expect("json");
        let known = known.as_object_mut().expect("an object");
        known.retain(|key, _| manifest.get(key).is_some());
        assert_eq!(&json!(known), manifest);
    }

    #[test]
    fn whoever_may_have_many_pods_may_have_as_many_workloads() {
        let granted = |pods: u32| {
            let quota = quota(format!("pods={pods},cpu=4,memory=4Gi,storage=10Gi").parse().expect("a quota"));
            let hard = |resource: &str| quota["spec"]["hard"][resource].as_str().map(str::to_owned);
            ["count/deployments.apps", "count/replicasets.apps", "persistentvolumeclaims"]
                .map(|resource| hard(resource).expect("it is bounded"))
        };
        assert_eq!(granted(5), ["20", "40", "4"]);
        assert_eq!(granted(60), ["60", "120", "30"]);
    }

    #[test]
    fn the_manifests_hold_no_misspelt_field() {
        assert_every_field_is_known::<ResourceQuota>(&quota(
            "pods=10,cpu=4,memory=4Gi,storage=10Gi".parse().expect("a quota"),
        ));
        assert_every_field_is_known::<ResourceQuota>(&no_affinity_to_others());
        assert_every_field_is_known::<LimitRange>(&limits());
        assert_every_field_is_known::<ServiceAccount>(&account::without_token());
        assert_every_field_is_known::<RoleBinding>(&account::binding("edit", "preview-x"));
        for policy in [default_deny(), ingress(None), ingress(Some("traefik"))] {
            assert_every_field_is_known::<NetworkPolicy>(&policy);
        }
    }
}
