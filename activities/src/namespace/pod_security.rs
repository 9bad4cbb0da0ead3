//! Chooses how the pods of previews are confined.
//!
//! Where every node has user namespaces and the policies of `charts/preview-cluster` are in force, what a pod
//! does not say about its confinement is filled in, a user namespace first of all: so ordinary images come
//! up, root and port 80 included. Elsewhere the *restricted* standard is enforced and nothing is filled in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::{from_value, json};
use temporalio_common::telemetry::metrics::{
    CoreMeter, Gauge, MetricAttributes, MetricParameters, NewAttributes,
};
use tokio::{sync::Mutex, time::Instant};

use super::policy::{Set, difference};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
};

/// Label: which of the cluster's policies for pods hold in a namespace.
const PODS: &str = "preview.internal/pods";
/// Its value where they hold.
const USER_NAMESPACES: &str = "user-namespaces";
/// A namespace of `charts/preview-cluster`, in which they are tried.
const PROBE_NAMESPACE: &str = "preview-admission-probe";
/// How long what was found out counts. Nodes come and go.
const KNOWN_FOR: Duration = Duration::from_secs(300);

/// How pods are confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodSecurity {
    /// The *baseline* standard, in user namespaces of their own, with defaults filled in.
    UserNamespaces,
    /// The *restricted* standard.
    Restricted {
        /// Why no more is possible, for operators.
        because: String,
    },
}

/// Finds out, and remembers it for a while. Operators see it in a gauge.
#[derive(Clone)]
pub struct PodSecurityChoice {
    user_namespaces: bool,
    known: Arc<Mutex<Option<(Instant, PodSecurity)>>>,
    gauge: Gauge,
    no_labels: MetricAttributes,
}

impl PodSecurityChoice {
    /// With `user_namespaces` they are used where there are some.
    #[must_use]
    pub fn new(user_namespaces: bool, meter: &dyn CoreMeter) -> Self {
        let gauge = MetricParameters::builder()
            .name("preview_user_namespaces")
            .description("Whether the pods of new previews run in user namespaces: 1, or 0")
            .build();
        Self {
            user_namespaces,
            known: Arc::default(),
            gauge: meter.gauge(gauge),
            no_labels: meter.new_attributes(NewAttributes::default()),
        }
    }

    /// What holds for a preview that begins now.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub(crate) async fn find(&self, cluster: &Cluster) -> Result<PodSecurity, ClusterError> {
        let mut known = self.known.lock().await;
        if let Some((since, security)) = &*known
            && since.elapsed() < KNOWN_FOR
        {
            return Ok(security.clone());
        }
        let obstacle = if self.user_namespaces {
            obstacle(cluster).await?
        } else {
            Some("PREVIEW_POD_SECURITY is restricted".to_owned())
        };
        let security = match obstacle {
            None => PodSecurity::UserNamespaces,
            Some(because) => PodSecurity::Restricted { because },
        };
        self.gauge
            .record(u64::from(security == PodSecurity::UserNamespaces), &self.no_labels);
        if known.as_ref().is_none_or(|(_, before)| *before != security) {
            match &security {
                PodSecurity::UserNamespaces => {
                    tracing::info!("pods of previews run in user namespaces, under the baseline standard");
                }
                PodSecurity::Restricted { because } => tracing::warn!(
                    because,
                    "pods of previews are held to the restricted standard, which many images do not meet"
                ),
            }
        }
        *known = Some((Instant::now(), security.clone()));
        Ok(security)
    }
}

impl PodSecurity {
    /// The labels that a namespace gets.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let standard = match self {
            Self::UserNamespaces => "baseline",
            Self::Restricted { .. } => "restricted",
        };
        let modes = ["enforce", "warn", "audit"];
        let mut labels: BTreeMap<_, _> = modes
            .map(|mode| (format!("pod-security.kubernetes.io/{mode}"), standard.to_owned()))
            .into();
        if *self == Self::UserNamespaces {
            labels.insert(PODS.to_owned(), USER_NAMESPACES.to_owned());
        }
        labels
    }
}

