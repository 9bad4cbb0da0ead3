//! What is wrong with one container, pod or workload, in the words that the cluster has for it.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{ContainerStatus, Event, Pod},
};
use kube::ResourceExt;

use super::{Assessment, ContainerLog, Observed, Trouble, containers_of, jobs::lacks_pods};
use crate::container_status::{LastEnd, NotStarted, image_of, last_end, not_started};

/// A configuration that the kubelet cannot find may be about to be created:
/// charts are not installed in order.
const CONFIG_GRACE: Duration = Duration::from_secs(5);
/// Quotas are recounted, and a rolling update briefly needs one pod more.
const REFUSED_GRACE: Duration = Duration::from_secs(5);
/// A service account may come after what needs it, and controllers try again in growing pauses.
const ACCOUNT_GRACE: Duration = Duration::from_secs(15);
/// A cluster that grows on demand needs minutes for a new node.
pub(super) const UNSCHEDULABLE_GRACE: Duration = Duration::from_secs(120);

/// The kind of a deployment's failure that no finding explains.
pub(super) const NO_PROGRESS: &str = "NoProgress";

/// Does one of the pod's containers wait for an image that is not there, and may the pod be deleted, so that
/// its successor asks for it at once? A bare pod has none, and a Job counts each as a failure.
pub(in crate::readiness) fn can_pull_again(pod: &Pod) -> bool {
    let owners = pod.owner_references();
    pod.metadata.deletion_timestamp.is_none()
        && !owners.is_empty()
        && !owners.iter().any(|owner| owner.kind == "Job")
        && containers_of(pod)
            .any(|container| matches!(not_started(pod, container), Some(NotStarted::ImageMissing { .. })))
}

/// A container that has not been started, and why.
pub(super) fn unstarted(observed: &Observed, pod: &Pod, container: &ContainerStatus) -> Option<Assessment> {
    match not_started(pod, container)? {
        NotStarted::ImageMissing { image, message } => {
            // The kubelet asks for it again late, and then finds it.
            let is_there = observed.pods.iter().any(|pod| has_pulled(pod, image));
            (!is_there)
                .then(|| Assessment::ImageMissing { image: image.to_owned(), message: message.to_owned() })
        }
        NotStarted::NoImageName { image } => Some(Assessment::Failed(Trouble::new(
            "InvalidImageName",
            format!("`{image}` is not a legal name for an image."),
        ))),
        NotStarted::NotCreated { message } => Some(Assessment::Doubt {
            trouble: Trouble::new(
                "ContainerNotCreated",
                format!("The container `{}` cannot be started: {message}", container.name),
            ),
            grace: CONFIG_GRACE,
        }),
    }
}

fn has_pulled(pod: &Pod, image: &str) -> bool {
    containers_of(pod).any(|it| !it.image_id.is_empty() && image_of(pod, it) == image)
}

/// A pod that nobody makes again has failed for good.
pub(super) fn pod_failed(pod: &Pod) -> Option<Assessment> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() != Some("Failed") {
        return None;
    }
    let name = pod.name_any();
    let failed = containers_of(pod).find_map(|container| {
        let end = last_end(container)?;
        (end.ended.exit_code != 0).then_some((container, end))
    });
    let trouble = match failed {
        Some((container, LastEnd { ended, is_previous })) => Trouble {
            log: Some(ContainerLog {
                pod: name.clone(),
                container: container.name.clone(),
                previous: is_previous,
            }),
            ..Trouble::new(
                "PodFailed",
                format!(
                    "The pod `{name}` failed: its container `{}` ended with exit code {}.",
                    container.name, ended.exit_code
                ),
            )
        },
        None => {
            let message = status.message.as_deref().unwrap_or("the cluster does not say why");
            Trouble::new("PodFailed", format!("The pod `{name}` failed: {message}"))
        }
    };
    Some(Assessment::Failed(trouble))
}

pub(super) fn unschedulable(pod: &Pod) -> Option<Assessment> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let condition = conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    Some(Assessment::Doubt {
        trouble: Trouble::new(
            "Unschedulable",
            format!(
                "The cluster has no room for the pod: {}",
                condition.message.as_deref().unwrap_or("it does not say why")
            ),
        ),
        grace: UNSCHEDULABLE_GRACE,
    })
}

pub(super) fn stalled(deployment: &Deployment) -> Option<Assessment> {
    let conditions = deployment.status.as_ref()?.conditions.as_deref()?;
    conditions
        .iter()
        .any(|condition| {
            condition.type_.as_deref() == Some("Progressing")
                && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
        })
        .then(|| {
            Assessment::Struggling(Trouble::new(
                NO_PROGRESS,
                format!("The deployment `{}` made no progress within its deadline.", deployment.name_any()),
            ))
        })
}

pub(super) fn replica_set_refused(set: &ReplicaSet) -> Option<Assessment> {
    let conditions = set.status.as_ref()?.conditions.as_deref()?;
    let condition = conditions.iter().find(|condition| {
        condition.type_.as_deref() == Some("ReplicaFailure") && condition.status.as_deref() == Some("True")
    })?;
    refused(condition.message.as_deref().unwrap_or_default())
}

/// What is not a deployment has no condition for it, only events; and those stay when it has passed.
pub(super) fn pods_refused(observed: &Observed, event: &Event) -> Option<Assessment> {
    let about = &event.involved_object;
    let name = about.name.as_deref()?;
    let lacks_pods = match about.kind.as_deref()? {
        "StatefulSet" => observed.stateful_sets.iter().any(|it| {
            it.name_any() == name
                && it.status.as_ref().map_or(0, |status| status.replicas) < it.spec.replicas.unwrap_or(1)
        }),
        "DaemonSet" => observed.daemon_sets.iter().any(|it| {
            it.name_any() == name
                && it
                    .status
                    .as_ref()
                    .is_some_and(|status| status.current_number_scheduled < status.desired_number_scheduled)
        }),
        "Job" => observed.plain_jobs().any(|it| it.name_any() == name && lacks_pods(it)),
        _ => false,
    };
    if lacks_pods && event.reason.as_deref() == Some("FailedCreate") {
        refused(event.message.as_deref().unwrap_or_default())
    } else {
        None
    }
}

/// Admission did not let the pod in.
fn refused(message: &str) -> Option<Assessment> {
    if message.contains("status unknown for quota") {
        return None;
    }
    let needs_account = message.contains("error looking up service account");
    let (kind, summary) = if message.contains("exceeded quota") {
        ("QuotaExceeded", "The pods ask for more than a preview may have")
    } else if message.contains("violates PodSecurity \"restricted") {
        (
            "PodSecurity",
            "The pods ask for more than the restricted pod security standard of this service allows",
        )
    } else if message.contains("violates PodSecurity") {
        ("PodSecurity", "The pods ask for privileges that a preview may not have")
    } else {
        ("PodsRefused", "The cluster refuses to create the pods")
    };
    Some(Assessment::Doubt {
        trouble: Trouble::new(kind, format!("{summary}: {message}")),
        grace: if needs_account { ACCOUNT_GRACE } else { REFUSED_GRACE },
    })
}
