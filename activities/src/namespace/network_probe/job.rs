//! The Job of the pod that tries it. A Job, because the cluster itself ends and removes it.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, from_value, json};

use super::CUT_OFF_WITHIN;

/// How long the cluster lets the pod be, from the moment that the Job is made.
pub(super) const DEADLINE: Duration = Duration::from_secs(120);
/// How long the Job is kept when it is done.
const KEPT: Duration = Duration::from_secs(60);
/// How long the pod may take to reach the API server, where nothing keeps it from that.
const CONNECTS_WITHIN: Duration = Duration::from_secs(30);
/// Label of pods: whose Job they are of.
pub(super) const OF_JOB: &str = "batch.kubernetes.io/job-name";
/// The container that runs until it connects, before the other is started.
pub(super) const OPEN: &str = "open";
/// The container that runs until it connects no more.
pub(super) const CLOSED: &str = "closed";
/// Label: which policy selects the pod.
const LABEL: &str = "preview.internal/network-probe";

/// A Job with one pod that no policy selects yet.
pub(super) fn trying(image: &str, labels: &BTreeMap<String, String>) -> Job {
    let until = |wanted: &str, within: Duration| {
        json!({
            "name": wanted,
            "image": image,
            "args": ["try-connection", wanted, format!("--seconds={}", within.as_secs())],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": { "cpu": "10m", "memory": "32Mi", "ephemeral-storage": "16Mi" },
                "limits": { "cpu": "500m", "memory": "128Mi", "ephemeral-storage": "64Mi" },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": { "drop": ["ALL"] },
                "readOnlyRootFilesystem": true,
            },
        })
    };
    let job = json!({
        "metadata": { "generateName": "network-probe-", "labels": labels },
        "spec": {
            "activeDeadlineSeconds": DEADLINE.as_secs(),
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT.as_secs(),
            "template": { "spec": {
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "initContainers": [until(OPEN, CONNECTS_WITHIN)],
                "containers": [until(CLOSED, CUT_OFF_WITHIN)],
            }},
        },
    });
    from_value(job).expect("a Job")
}

/// What has the policy select the pod.
pub(super) fn closed() -> Value {
    json!({ "metadata": { "labels": { LABEL: CLOSED } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_policy_selects_the_label_in_the_namespace_that_is_used() {
        let chart = include_str!("../../../../charts/preview-cluster/templates/network-probe.yaml");
        assert!(chart.contains(&format!("\n      {LABEL}: {CLOSED}\n")));
        assert!(chart.contains(&format!("\n  name: {}\n", super::super::NAMESPACE)));
        let job = trying("worker", &BTreeMap::new());
        assert!(job.spec.is_some_and(|spec| spec.template.metadata.is_none()), "not from the beginning");
    }

    #[test]
    fn the_pod_has_time_for_both_and_is_kept_for_long_enough_to_be_read() {
        assert!(CONNECTS_WITHIN + CUT_OFF_WITHIN < DEADLINE);
        assert!(KEPT >= Duration::from_secs(30));
    }
}