/// Do the policies for pods hold in this namespace?
pub(super) fn has_user_namespaces(namespace: &Namespace) -> bool {
    namespace.labels().get(PODS).is_some_and(|value| value == USER_NAMESPACES)
}

/// Why pods cannot have user namespaces here.
async fn obstacle(cluster: &Cluster) -> Result<Option<String>, ClusterError> {
    if let Some(difference) = difference(cluster, Set::Pods).await? {
        return Ok(Some(format!("{difference}; install charts/preview-cluster of this version")));
    }
    if !is_filled_in(cluster).await? {
        return Ok(Some("the cluster does not fill in what a pod leaves open".to_owned()));
    }
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let nodes = nodes.list(&ListParams::default()).await.doing(|| "listing nodes".to_owned())?;
    let without = nodes.iter().find(|node| is_linux(node) && !has_feature(node));
    Ok(without.map(|node| format!("node {} has no user namespaces", node.name_any())))
}

/// Tries it, without making anything.
async fn is_filled_in(cluster: &Cluster) -> Result<bool, ClusterError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), PROBE_NAMESPACE);
    let says_nothing = json!({
        "metadata": { "name": "says-nothing" },
        "spec": { "containers": [{ "name": "app", "image": "none" }] },
    });
    let pod = from_value(says_nothing).expect("a pod");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    match pods.create(&dry, &pod).await {
        Ok(made) => Ok(made.spec.is_some_and(|spec| spec.host_users == Some(false))),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(false),
        Err(error) => Err(error).doing(|| format!("trying a pod in namespace {PROBE_NAMESPACE}")),
    }
}

fn is_linux(node: &Node) -> bool {
    node.labels().get("kubernetes.io/os").is_none_or(|os| os == "linux")
}

/// The kubelet tells it of each container runtime; the one without a name is the default.
fn has_feature(node: &Node) -> bool {
    let handlers = node.status.iter().flat_map(|status| status.runtime_handlers.iter().flatten());
    let mut defaults = handlers.filter(|handler| handler.name.as_deref().unwrap_or_default().is_empty());
    defaults.any(|handler| {
        handler
            .features
            .as_ref()
            .is_some_and(|features| features.user_namespaces == Some(true))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(os: &str, handlers: &serde_json::Value) -> Node {
        let node = json!({
            "metadata": { "name": "a", "labels": { "kubernetes.io/os": os } },
            "status": { "runtimeHandlers": handlers },
        });
        from_value(node).expect("a node")
    }

    #[test]
    fn a_node_has_user_namespaces_if_its_default_runtime_has() {
        let with = json!([{ "name": "kata" }, { "name": "", "features": { "userNamespaces": true } }]);
        assert!(has_feature(&node("linux", &with)));
        let without = json!([{ "name": "kata", "features": { "userNamespaces": true } }, { "name": "" }]);
        assert!(!has_feature(&node("linux", &without)));
        assert!(!has_feature(&node("linux", &json!(null))));
        assert!(!is_linux(&node("windows", &json!([]))));
    }

    #[test]
    fn nothing_is_loosened_without_the_policies() {
        let restricted = PodSecurity::Restricted { because: String::new() };
        assert_eq!(restricted.labels()["pod-security.kubernetes.io/enforce"], "restricted");
        assert!(!restricted.labels().contains_key(PODS));
        assert_eq!(PodSecurity::UserNamespaces.labels()["pod-security.kubernetes.io/enforce"], "baseline");
        assert_eq!(PodSecurity::UserNamespaces.labels()[PODS], USER_NAMESPACES);
    }

    #[test]
    fn the_chart_selects_what_is_written() {
        let chart = include_str!("../../../charts/preview-cluster/templates/pods.yaml");
        let label = format!("\n        {PODS}: {USER_NAMESPACES}\n");
        assert_eq!(chart.matches(&label).count(), 2, "the defaults and the check of pods");
        assert!(chart.contains(&format!("\n  name: {PROBE_NAMESPACE}\n")));
    }
}
