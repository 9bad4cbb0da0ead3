//! What the workloads' states add up to: a pure function of what the cluster shows.

mod findings;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet, StatefulSet},
    core::v1::{Event, Pod},
};
use kube::ResourceExt;

use crate::{container_log::ContainerLog, container_status::containers_of};
pub(super) use findings::waits_for_image;
use findings::{
    NO_PROGRESS, container_trouble, replica_set_refused, stalled, stateful_set_refused, unschedulable,
};

/// All that is in the preview's namespace and says something about its workloads.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub(super) pods: Vec<Arc<Pod>>,
    pub(super) deployments: Vec<Arc<Deployment>>,
    pub(super) stateful_sets: Vec<Arc<StatefulSet>>,
    pub(super) replica_sets: Vec<Arc<ReplicaSet>>,
    pub(super) warnings: Vec<Arc<Event>>,
}

/// What they add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Assessment {
    /// Every workload has all its replicas available.
    Ready,
    /// Nothing is wrong; not everything is up yet.
    Wait { for_what: String },
    /// The image is not there (yet).
    ImageMissing { image: String, message: String },
    /// Wrong if it lasts.
    Doubt { trouble: Trouble, grace: Duration },
    /// Will not come up by itself.
    Failed(Trouble),
}

/// Why a workload does not come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// For Temporal's failure type.
    pub(super) kind: &'static str,
    /// For the requester.
    pub(super) summary: String,
    /// Whose last words help.
    pub(super) log: Option<ContainerLog>,
}

impl Trouble {
    fn new(kind: &'static str, summary: String) -> Self {
        Self { kind, summary, log: None }
    }
}

/// The worst that any workload shows.
pub(super) fn assess(observed: &Observed) -> Assessment {
    let pods = || observed.pods.iter().filter(|pod| is_to_serve(pod));
    pods()
        .flat_map(|pod| containers_of(pod).filter_map(|container| container_trouble(pod, container)))
        .chain(pods().filter_map(|pod| unschedulable(pod)))
        .chain(observed.deployments.iter().filter_map(|deployment| stalled(deployment)))
        .chain(observed.replica_sets.iter().filter_map(|set| replica_set_refused(set)))
        .chain(observed.warnings.iter().filter_map(|event| stateful_set_refused(event)))
        .min_by_key(rank)
        .unwrap_or_else(|| completeness(observed))
}

/// What cannot mend itself is the worst. A deployment that waits for its image makes no progress; the missing
/// image is then the better reason.
fn rank(finding: &Assessment) -> u8 {
    match finding {
        Assessment::Failed(Trouble { kind: NO_PROGRESS, .. }) => 2,
        Assessment::Failed(_) => 0,
        Assessment::ImageMissing { .. } => 1,
        Assessment::Doubt { .. } => 3,
        Assessment::Wait { .. } | Assessment::Ready => 4,
    }
}

/// A pod that is on its way out does not count any more, and a job may fail and
/// be repeated as its own specification says.
fn is_to_serve(pod: &Pod) -> bool {
    let is_a_jobs = pod.owner_references().iter().any(|owner| owner.kind == "Job");
    pod.metadata.deletion_timestamp.is_none() && !is_a_jobs
}

/// Nothing is wrong; is everything there?
fn completeness(observed: &Observed) -> Assessment {
    let deployments = observed.deployments.iter().filter_map(|deployment| {
        let wanted = deployment.spec.replicas.unwrap_or(1);
        let status = deployment.status.as_ref();
        let seen = status.and_then(|status| status.observed_generation) >= deployment.metadata.generation;
        let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
        let updated = status.and_then(|status| status.updated_replicas).unwrap_or(0);
        incomplete("deployment", &deployment.name_any(), seen, available.min(updated), wanted)
    });
    let stateful_sets = observed.stateful_sets.iter().filter_map(|set| {
        let wanted = set.spec.replicas.unwrap_or(1);
        let status = set.status.as_ref();
        let seen = status.and_then(|status| status.observed_generation) >= set.metadata.generation;
        let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
        let updated = status.and_then(|status| status.updated_replicas).unwrap_or(0);
        incomplete("stateful set", &set.name_any(), seen, available.min(updated), wanted)
    });
    let missing: Vec<String> = deployments.chain(stateful_sets).collect();
    if missing.is_empty() {
        Assessment::Ready
    } else {
        Assessment::Wait { for_what: missing.join(", ") }
    }
}

fn incomplete(kind: &str, name: &str, seen: bool, available: i32, wanted: i32) -> Option<String> {
    (!seen || available < wanted).then(|| format!("{kind} `{name}`: {available} of {wanted} pods available"))
}

#[cfg(test)]
mod tests;
