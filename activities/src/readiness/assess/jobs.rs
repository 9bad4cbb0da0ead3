//! The Jobs that belong to a preview: which of them, and how they end.

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;

use super::{Assessment, ContainerLog, Observed, Trouble, containers_of};
use crate::{
    container_status::{LastEnd, last_end},
    release::HOOK,
};

/// The chart has made it, and not as a hook, which Helm waits for by itself. A CronJob's Jobs come when it is
/// time for them.
pub(super) fn is_plain(job: &Job) -> bool {
    job.owner_references().is_empty() && !job.annotations().contains_key(HOOK)
}

fn has(job: &Job, condition: &str) -> bool {
    message(job, condition).is_some()
}

/// The message of a condition that is true.
fn message<'a>(job: &'a Job, condition: &str) -> Option<&'a str> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let found = conditions.iter().find(|it| it.type_ == condition && it.status == "True")?;
    Some(found.message.as_deref().unwrap_or_default())
}

/// Is there more to come of it? One that is suspended waits for somebody to say so.
pub(super) fn is_unfinished(job: &Job) -> bool {
    let is_suspended = job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true);
    !is_suspended && !has(job, "Complete") && !has(job, "Failed")
}

/// Has none of its pods been made?
pub(super) fn lacks_pods(job: &Job) -> bool {
    let status = job.status.as_ref();
    let count = |count: Option<Option<i32>>| count.flatten().unwrap_or(0);
    let pods = count(status.map(|status| status.active))
        + count(status.map(|status| status.succeeded))
        + count(status.map(|status| status.failed));
    is_unfinished(job) && pods == 0
}

pub(super) fn job_failed(observed: &Observed, job: &Job) -> Option<Assessment> {
    let message = message(job, "Failed")?;
    let name = job.name_any();
    let is_its = |pod: &&std::sync::Arc<Pod>| {
        pod.owner_references()
            .iter()
            .any(|owner| owner.kind == "Job" && owner.name == name)
    };
    let last = observed
        .pods
        .iter()
        .filter(is_its)
        .flat_map(|pod| failures(pod))
        .max_by_key(|(LastEnd { ended, .. }, _)| ended.finished_at.as_ref().map(|time| time.0));
    let trouble = match last {
        Some((LastEnd { ended, .. }, log)) => Trouble {
            log: Some(log.clone()),
            ..Trouble::new(
                "JobFailed",
                format!(
                    "The Job `{name}` failed: its container `{}` ended with exit code {}.",
                    log.container, ended.exit_code
                ),
            )
        },
        // Pods of some Jobs go with their failure.
        None => {
            Trouble::new("JobFailed", format!("The Job `{name}` failed: {}.", message.trim_end_matches('.')))
        }
    };
    Some(Assessment::Failed(trouble))
}

/// The failed ends of a pod's containers, and whose log tells of them.
fn failures(pod: &Pod) -> impl Iterator<Item = (LastEnd<'_>, ContainerLog)> {
    containers_of(pod).filter_map(|container| {
        let end = last_end(container)?;
        let log = ContainerLog {
            pod: pod.name_any(),
            container: container.name.clone(),
            previous: end.is_previous,
        };
        (end.ended.exit_code != 0).then_some((end, log))
    })
}
