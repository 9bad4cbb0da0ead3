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
    object(json!({
        "metadata": { "name": "web-1", "ownerReferences": [owner("ReplicaSet", "web")] },
        "status": { "containerStatuses": [status] },
    }))
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason, "message": message } } })
}

fn now() -> Timestamp {
    "2026-11-22T05:10:00Z".parse().expect("a time")
}

fn assess(observed: &Observed) -> Assessment {
    super::assess(observed, now())
}

fn assess_pod(pod: Arc<Pod>) -> Assessment {
    assess_pods(vec![pod])
}

fn assess_pods(pods: Vec<Arc<Pod>>) -> Assessment {
    assess(&Observed {
        pods,
        deployments: vec![deployment(0)],
        ..Observed::default()
    })
}

fn kind_of(assessment: &Assessment) -> &'static str {
    match assessment {
        Assessment::Failed(trouble) | Assessment::Struggling(trouble) | Assessment::Doubt { trouble, .. } => {
            trouble.kind
        }
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

/// A pod of this name whose container was started so often and ended each time, so long after its start.
fn crashing(name: &str, starts: i32, ran_for: i32, ended: &Value) -> Arc<Pod> {
    let mut terminated = json!({
        "startedAt": "2026-11-22T05:09:00Z",
        "finishedAt": format!("2026-11-22T05:09:{ran_for:02}Z"),
    });
    terminated
        .as_object_mut()
        .expect("an object")
        .extend(ended.as_object().expect("an object").clone());
    let mut pod = (*pod(&json!({
        "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": terminated },
        "restartCount": starts - 1,
    })))
    .clone();
    pod.metadata.name = Some(name.to_owned());
    Arc::new(pod)
}

fn ready_pod(name: &str, since: &str) -> Arc<Pod> {
    object(
        json!({ "metadata": { "name": name, "ownerReferences": [owner("ReplicaSet", "db-1")] }, "status": { "conditions": [
        { "type": "Ready", "status": "True", "lastTransitionTime": since },
    ] } }),
    )
}

fn owner(kind: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "name": name, "uid": "1" })
}

#[test]
fn an_app_that_ends_at_once_four_times_while_nothing_else_starts_has_failed() {
    let failed = json!({ "exitCode": 1, "reason": "Error" });
    let Assessment::Failed(trouble) = assess_pod(crashing("web-1", 4, 1, &failed)) else {
        panic!("a crash loop")
    };
    assert_eq!(
        trouble.summary,
        "The container `web` was started 4 times and ended each time, the last time with exit code 1."
    );
    let log = ContainerLog {
        pod: "web-1".to_owned(),
        container: "web".to_owned(),
        previous: true,
    };
    assert_eq!(trouble.log, Some(log));
    let just_ended = json!({ "state": { "terminated": { "exitCode": 1 } }, "restartCount": 3 });
    let Assessment::Failed(trouble) = assess_pod(pod(&just_ended)) else {
        panic!("a crash loop")
    };
    assert_eq!(trouble.log.map(|log| log.previous), Some(false));
    // Two of the same kind do not wait for each other.
    let both = vec![crashing("web-1", 4, 1, &failed), crashing("web-2", 4, 2, &failed)];
    assert!(matches!(assess_pods(both), Assessment::Failed(_)));
}

#[test]
fn an_app_that_may_come_up_with_another_start_is_given_more() {
    let failed = json!({ "exitCode": 1 });
    let web = || crashing("web-1", 4, 1, &failed);
    let running_again = pod(&json!({
        "state": { "running": {} }, "restartCount": 5, "lastState": { "terminated": { "exitCode": 1 } },
    }));
    let mut starting = (*pod(&waiting("ContainerCreating", ""))).clone();
    starting.metadata.name = Some("db-1".to_owned());
    let starting = Arc::new(starting);
    for (pods, why) in [
        (vec![crashing("web-1", 3, 1, &failed)], "three starts"),
        (vec![crashing("web-1", 9, 11, &failed)], "it runs for a while"),
        (vec![running_again], "it runs now"),
        (vec![web(), starting], "another pod is being made"),
        (vec![web(), ready_pod("db-1", "2026-11-22T05:09:10Z")], "another pod is just ready"),
    ] {
        let assessment = assess_pods(pods.clone());
        let pods: Vec<_> = pods.iter().map(|pod| pod.name_any()).collect();
        assert!(matches!(assessment, Assessment::Struggling(_)), "{why}: {assessment:?} of {pods:?}");
    }
    let seeding = Observed {
        pods: vec![web()],
        jobs: vec![job(&json!({ "active": 1 }))],
        ..Observed::default()
    };
    assert!(matches!(assess(&seeding), Assessment::Struggling(_)));
    let settled = assess_pods(vec![web(), ready_pod("db-1", "2026-11-22T05:08:59Z")]);
    assert!(matches!(settled, Assessment::Failed(_)));
}

