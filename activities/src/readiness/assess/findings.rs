//! What is wrong with one container, pod or workload, in the words that the cluster has for it.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{ContainerStatus, Event, Pod},
};
use kube::ResourceExt;

use super::{Assessment, ContainerLog, Trouble, containers_of, is_to_serve};
use crate::container_status::{LastEnd, last_end};

/// Starts that may fail before we believe that the next will, too. The first
/// restart is immediate, so this is seconds.
const RESTARTS_MAX: i32 = 2;
/// A configuration that the kubelet cannot find may be about to be created:
/// charts are not installed in order.
const CONFIG_GRACE: Duration = Duration::from_secs(5);
/// Quotas are recounted, and a rolling update briefly needs one pod more.
const REFUSED_GRACE: Duration = Duration::from_secs(5);
/// A cluster that grows on demand needs minutes for a new node.
pub(super) const UNSCHEDULABLE_GRACE: Duration = Duration::from_secs(120);

/// The kind of a deployment's failure that no finding explains.
pub(super) const NO_PROGRESS: &str = "NoProgress";

/// The kubelet's reasons for having no image. It does not tell a missing one from a registry that
/// is out of order, so both are waited for.
const IMAGE_MISSING: [&str; 4] =
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"];

/// Does one of the pod's containers wait for an image that is not there?
pub(in crate::readiness) fn waits_for_image(pod: &Pod) -> bool {
    is_to_serve(pod) && containers_of(pod).any(|container| IMAGE_MISSING.contains(&waiting(container).0))
}

/// The reason and the message of a container that has not been started.
fn waiting(container: &ContainerStatus) -> (&str, &str) {
    let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
    (
        waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default(),
        waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default(),
    )
}

pub(super) fn container_trouble(pod: &Pod, container: &ContainerStatus) -> Option<Assessment> {
    let name = &container.name;
    let (reason, message) = waiting(container);
    match reason {
        _ if IMAGE_MISSING.contains(&reason) => {
            Some(Assessment::ImageMissing { image: container.image.clone(), message: message.to_owned() })
        }
        "InvalidImageName" => Some(Assessment::Failed(Trouble::new(
            "InvalidImageName",
            format!("`{}` is not a legal name for an image.", container.image),
        ))),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(Assessment::Doubt {
                trouble: Trouble::new(
                    "ContainerNotCreated",
                    format!("The container `{name}` cannot be started: {message}"),
                ),
                grace: CONFIG_GRACE,
            })
        }
        _ => crash(pod, container, reason == "CrashLoopBackOff"),
    }
}

fn crash(pod: &Pod, container: &ContainerStatus, backing_off: bool) -> Option<Assessment> {
    let LastEnd { ended, is_previous } = last_end(container)?;
    let failed_now = !is_previous && ended.exit_code != 0;
    let running = container.state.as_ref().is_some_and(|state| state.running.is_some());
    let restarts = container.restart_count;
    // Backing off means that the restarted container has ended as well.
    let is_loop = (backing_off && restarts + 1 >= RESTARTS_MAX)
        || (restarts >= RESTARTS_MAX && (failed_now || !container.ready && running));
    if !is_loop {
        return None;
    }
    let name = &container.name;
    let (how, again) = match (ended.reason.as_deref(), ended.signal) {
        (Some("OOMKilled"), _) => {
            ("is killed for using more memory than it may".to_owned(), "is killed again")
        }
        (_, Some(signal)) => (format!("is killed by signal {signal}"), "is killed again"),
        _ => (format!("ends with exit code {}", ended.exit_code), "does so again"),
    };
    let summary = format!("The container `{name}` starts, {how}, and {again} after a restart.");
    Some(Assessment::Failed(Trouble {
        kind: "CrashLoop",
        summary,
        log: Some(ContainerLog {
            pod: pod.name_any(),
            container: name.clone(),
            previous: is_previous,
        }),
    }))
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
            Assessment::Failed(Trouble::new(
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

/// Stateful sets have no condition for it, only events.
pub(super) fn stateful_set_refused(event: &Event) -> Option<Assessment> {
    let about_stateful_set = event.involved_object.kind.as_deref() == Some("StatefulSet");
    if about_stateful_set && event.reason.as_deref() == Some("FailedCreate") {
        refused(event.message.as_deref().unwrap_or_default())
    } else {
        None
    }
}

/// Admission did not let the pod in.
fn refused(message: &str) -> Option<Assessment> {
    let passes_by_itself =
        message.contains("status unknown for quota") || message.contains("error looking up service account");
    if passes_by_itself {
        return None;
    }
    let (kind, summary) = if message.contains("exceeded quota") {
        ("QuotaExceeded", "The pods ask for more than a preview may have")
    } else if message.contains("violates PodSecurity \"restricted") {
        (
            "PodSecurity",
            "The pods ask for more than the restricted pod security standard of this service lets them",
        )
    } else if message.contains("violates PodSecurity") {
        ("PodSecurity", "The pods ask for privileges that a preview may not have")
    } else {
        ("PodsRefused", "The cluster refuses to create the pods")
    };
    Some(Assessment::Doubt {
        trouble: Trouble::new(kind, format!("{summary}: {message}")),
        grace: REFUSED_GRACE,
    })
}
