//! When an app that ends again and again has failed, and when it only needs patience.
//!
//! Most apps end when their database does not answer yet, and stay as soon as it does. So a container that
//! ends is started again until the time to start is over, unless that is certain to be of no use:
//!
//! - It cannot be run at all, or uses more memory than it may, and did so twice.
//! - It has ended four times, at once after its start, and nothing else of the preview is still starting:
//!   every other pod is ready, and has been for a minute, or ends again and again as well; every Job is done.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;

use super::{
    Assessment, ContainerLog, Observed, Role, Trouble, containers_of, is_over, jobs::is_unfinished,
    ready_since,
};
use crate::container_status::{LastEnd, last_end};

/// Ends that make a loop. One is none.
const LOOP: i32 = 2;
/// Ends at once that nothing else explains. The kubelet's pauses make half a minute of them.
const HOPELESS: i32 = 4;
/// What runs for so long has not ended at once: importing a large program takes seconds.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(10);
/// A pod without a probe is ready as soon as it runs. What it serves may come a little later.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);
/// The runtime's reasons for a container that was never run.
const NOT_RUN: [&str; 2] = ["StartError", "ContainerCannotRun"];
/// So a shell ends that cannot execute a command, or finds none.
const NO_COMMAND: [i32; 2] = [126, 127];
const OUT_OF_MEMORY: &str = "OOMKilled";

/// What a container's restarts mean.
pub(super) fn crash(
    observed: &Observed,
    pod: &Pod,
    container: &ContainerStatus,
    now: Timestamp,
) -> Option<Assessment> {
    let (ends, LastEnd { ended, is_previous }) = ends(container)?;
    let trouble = Trouble {
        kind: "CrashLoop",
        summary: told(&container.name, ends, ended),
        log: Some(ContainerLog {
            pod: pod.name_any(),
            container: container.name.clone(),
            previous: is_previous,
        }),
    };
    let is_running = container.state.as_ref().is_some_and(|state| state.running.is_some());
    let is_hopeless = cannot_be_run(ended)
        || (ends >= HOPELESS && ended_at_once(ended) && !others_start(observed, pod, now));
    Some(if is_hopeless && !is_running {
        Assessment::Failed(trouble)
    } else {
        Assessment::Struggling(trouble)
    })
}

/// How often it has ended, and how the last time; nothing if it is well, or has ended only once.
fn ends(container: &ContainerStatus) -> Option<(i32, LastEnd<'_>)> {
    let end = last_end(container)?;
    let state = container.state.as_ref();
    let is_running = state.is_some_and(|state| state.running.is_some());
    let is_done = !end.is_previous && end.ended.exit_code == 0;
    // What waits to be started again has ended once more than it was started again.
    let ends = container.restart_count + i32::from(!is_running);
    (!container.ready && !is_done && ends >= LOOP).then_some((ends, end))
}

fn cannot_be_run(ended: &ContainerStateTerminated) -> bool {
    let reason = ended.reason.as_deref().unwrap_or_default();
    NOT_RUN.contains(&reason) || reason == OUT_OF_MEMORY || NO_COMMAND.contains(&ended.exit_code)
}

fn ended_at_once(ended: &ContainerStateTerminated) -> bool {
    let (Some(start), Some(end)) = (&ended.started_at, &ended.finished_at) else {
        return true;
    };
    start.0.duration_until(end.0) <= AT_ONCE
}

/// Is anything else on its way that the app may be waiting for?
fn others_start(observed: &Observed, pod: &Pod, now: Timestamp) -> bool {
    let mut others = observed
        .pods(&[Role::Serves])
        .filter(|other| other.name_any() != pod.name_any());
    others.any(|other| starts(other, now)) || observed.plain_jobs().any(|job| is_unfinished(job))
}

fn starts(pod: &Pod, now: Timestamp) -> bool {
    let crashes = containers_of(pod).any(|container| ends(container).is_some());
    let is_settled = match ready_since(pod) {
        Some(Some(since)) => since.duration_until(now) >= SETTLED,
        Some(None) => true,
        None => false,
    };
    !crashes && !is_settled && !is_over(pod)
}

fn told(name: &str, ends: i32, ended: &ContainerStateTerminated) -> String {
    let reason = ended.reason.as_deref().unwrap_or_default();
    if NOT_RUN.contains(&reason) {
        let message = ended.message.as_deref().unwrap_or("the cluster does not say why");
        return format!("The container `{name}` cannot be started: {message}");
    }
    let how = match ended.signal {
        _ if reason == OUT_OF_MEMORY => "because it used more memory than it may".to_owned(),
        Some(signal) => format!("by signal {signal}"),
        None => format!("with exit code {}", ended.exit_code),
    };
    format!("The container `{name}` was started {ends} times and ended each time, the last time {how}.")
}
