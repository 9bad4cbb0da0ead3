//! What a pod shows of network policies. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

use super::{
    CUT_OFF_WITHIN, NOT_SEEN,
    job::{CLOSED, OPEN},
};
use crate::container_status::containers_of;

/// A pod that was selected for less long when it gave up says nothing of the policy.
const SELECTED_FOR: Duration = Duration::from_secs(CUT_OFF_WITHIN.as_secs() * 2 / 3);

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkPolicies {
    /// A pod was cut off.
    Enforced,
    /// A pod was not cut off.
    NotEnforced,
    /// It could not be tried to its end.
    Unknown {
        /// Why not.
        because: String,
    },
}

/// What follows from what is seen of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    /// It has connected: now the policy shall select it.
    Close,
    Done(NetworkPolicies),
}

/// `closed_for` is how long ago the policy was made to select the pod.
pub(super) fn next(pod: &Pod, closed_for: Option<Duration>) -> Step {
    let Some(open) = end_of(pod, OPEN) else {
        return unless_failed(pod);
    };
    match open.exit_code {
        0 => {}
        code if code == i32::from(NOT_SEEN) => {
            return unknown(format!(
                "the pod did not reach the API server although no policy of ours selected it: {}",
                message(open)
            ));
        }
        _ => return unknown(ended(OPEN, open)),
    }
    match (closed_for, end_of(pod, CLOSED)) {
        (None, None) => Step::Close,
        (Some(_), None) => unless_failed(pod),
        (None, Some(end)) => unknown(ended(CLOSED, end)),
        (Some(selected), Some(end)) => match end.exit_code {
            0 => Step::Done(NetworkPolicies::Enforced),
            code if code != i32::from(NOT_SEEN) => unknown(ended(CLOSED, end)),
            _ if selected < SELECTED_FOR => unknown("the pod was selected by the policy too late".to_owned()),
            _ => Step::Done(NetworkPolicies::NotEnforced),
        },
    }
}

/// Why a pod has not come to its end.
pub(super) fn obstacle(pod: Option<&Pod>) -> String {
    let Some(pod) = pod else {
        return "its pod was never made; does a quota or an admission policy of the cluster refuse it?"
            .to_owned();
    };
    let mut waiting = containers_of(pod).filter_map(|container| container.state.as_ref()?.waiting.as_ref());
    // While the first container waits for its image, the second waits for the first.
    let first = waiting.find(|waiting| waiting.reason.as_deref() != Some("PodInitializing"));
    let words = |reason: &Option<String>, message: &Option<String>| {
        let words: Vec<_> = [reason, message].into_iter().flatten().map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(": "))
    };
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    first
        .and_then(|waiting| words(&waiting.reason, &waiting.message))
        .or_else(|| {
            conditions
                .filter(|condition| condition.status == "False")
                .find_map(|condition| words(&condition.reason, &condition.message))
        })
        .map_or_else(
            || "its pod did not end in time".to_owned(),
            |why| format!("its pod did not run in time: {why}"),
        )
}

fn unless_failed(pod: &Pod) -> Step {
    let status = pod.status.as_ref();
    if status.and_then(|status| status.phase.as_deref()) != Some("Failed") {
        return Step::Wait;
    }
    let words = status.map(|status| [status.reason.as_deref(), status.message.as_deref()]);
    let words: Vec<_> = words.into_iter().flatten().flatten().collect();
    unknown(format!("its pod failed: {}", words.join(": ")))
}

fn unknown(because: String) -> Step {
    Step::Done(NetworkPolicies::Unknown { because })
}

fn end_of<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStateTerminated> {
    let mut containers = containers_of(pod);
    let container = containers.find(|status| status.name == container)?;
    container.state.as_ref()?.terminated.as_ref()
}

fn ended(container: &str, end: &ContainerStateTerminated) -> String {
    format!(
        "container {container} ended with {} before its time: {} {}; is it an image of this version's worker?",
        end.exit_code,
        end.reason.as_deref().unwrap_or_default(),
        message(end)
    )
}

