//! One test per state that a preview was seen in, or is feared to be seen in.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<K: DeserializeOwned>(value: Value) -> Arc<K> {
    Arc::new(serde_json::from_value(value).expect("an object of that kind"))
}

fn deployment(available: i32) -> Arc<Deployment> {
    object(json!({
        "metadata": { "name": "web", "generation": 2 },
        "spec": { "replicas": 1, "selector": {}, "template": {} },
        "status": { "observedGeneration": 2, "availableReplicas": available, "updatedReplicas": 1 },
    }))
}

/// A pod whose only container is in the given state.
fn pod(container: &Value) -> Arc<Pod> {
    let mut status = json!({ "name": "web", "image": "registry.example.com/o/r:c", "imageID": "", "ready": false, "restartCount": 0 });
    status
        .as_object_mut()
        .expect("an object")
        .extend(container.as_object().expect("an object").clone());
    object(json!({ "metadata": { "name": "web-1" }, "status": { "containerStatuses": [status] } }))
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason, "message": message } } })
}

fn assess_pod(pod: Arc<Pod>) -> Assessment {
    assess(&Observed {
        pods: vec![pod],
        deployments: vec![deployment(0)],
        ..Observed::default()
    })
}

fn kind_of(assessment: &Assessment) -> &'static str {
    match assessment {
        Assessment::Failed(trouble) | Assessment::Doubt { trouble, .. } => trouble.kind,
        _ => "",
    }
}

#[test]
fn a_deployment_with_all_its_pods_is_ready() {
    let observed = Observed { deployments: vec![deployment(1)], ..Observed::default() };
    assert_eq!(assess(&observed), Assessment::Ready);
}

#[test]
fn pods_that_are_on_their_way_are_waited_for() {
    let assessment = assess_pod(pod(&waiting("ContainerCreating", "")));
    assert_eq!(
        assessment,
        Assessment::Wait {
            for_what: "deployment `web`: 0 of 1 pods available".to_owned()
        }
    );
}

#[test]
fn an_old_status_says_nothing_about_a_new_specification() {
    let mut stale = (*deployment(1)).clone();
    stale.metadata.generation = Some(3);
    let observed = Observed { deployments: vec![Arc::new(stale)], ..Observed::default() };
    assert!(matches!(assess(&observed), Assessment::Wait { .. }));
}

#[test]
fn a_stateful_set_is_waited_for_too() {
    let set = |available: i32| {
        let set = object(json!({
            "metadata": { "name": "db", "generation": 1 },
            "spec": { "replicas": 2, "selector": {}, "serviceName": "db", "template": {} },
            "status": { "observedGeneration": 1, "replicas": 2, "availableReplicas": available, "updatedReplicas": 2 },
        }));
        assess(&Observed { stateful_sets: vec![set], ..Observed::default() })
    };
    assert!(matches!(set(1), Assessment::Wait { .. }));
    assert_eq!(set(2), Assessment::Ready);
}

#[test]
fn an_image_that_is_not_there_is_named() {
    for reason in ["ErrImagePull", "ImagePullBackOff"] {
        assert_eq!(
            assess_pod(pod(&waiting(reason, "not found"))),
            Assessment::ImageMissing {
                image: "registry.example.com/o/r:c".to_owned(),
                message: "not found".to_owned()
            }
        );
    }
}

#[test]
fn a_missing_image_is_a_better_reason_than_no_progress() {
    let mut stalled = (*deployment(0)).clone();
    let status = stalled.status.as_mut().expect("a status");
    status.conditions = Some(vec![
        serde_json::from_value(
            json!({ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }),
        )
        .expect("a condition"),
    ]);
    let mut observed = Observed { deployments: vec![Arc::new(stalled)], ..Observed::default() };
    assert_eq!(kind_of(&assess(&observed)), "NoProgress");
    observed.pods = vec![pod(&waiting("ImagePullBackOff", ""))];
    assert!(matches!(assess(&observed), Assessment::ImageMissing { .. }));
}

#[test]
fn a_crash_loop_is_seen_at_its_second_crash_and_its_last_words_are_found() {
    let ended = json!({ "terminated": { "exitCode": 1, "reason": "Error" } });
    let backing_off = json!({ "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": ended, "restartCount": 1 });
    let Assessment::Failed(trouble) = assess_pod(pod(&backing_off)) else {
        panic!("a crash loop")
    };
    assert_eq!(
        trouble.summary,
        "The container `web` starts, ends with exit code 1, and does so again after a restart."
    );
    assert_eq!(
        trouble.log,
        Some(ContainerLog {
            pod: "web-1".to_owned(),
            container: "web".to_owned(),
            previous: true
        })
    );

    let just_ended = json!({ "state": ended, "restartCount": 2 });
    let Assessment::Failed(trouble) = assess_pod(pod(&just_ended)) else {
        panic!("a crash loop")
    };
    assert_eq!(trouble.log.map(|log| log.previous), Some(false));
}