#[test]
fn what_cannot_be_run_has_failed_at_its_second_start() {
    for (ended, told) in [
        (json!({ "exitCode": 137, "reason": "OOMKilled" }), "used more memory than it may"),
        (json!({ "exitCode": 127, "reason": "Error" }), "exit code 127"),
        (
            json!({ "exitCode": 128, "reason": "StartError", "message": "exec: \"serve\": executable file not found in $PATH" }),
            "The container `web` cannot be started: exec: \"serve\": executable file not found",
        ),
    ] {
        let Assessment::Failed(trouble) = assess_pod(crashing("web-1", 2, 30, &ended)) else {
            panic!("{told}")
        };
        assert!(trouble.summary.contains(told), "{}", trouble.summary);
    }
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

proptest::proptest! {
    /// Whatever else is there, patience is lost for what ends at once and is alone only.
    #[test]
    fn an_app_is_given_up_only_when_nothing_else_can_help(
        starts in 2i32..9,
        ran_for in 0i32..30,
        others in proptest::collection::vec(0i64..120, 0..3),
    ) {
        let ready = others.iter().enumerate().map(|(n, seconds)| {
            let since = now().checked_sub(jiff::SignedDuration::from_secs(*seconds)).expect("a time");
            ready_pod(&format!("other-{n}"), &since.to_string())
        });
        let app = crashing("web-1", starts, ran_for, &json!({ "exitCode": 1 }));
        let assessment = assess_pods(std::iter::once(app).chain(ready).collect());
        let hopeless = starts >= 4 && ran_for <= 10 && others.iter().all(|seconds| *seconds >= 60);
        proptest::prop_assert_eq!(matches!(assessment, Assessment::Failed(_)), hopeless);
        proptest::prop_assert_eq!(kind_of(&assessment), "CrashLoop");
    }
}

fn job(status: &Value) -> Arc<Job> {
    object(json!({ "metadata": { "name": "seed" }, "spec": { "template": {} }, "status": status }))
}

#[test]
fn a_job_is_waited_for_until_it_is_done() {
    let with = |job: Arc<Job>| {
        assess(&Observed {
            jobs: vec![job],
            deployments: vec![deployment(1)],
            ..Observed::default()
        })
    };
    let for_what = "job `seed`: not done yet".to_owned();
    assert_eq!(with(job(&json!({ "active": 1 }))), Assessment::Wait { for_what });
    let complete = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
    assert_eq!(with(job(&complete)), Assessment::Ready);
    for metadata in [
        json!({ "name": "seed", "annotations": { "helm.sh/hook": "post-install" } }),
        json!({ "name": "seed-1", "ownerReferences": [owner("CronJob", "seed")] }),
    ] {
        let others =
            object(json!({ "metadata": metadata, "spec": { "template": {} }, "status": { "active": 1 } }));
        assert_eq!(with(others), Assessment::Ready);
    }
    let suspended =
        object(json!({ "metadata": { "name": "seed" }, "spec": { "suspend": true, "template": {} } }));
    assert_eq!(with(suspended), Assessment::Ready);
}

#[test]
fn a_job_that_failed_is_told_with_its_last_pods_log() {
    let pod = |name: &str, at: &str| {
        object(json!({
            "metadata": { "name": name, "ownerReferences": [owner("Job", "seed")] },
            "status": { "phase": "Failed", "containerStatuses": [{
                "name": "seed", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": 3, "finishedAt": at } },
            }] },
        }))
    };
    let failed = json!({ "conditions": [{ "type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit" }] });
    let mut observed = Observed {
        jobs: vec![job(&failed)],
        pods: vec![pod("seed-2", "2026-11-22T05:09:00Z"), pod("seed-1", "2026-11-22T05:08:00Z")],
        deployments: vec![deployment(0)],
        ..Observed::default()
    };
    let Assessment::Failed(trouble) = assess(&observed) else {
        panic!("a failure")
    };
    assert_eq!(trouble.summary, "The Job `seed` failed: its container `seed` ended with exit code 3.");
    assert_eq!(trouble.log.map(|log| log.pod).as_deref(), Some("seed-2"));
    observed.pods.clear();
    let Assessment::Failed(trouble) = assess(&observed) else {
        panic!("a failure")
    };
    assert_eq!(trouble.summary, "The Job `seed` failed: Job has reached the specified backoff limit.");
}

#[test]
fn a_chart_that_runs_nothing_that_could_answer_is_told() {
    let summary = |observed: &Observed| match assess(observed) {
        Assessment::Doubt { trouble, grace } if grace <= Duration::from_secs(5) => trouble.summary,
        other => format!("{other:?}"),
    };
    let mut observed = Observed::default();
    assert_eq!(summary(&observed), "The chart runs no pods, so nothing can answer.");
    observed.jobs = vec![job(&json!({ "active": 1 }))];
    assert_eq!(summary(&observed), "The chart runs Jobs only, so nothing is left that can answer.");
    let mut idle = (*deployment(0)).clone();
    idle.spec.replicas = Some(0);
    observed.deployments = vec![Arc::new(idle)];
    assert_eq!(
        summary(&observed),
        "All workloads of the chart are scaled to zero, so nothing can answer: deployment `web`."
    );
    assert_eq!(observed.idle(), ["deployment `web`"]);
    // What an operator's controller makes of a chart answers, too.
    observed.pods = vec![ready_pod("db-1", "2026-11-22T05:00:00Z")];
    observed.jobs.clear();
    assert_eq!(assess(&observed), Assessment::Ready);
}

#[test]
fn daemon_sets_and_bare_pods_are_waited_for_too() {
    let daemon_set = |available: i32| {
        object(json!({
            "metadata": { "name": "agent", "generation": 1 },
            "spec": { "selector": {}, "template": {} },
            "status": { "observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "numberMisscheduled": 0, "numberReady": available, "numberAvailable": available, "updatedNumberScheduled": 1 },
        }))
    };
    let with = |available| {
        assess(&Observed {
            daemon_sets: vec![daemon_set(available)],
            ..Observed::default()
        })
    };
    assert!(
        matches!(with(0), Assessment::Wait { for_what } if for_what == "daemon set `agent`: 0 of 1 pods available")
    );
    assert_eq!(with(1), Assessment::Ready);

    let bare = |status: Value| {
        let pod = object(json!({ "metadata": { "name": "app" }, "status": status }));
        assess(&Observed { pods: vec![pod], ..Observed::default() })
    };
    assert!(matches!(bare(json!({ "phase": "Pending" })), Assessment::Wait { .. }));
    assert_eq!(
        bare(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] })),
        Assessment::Ready
    );
    let failed = bare(json!({ "phase": "Failed", "message": "Pod was evicted" }));
    assert!(
        matches!(&failed, Assessment::Failed(trouble) if trouble.summary == "The pod `app` failed: Pod was evicted")
    );
}

