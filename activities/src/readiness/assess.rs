//! What the workloads' states add up to: a pure function of what the cluster shows.

mod crash;
mod findings;
mod jobs;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::Job,
    core::v1::{Event, Pod},
};
use kube::ResourceExt;

use crate::{container_log::ContainerLog, container_status::containers_of, release::HOOK};
use crash::crash;
pub(super) use findings::can_pull_again;
use findings::{
    NO_PROGRESS, pod_failed, pods_refused, replica_set_refused, stalled, unschedulable, unstarted,
};
use jobs::{is_plain, is_unfinished, job_failed};

/// What has no pods now may get some from a controller that makes them late.
const NO_PODS_GRACE: Duration = Duration::from_secs(5);

/// All that is in the preview's namespace and says something about its workloads.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub(super) pods: Vec<Arc<Pod>>,
    pub(super) deployments: Vec<Arc<Deployment>>,
    pub(super) stateful_sets: Vec<Arc<StatefulSet>>,
    pub(super) daemon_sets: Vec<Arc<DaemonSet>>,
    pub(super) replica_sets: Vec<Arc<ReplicaSet>>,
    pub(super) jobs: Vec<Arc<Job>>,
    pub(super) warnings: Vec<Arc<Event>>,
}

/// What they add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Assessment {
    /// Every workload has all its replicas available, and every Job is done.
    Ready,
    /// Nothing is wrong; not everything is up yet.
    Wait { for_what: String },
    /// The image is not there (yet).
    ImageMissing { image: String, message: String },
    /// Wrong if it lasts.
    Doubt { trouble: Trouble, grace: Duration },
    /// Wrong if it is still so when the time to start is over.
    Struggling(Trouble),
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

/// What a pod is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// To serve, for as long as the preview lives.
    Serves,
    /// To do what a Job of the chart is for.
    Works,
    /// Nothing that the preview waits for: it is on its way out, has been replaced, is a hook's, which Helm
    /// has waited for, or a CronJob's.
    Neither,
}

impl Observed {
    fn role(&self, pod: &Pod) -> Role {
        let owner = |kind: &str| pod.owner_references().iter().find(|owner| owner.kind == kind);
        let leaves = pod.metadata.deletion_timestamp.is_some();
        let is_replaced = is_over(pod) && !is_bare(pod);
        if leaves || pod.annotations().contains_key(HOOK) {
            Role::Neither
        } else if let Some(owner) = owner("Job") {
            let job = self.jobs.iter().find(|job| job.name_any() == owner.name);
            if job.is_some_and(|job| is_plain(job)) {
                Role::Works
            } else {
                Role::Neither
            }
        } else if is_replaced {
            Role::Neither
        } else {
            Role::Serves
        }
    }

    fn pods(&self, roles: &'static [Role]) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.iter().filter(move |pod| roles.contains(&self.role(pod)))
    }

    /// The Jobs that the preview waits for.
    fn plain_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.iter().filter(|job| is_plain(job))
    }

    /// What wants no pods, by name.
    pub(super) fn idle(&self) -> Vec<String> {
        workloads(self)
            .into_iter()
            .filter(|workload| workload.is_seen && workload.wanted == 0)
            .map(|workload| workload.name())
            .collect()
    }
}

/// The worst that any workload shows at this moment.
pub(super) fn assess(observed: &Observed, now: Timestamp) -> Assessment {
    let serving = || observed.pods(&[Role::Serves]);
    let all = || observed.pods(&[Role::Serves, Role::Works]);
    all()
        .flat_map(|pod| containers_of(pod).filter_map(|container| unstarted(observed, pod, container)))
        .chain(
            serving().flat_map(|pod| {
                containers_of(pod).filter_map(|container| crash(observed, pod, container, now))
            }),
        )
        .chain(serving().filter_map(|pod| pod_failed(pod)))
        .chain(all().filter_map(|pod| unschedulable(pod)))
        .chain(observed.plain_jobs().filter_map(|job| job_failed(observed, job)))
        .chain(observed.deployments.iter().filter_map(|deployment| stalled(deployment)))
        .chain(observed.replica_sets.iter().filter_map(|set| replica_set_refused(set)))
        .chain(observed.warnings.iter().filter_map(|event| pods_refused(observed, event)))
        .min_by_key(rank)
        .or_else(|| nothing_runs(observed))
        .unwrap_or_else(|| completeness(observed))
}

/// What cannot mend itself is the worst. A deployment that waits for its image makes no progress; the missing
/// image is then the better reason.
fn rank(finding: &Assessment) -> u8 {
    match finding {
        Assessment::Failed(_) => 0,
        Assessment::ImageMissing { .. } => 1,
        Assessment::Doubt { .. } => 2,
        Assessment::Struggling(Trouble { kind: NO_PROGRESS, .. }) => 4,
        Assessment::Struggling(_) => 3,
        Assessment::Wait { .. } | Assessment::Ready => 5,
    }
}