#[test]
fn one_crash_is_no_crash_loop() {
    let ended = json!({ "terminated": { "exitCode": 1 } });
    for once in [
        json!({ "state": ended }),
        json!({ "state": { "running": {} }, "lastState": ended, "restartCount": 1 }),
        json!({ "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": ended, "restartCount": 0 }),
    ] {
        assert!(matches!(assess_pod(pod(&once)), Assessment::Wait { .. }), "{once}");
    }
}

#[test]
fn a_container_that_recovered_is_not_held_to_its_past() {
    let recovered = json!({
        "state": { "running": {} }, "ready": true, "restartCount": 5,
        "lastState": { "terminated": { "exitCode": 1 } },
    });
    assert!(matches!(assess_pod(pod(&recovered)), Assessment::Wait { .. }));
}

#[test]
fn the_end_of_memory_is_called_by_its_name() {
    let killed = json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } });
    let Assessment::Failed(trouble) = assess_pod(pod(&json!({ "state": killed, "restartCount": 2 }))) else {
        panic!("a failure")
    };
    assert!(trouble.summary.contains("more memory than it may"), "{}", trouble.summary);
}

#[test]
fn a_failing_init_container_is_seen() {
    let pod = object(json!({ "metadata": { "name": "web-1" }, "status": { "initContainerStatuses": [{
        "name": "migrate", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
        "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "lastState": { "terminated": { "exitCode": 2 } },
    }] } }));
    let Assessment::Failed(trouble) = assess_pod(pod) else {
        panic!("a failure")
    };
    assert!(trouble.summary.contains("`migrate`"), "{}", trouble.summary);
}

#[test]
fn a_missing_configuration_is_a_doubt_and_a_wrong_image_name_is_none() {
    let assessment = assess_pod(pod(&waiting("CreateContainerConfigError", "secret \"app\" not found")));
    assert!(
        matches!(&assessment, Assessment::Doubt { trouble, .. } if trouble.summary.contains("secret \"app\" not found"))
    );
    let assessment = assess_pod(pod(&waiting("InvalidImageName", "")));
    assert!(matches!(assessment, Assessment::Failed(_)) && kind_of(&assessment) == "InvalidImageName");
}

#[test]
fn a_cluster_without_room_is_given_time_to_grow() {
    let pod = object(json!({ "metadata": { "name": "web-1" }, "status": { "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu." },
    ] } }));
    let assessment = assess_pod(pod);
    assert!(
        matches!(&assessment, Assessment::Doubt { grace, .. } if *grace == findings::UNSCHEDULABLE_GRACE)
    );
    assert_eq!(kind_of(&assessment), "Unschedulable");
}

#[test]
fn pods_that_are_refused_are_seen_although_there_is_no_pod() {
    let refused = |message: &str| {
        let set = object(json!({
            "metadata": { "name": "web-5d" }, "spec": { "selector": {} },
            "status": { "replicas": 0, "conditions": [{ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message }] },
        }));
        assess(&Observed {
            replica_sets: vec![set],
            deployments: vec![deployment(0)],
            ..Observed::default()
        })
    };
    let quota = "pods \"web\" is forbidden: exceeded quota: preview, requested: limits.cpu=8, used: limits.cpu=0, limited: limits.cpu=4";
    assert_eq!(kind_of(&refused(quota)), "QuotaExceeded");
    assert_eq!(
        kind_of(&refused(
            "pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": privileged"
        )),
        "PodSecurity"
    );
    assert_eq!(kind_of(&refused("something else")), "PodsRefused");
    assert!(matches!(
        refused("pods \"web\" is forbidden: status unknown for quota: preview"),
        Assessment::Wait { .. }
    ));
}

#[test]
fn a_refused_stateful_set_tells_it_in_an_event() {
    let event = object(json!({
        "metadata": { "name": "e" }, "reason": "FailedCreate", "type": "Warning",
        "involvedObject": { "kind": "StatefulSet", "name": "db" },
        "message": "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: exceeded quota: preview",
    }));
    let observed = Observed {
        warnings: vec![event],
        deployments: vec![deployment(0)],
        ..Observed::default()
    };
    assert_eq!(kind_of(&assess(&observed)), "QuotaExceeded");
}

#[test]
fn what_is_being_deleted_or_a_jobs_does_not_count() {
    let mut leaving = (*pod(&waiting("ImagePullBackOff", ""))).clone();
    let mut jobs = leaving.clone();
    leaving.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-11-22T05:00:00Z")).expect("a time"));
    jobs.metadata.owner_references = Some(vec![
        serde_json::from_value(
            json!({ "apiVersion": "batch/v1", "kind": "Job", "name": "seed", "uid": "1" }),
        )
        .expect("an owner"),
    ]);
    let observed = Observed {
        pods: vec![Arc::new(leaving), Arc::new(jobs)],
        deployments: vec![deployment(1)],
        ..Observed::default()
    };
    assert_eq!(assess(&observed), Assessment::Ready);
}
