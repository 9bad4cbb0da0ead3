//! Tries whether the cluster enforces network policies at all. Where its network plugin ignores them, nothing
//! keeps previews apart, and the API server does not say so.
//!
//! One pod connects to the API server, whose address every pod is told. No policy selects it at first: that
//! it connects proves that its network is up and that there is somebody to be reached. Then it gets the label
//! of a policy that lets nothing out, and has to be cut off. A plugin may take a while to notice, so it is
//! given time.

mod job;
mod judge;

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use temporalio_common::telemetry::metrics::{
    CoreMeter, Gauge, MetricAttributes, MetricParameters, NewAttributes,
};
use tokio::time::{Instant, timeout};

pub use self::judge::NetworkPolicies;
use self::judge::{Step, next, obstacle};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
};

/// How the program in the pod ends if it has not seen in time what it waited for.
pub const NOT_SEEN: u8 = 3;
/// How long the pod may take to be cut off by a policy. Plugins need up to some seconds.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(30);
/// A namespace of `charts/preview-cluster`, with the policy that is tried.
const NAMESPACE: &str = "preview-network-probe";
/// How long all of it may take, an image that has to be pulled included. Shorter than the cluster lets the
/// pod be: one that it ends does not say any more what it was waiting for.
const PATIENCE: Duration = Duration::from_secs(job::DEADLINE.as_secs() - 10);

/// Finds out whether the cluster enforces network policies. Operators see it in a gauge.
pub struct NetworkProbe {
    image: Option<String>,
    gauge: Gauge,
    no_labels: MetricAttributes,
}

impl NetworkProbe {
    /// The pod's image has to be one of the worker; without one nothing is tried.
    #[must_use]
    pub fn new(image: Option<String>, meter: &dyn CoreMeter) -> Self {
        let gauge = MetricParameters::builder()
            .name("preview_network_policies_enforced")
            .description(
                "Whether the cluster enforces network policies: 1, or 0; not there if it is not known",
            )
            .build();
        Self {
            image,
            gauge: meter.gauge(gauge),
            no_labels: meter.new_attributes(NewAttributes::default()),
        }
    }

    /// Says it in log and gauge. Several workers may do so at once. One that dies meanwhile leaves a Job
    /// behind, which the cluster ends and removes within three minutes.
    pub(super) async fn tell(&self, cluster: &Cluster) {
        let Some(image) = &self.image else {
            tracing::warn!(
                "whether the cluster enforces network policies is not known: to have it tried, set PREVIEW_PROBE_IMAGE to the worker's image"
            );
            return;
        };
        match try_network_policies(cluster, image).await {
            NetworkPolicies::Enforced => {
                self.gauge.record(1, &self.no_labels);
                tracing::info!("the cluster enforces network policies");
            }
            NetworkPolicies::NotEnforced => {
                self.gauge.record(0, &self.no_labels);
                tracing::error!(
                    "the cluster does NOT enforce network policies: previews reach one another, the API server and the Internet; use a network plugin that enforces them, such as Calico, Cilium or GKE's Dataplane V2"
                );
            }
            NetworkPolicies::Unknown { because } => tracing::warn!(
                because,
                "it could not be found out whether the cluster enforces network policies"
            ),
        }
    }
}

/// Tries it with a pod of the worker's image. Takes some seconds, up to two minutes if the pod does not come
/// up.
pub async fn try_network_policies(cluster: &Cluster, image: &str) -> NetworkPolicies {
    let outcome = outcome(cluster, image).await;
    outcome.unwrap_or_else(|error| NetworkPolicies::Unknown { because: error.to_string() })
}

async fn outcome(cluster: &Cluster, image: &str) -> Result<NetworkPolicies, ClusterError> {
    let jobs: Api<Job> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let job = job::trying(image, &cluster.instance.labels());
    let job = match jobs.create(&PostParams::default(), &job).await {
        Ok(job) => job.name_any(),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
            let because = format!("{}; install charts/preview-cluster of this version", status.message);
            return Ok(NetworkPolicies::Unknown { because });
        }
        Err(error) => return Err(error).doing(|| format!("making a Job in namespace {NAMESPACE}")),
    };
    let mut seen = None;
    match timeout(PATIENCE, watch(cluster, &job, &mut seen)).await {
        Ok(outcome) => outcome,
        Err(_) => Ok(NetworkPolicies::Unknown { because: obstacle(seen.as_ref()) }),
    }
}

/// Follows the pod of the Job to its end; what was last seen of it is in `seen`.
async fn watch(
    cluster: &Cluster,
    job: &str,
    seen: &mut Option<Pod>,
) -> Result<NetworkPolicies, ClusterError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let its_pod = watcher::Config::default().labels(&format!("{}={job}", job::OF_JOB));
    let mut changes = watcher(pods.clone(), its_pod).default_backoff().applied_objects().boxed();
    let mut closed_since: Option<Instant> = None;
    while let Some(change) = changes.next().await {
        let pod = match change {
            Ok(pod) => pod,
            Err(error) => {
                tracing::debug!(%error, "watch interrupted");
                continue;
            }
        };
        match next(&pod, closed_since.map(|since| since.elapsed())) {
            Step::Wait => {}
            Step::Close => {
                let name = pod.name_any();
                let label = Patch::Merge(job::closed());
                pods.patch(&name, &PatchParams::default(), &label)
                    .await
                    .doing(|| format!("labelling pod {name} in namespace {NAMESPACE}"))?;
                closed_since = Some(Instant::now());
            }
            Step::Done(outcome) => return Ok(outcome),
        }
        *seen = Some(pod);
    }
    Ok(NetworkPolicies::Unknown { because: "the watch of its pod ended".to_owned() })
}