/// Has it ended for good?
fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// The chart has made it itself, and nobody makes it again.
fn is_bare(pod: &Pod) -> bool {
    pod.owner_references().is_empty()
}

/// A kind of pods that are to serve.
struct Workload {
    kind: &'static str,
    name: String,
    /// Its status is about its present specification.
    is_seen: bool,
    available: i32,
    wanted: i32,
}

impl Workload {
    /// `seen` is the generation of the object that its status is about.
    fn of(
        kind: &'static str,
        object: &impl ResourceExt,
        seen: Option<i64>,
        available: i32,
        wanted: i32,
    ) -> Self {
        Self {
            kind,
            name: object.name_any(),
            is_seen: seen >= object.meta().generation,
            available,
            wanted,
        }
    }

    fn name(&self) -> String {
        format!("{} `{}`", self.kind, self.name)
    }

    fn missing(&self) -> Option<String> {
        let Self { available, wanted, .. } = self;
        (!self.is_seen || available < wanted)
            .then(|| format!("{}: {available} of {wanted} pods available", self.name()))
    }
}

/// Of the pods that a status counts, those that are available and up to date.
fn usable(available: Option<i32>, updated: Option<i32>) -> i32 {
    available.unwrap_or(0).min(updated.unwrap_or(0))
}

fn workloads(observed: &Observed) -> Vec<Workload> {
    let deployments = observed.deployments.iter().map(|it| {
        let status = it.status.clone().unwrap_or_default();
        let usable = usable(status.available_replicas, status.updated_replicas);
        let wanted = it.spec.replicas.unwrap_or(1);
        Workload::of("deployment", &**it, status.observed_generation, usable, wanted)
    });
    let stateful_sets = observed.stateful_sets.iter().map(|it| {
        let status = it.status.clone().unwrap_or_default();
        let usable = usable(status.available_replicas, status.updated_replicas);
        let wanted = it.spec.replicas.unwrap_or(1);
        Workload::of("stateful set", &**it, status.observed_generation, usable, wanted)
    });
    let daemon_sets = observed.daemon_sets.iter().map(|it| {
        let status = it.status.clone().unwrap_or_default();
        let usable = usable(status.number_available, status.updated_number_scheduled);
        let wanted = status.desired_number_scheduled;
        Workload::of("daemon set", &**it, status.observed_generation, usable, wanted)
    });
    let own = observed.replica_sets.iter().filter(|set| set.owner_references().is_empty());
    let replica_sets = own.map(|it| {
        let status = it.status.clone().unwrap_or_default();
        let wanted = it.spec.replicas.unwrap_or(1);
        let available = status.available_replicas.unwrap_or(0);
        Workload::of("replica set", &**it, status.observed_generation, available, wanted)
    });
    let bare = observed.pods(&[Role::Serves]).filter(|pod| is_bare(pod) && !is_over(pod));
    let pods = bare.map(|pod| Workload {
        kind: "pod",
        name: pod.name_any(),
        is_seen: true,
        available: i32::from(ready_since(pod).is_some()),
        wanted: 1,
    });
    deployments
        .chain(stateful_sets)
        .chain(daemon_sets)
        .chain(replica_sets)
        .chain(pods)
        .collect()
}

/// Since when the pod is ready, if it is.
fn ready_since(pod: &Pod) -> Option<Option<Timestamp>> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready" && condition.status == "True")?;
    Some(ready.last_transition_time.as_ref().map(|time| time.0))
}

/// A chart that runs nothing can never answer.
fn nothing_runs(observed: &Observed) -> Option<Assessment> {
    let workloads = workloads(observed);
    let runs = workloads.iter().any(|workload| !workload.is_seen || workload.wanted > 0);
    // What other controllers make counts, too.
    let has_pods = observed.pods(&[Role::Serves]).any(|pod| !is_over(pod));
    if runs || has_pods {
        return None;
    }
    let (kind, summary) = if !workloads.is_empty() {
        let names = observed.idle().join(", ");
        (
            "ScaledToZero",
            format!("All workloads of the chart are scaled to zero, so nothing can answer: {names}."),
        )
    } else if observed.plain_jobs().next().is_some() {
        ("NoPods", "The chart runs Jobs only, so nothing is left that can answer.".to_owned())
    } else {
        ("NoPods", "The chart runs no pods, so nothing can answer.".to_owned())
    };
    Some(Assessment::Doubt { trouble: Trouble::new(kind, summary), grace: NO_PODS_GRACE })
}

/// Nothing is wrong; is everything there?
fn completeness(observed: &Observed) -> Assessment {
    let workloads = workloads(observed);
    let unfinished = observed.plain_jobs().filter(|job| is_unfinished(job));
    let missing: Vec<String> = workloads
        .iter()
        .filter_map(Workload::missing)
        .chain(unfinished.map(|job| format!("job `{}`: not done yet", job.name_any())))
        .collect();
    if missing.is_empty() {
        Assessment::Ready
    } else {
        Assessment::Wait { for_what: missing.join(", ") }
    }
}

#[cfg(test)]
mod tests;