fn message(end: &ContainerStateTerminated) -> &str {
    end.message.as_deref().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    const LONG: Option<Duration> = Some(CUT_OFF_WITHIN);

    fn pod(open: &Value, closed: &Value) -> Pod {
        let container = |name: &str, state: &Value| json!({ "name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state });
        from_value(json!({ "status": {
            "initContainerStatuses": [container(OPEN, open)],
            "containerStatuses": [container(CLOSED, closed)],
        }}))
        .expect("a pod")
    }

    fn ended_with(code: u8) -> Value {
        json!({ "terminated": { "exitCode": code, "reason": "Error", "message": "refused" } })
    }

    fn running() -> Value {
        json!({ "running": {} })
    }

    fn waiting() -> Value {
        json!({ "waiting": { "reason": "PodInitializing" } })
    }

    fn is_unknown(step: &Step) -> bool {
        matches!(step, Step::Done(NetworkPolicies::Unknown { .. }))
    }

    #[test]
    fn a_pod_that_connects_is_closed_and_has_to_be_cut_off() {
        assert_eq!(next(&Pod::default(), None), Step::Wait);
        assert_eq!(next(&pod(&running(), &waiting()), None), Step::Wait);
        assert_eq!(next(&pod(&ended_with(0), &waiting()), None), Step::Close);
        assert_eq!(next(&pod(&ended_with(0), &running()), Some(Duration::ZERO)), Step::Wait);
        let cut_off = pod(&ended_with(0), &ended_with(0));
        assert_eq!(next(&cut_off, Some(Duration::from_secs(1))), Step::Done(NetworkPolicies::Enforced));
        let connects = pod(&ended_with(0), &ended_with(NOT_SEEN));
        assert_eq!(next(&connects, LONG), Step::Done(NetworkPolicies::NotEnforced));
    }

    #[test]
    fn nothing_is_concluded_from_a_pod_that_never_connected() {
        let step = next(&pod(&ended_with(NOT_SEEN), &waiting()), None);
        assert!(is_unknown(&step), "{step:?}");
        assert!(format!("{step:?}").contains("refused"), "{step:?}");
    }

    #[test]
    fn nothing_is_concluded_from_a_program_that_ended_for_another_reason() {
        for code in [1, 2, 101, 127, 137] {
            assert!(is_unknown(&next(&pod(&ended_with(code), &waiting()), None)), "{code}");
            assert!(is_unknown(&next(&pod(&ended_with(0), &ended_with(code)), LONG)), "{code}");
        }
    }

    #[test]
    fn nothing_is_concluded_from_a_pod_that_the_policy_did_not_select_in_time() {
        let late = pod(&ended_with(0), &ended_with(NOT_SEEN));
        assert!(is_unknown(&next(&late, Some(Duration::from_secs(5)))));
        for code in [0, NOT_SEEN] {
            assert!(is_unknown(&next(&pod(&ended_with(0), &ended_with(code)), None)), "{code}");
        }
    }

    #[test]
    fn a_pod_that_failed_as_a_whole_says_why() {
        let evicted = json!({ "status": { "phase": "Failed", "reason": "Evicted", "message": "no disk" } });
        let step = next(&from_value(evicted).expect("a pod"), None);
        assert_eq!(step, unknown("its pod failed: Evicted: no disk".to_owned()));
    }

    #[test]
    fn what_kept_a_pod_from_running_is_told() {
        let no_image = json!({ "waiting": { "reason": "ImagePullBackOff", "message": "not found" } });
        assert_eq!(
            obstacle(Some(&pod(&no_image, &waiting()))),
            "its pod did not run in time: ImagePullBackOff: not found"
        );
        let unschedulable = json!({ "status": { "conditions": [
            { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node" },
        ]}});
        let unschedulable: Pod = from_value(unschedulable).expect("a pod");
        assert_eq!(obstacle(Some(&unschedulable)), "its pod did not run in time: Unschedulable: no node");
        assert!(obstacle(None).contains("never made"));
    }
}