#[test]
fn an_image_that_another_pod_has_pulled_is_there() {
    let pulled = pod(&json!({ "imageID": "sha256:1", "state": { "running": {} }, "ready": true }));
    let late = pod(&waiting("ImagePullBackOff", ""));
    assert!(matches!(assess_pods(vec![pulled, late]), Assessment::Wait { .. }));
}

#[test]
fn an_old_event_says_nothing_of_a_workload_that_has_its_pods() {
    let event = |kind: &str, name: &str| {
        object(json!({
            "metadata": { "name": "e" }, "reason": "FailedCreate", "type": "Warning",
            "involvedObject": { "kind": kind, "name": name },
            "message": "pods \"x\" is forbidden: error looking up service account preview-x/app: serviceaccount \"app\" not found",
        }))
    };
    let with = |status: Value| Observed {
        jobs: vec![job(&status)],
        warnings: vec![event("Job", "seed")],
        deployments: vec![deployment(1)],
        ..Observed::default()
    };
    let Assessment::Doubt { trouble, .. } = assess(&with(json!({}))) else {
        panic!("no pod")
    };
    assert!(trouble.summary.contains("serviceaccount \"app\" not found"), "{}", trouble.summary);
    assert!(matches!(assess(&with(json!({ "active": 1 }))), Assessment::Wait { .. }));
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
    let set = object(
        json!({ "metadata": { "name": "db" }, "spec": { "selector": {}, "serviceName": "db", "template": {} } }),
    );
    let observed = Observed {
        warnings: vec![event],
        stateful_sets: vec![set],
        deployments: vec![deployment(0)],
        ..Observed::default()
    };
    assert_eq!(kind_of(&assess(&observed)), "QuotaExceeded");
}

#[test]
fn what_is_being_deleted_or_a_cron_jobs_does_not_count() {
    let mut leaving = (*pod(&waiting("ImagePullBackOff", ""))).clone();
    let mut jobs = leaving.clone();
    leaving.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-11-22T05:00:00Z")).expect("a time"));
    jobs.metadata.owner_references =
        Some(vec![serde_json::from_value(owner("Job", "seed")).expect("an owner")]);
    let cron = object(json!({
        "metadata": { "name": "seed", "ownerReferences": [owner("CronJob", "nightly")] }, "spec": { "template": {} },
    }));
    let mut observed = Observed {
        pods: vec![Arc::new(leaving), Arc::new(jobs)],
        jobs: vec![cron],
        deployments: vec![deployment(1)],
        ..Observed::default()
    };
    assert_eq!(assess(&observed), Assessment::Ready);
    // The image of a Job that is waited for is waited for, too.
    observed.jobs = vec![job(&json!({ "active": 1 }))];
    assert!(matches!(assess(&observed), Assessment::ImageMissing { .. }));
    assert!(!can_pull_again(&observed.pods[1]), "the Job would count it as a failure");
}
