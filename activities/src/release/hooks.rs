//! What becomes of a chart's hooks: the logs of those that fail, and why others cannot even start.
//!
//! Helm says that a hook has failed, and not why; of one that never starts it says nothing until its timeout.
//! A chart may want its hooks removed as soon as they fail, so they are watched while Helm runs.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures::StreamExt;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Event, Pod},
};
use kube::{
    Api, Client, ResourceExt,
    api::ListParams,
    runtime::{WatchStreamExt, watcher, watcher::Config},
};
use tokio::time::{Instant, interval};

use super::HOOK;
use crate::{
    Cluster,
    container_log::{ContainerLog, last_log_lines},
    container_status::{LastEnd, NotStarted, containers_of, last_end, not_started},
    failure::{Explanation, explain},
};

/// What keeps a hook from its start may pass: hooks are made one after the other, and controllers try again.
const GRACE: Duration = Duration::from_secs(5);
/// Between two looks whether it has.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The hooks of one install.
pub(super) struct Hooks<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pods: Api<Pod>,
    /// With the rights of Helm's account: ours do not go so far.
    jobs: Api<Job>,
    inspected: HashSet<ContainerEnd>,
    newest: Option<Explanation>,
    /// Since when a hook's pod, or its Job, shows something that keeps it from its start.
    doubts: HashMap<Holdup, Instant>,
}

/// One end of one container, which may be started again.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ContainerEnd {
    log: ContainerLog,
    restarts: i32,
    exit_code: i32,
}

/// Where a hook is held up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holdup {
    /// Its pod is there, and is not started.
    Pod(String),
    /// Its Job makes no pod.
    Job(String),
}

/// Why a hook will not start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stuck {
    /// Its image is not there (yet).
    ImageMissing { image: String, message: String },
    /// It never will.
    Failed(Explanation),
}

impl<'a> Hooks<'a> {
    pub(super) fn new(cluster: &'a Cluster, account: &Client, namespace: &'a str) -> Self {
        Self {
            cluster,
            namespace,
            pods: Api::namespaced(cluster.client.clone(), namespace),
            jobs: Api::namespaced(account.clone(), namespace),
            inspected: HashSet::new(),
            newest: None,
            doubts: HashMap::new(),
        }
    }

    /// Reads the log of each hook that fails, as soon as it does. Ends when one cannot start; to be dropped
    /// when Helm has ended.
    pub(super) async fn watch(&mut self) -> Stuck {
        let pods = watcher(self.pods.clone(), Config::default())
            .default_backoff()
            .applied_objects();
        let warnings: Api<Event> = Api::namespaced(self.cluster.client.clone(), self.namespace);
        let warnings = watcher(warnings, Config::default().fields("type=Warning"))
            .default_backoff()
            .applied_objects();
        let mut pods = std::pin::pin!(pods);
        let mut warnings = std::pin::pin!(warnings);
        let mut look_again = interval(LOOK_AGAIN);
        loop {
            // The watches go on by themselves; what they missed is looked for at the end.
            let stuck = tokio::select! {
                Some(Ok(pod)) = pods.next() => {
                    self.inspect(&pod).await;
                    self.stuck_pod(&pod).await
                }
                Some(Ok(warning)) = warnings.next() => {
                    self.doubt(&warning).await;
                    None
                }
                _ = look_again.tick() => self.stuck_since().await,
            };
            if let Some(stuck) = stuck {
                return stuck;
            }
        }
    }

    /// What the hook that failed last had to say, after a last look.
    pub(super) async fn failure(mut self) -> Option<Explanation> {
        if let Ok(pods) = self.pods.list(&ListParams::default()).await {
            for pod in pods {
                self.inspect(&pod).await;
            }
        }
        self.newest
    }

    async fn inspect(&mut self, pod: &Pod) {
        for end in failed_ends(pod) {
            if self.inspected.contains(&end) {
                continue;
            }
            if let Some(hook) = self.hook_of(pod).await {
                let log = last_log_lines(&self.cluster.client, self.namespace, &end.log).await;
                let explanation = explain(format!(
                    "The chart's hook `{hook}` failed: its container `{}` ended with exit code {}.",
                    end.log.container, end.exit_code
                ));
                self.newest = Some(explanation.with_log(log));
            }
            // Not before: when Helm ends while a log is being read, the last look has to read it again.
            self.inspected.insert(end);
        }
    }

    /// A pod that waits for its image, or whose image has no legal name, is stuck at once; another one is
    /// looked at again.
    async fn stuck_pod(&mut self, pod: &Pod) -> Option<Stuck> {
        let stuck = stuck(pod)?;
        let hook = self.hook_of(pod).await?;
        match stuck {
            NotStarted::ImageMissing { image, message } => {
                Some(Stuck::ImageMissing { image: image.to_owned(), message: message.to_owned() })
            }
            NotStarted::NoImageName { image } => {
                Some(cannot_start(&hook, &format!("`{image}` is not a legal name for an image.")))
            }
            NotStarted::NotCreated { .. } => {
                self.doubts.entry(Holdup::Pod(pod.name_any())).or_insert_with(Instant::now);
                None
            }
        }
    }

    /// A Job that makes no pod says so in an event.
    async fn doubt(&mut self, warning: &Event) {
        let Some(job) = refused_job(warning) else {
            return;
        };
        if self.is_hook(job).await {
            self.doubts.entry(Holdup::Job(job.to_owned())).or_insert_with(Instant::now);
        }
    }

    /// What has been held up for too long, and still is.
    async fn stuck_since(&mut self) -> Option<Stuck> {
        let overdue = self.doubts.iter().find(|(_, since)| since.elapsed() >= GRACE);
        let holdup = overdue.map(|(holdup, _)| holdup.clone())?;
        // If it has passed, it may come again.
        self.doubts.remove(&holdup);
        match holdup {
            Holdup::Pod(name) => {
                let pod = self.pods.get_opt(&name).await.ok()??;
                let NotStarted::NotCreated { message } = stuck(&pod)? else {
                    return None;
                };
                let hook = self.hook_of(&pod).await?;
                Some(cannot_start(&hook, message))
            }
            Holdup::Job(name) => {
                let its = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={name}"));
                if !self.pods.list_metadata(&its).await.ok()?.items.is_empty() {
                    return None;
                }
                let events: Api<Event> = Api::namespaced(self.cluster.client.clone(), self.namespace);
                let warnings = events.list(&ListParams::default().fields("type=Warning")).await.ok()?;
                let newest =
                    warnings.items.iter().rfind(|event| refused_job(event) == Some(name.as_str()))?;
                Some(cannot_start(&name, newest.message.as_deref().unwrap_or("the cluster does not say why")))
            }
        }
    }

    /// The name of the hook that the pod is, or is a job's part of.
    async fn hook_of(&self, pod: &Pod) -> Option<String> {
        if pod.annotations().contains_key(HOOK) {
            return Some(pod.name_any());
        }
        let owner = pod.owner_references().iter().find(|owner| owner.kind == "Job")?;
        self.is_hook(&owner.name).await.then(|| owner.name.clone())
    }

    async fn is_hook(&self, job: &str) -> bool {
        let job = self.jobs.get_metadata_opt(job).await;
        matches!(job, Ok(Some(job)) if job.annotations().contains_key(HOOK))
    }
}

fn stuck(pod: &Pod) -> Option<NotStarted<'_>> {
    containers_of(pod).find_map(|container| not_started(pod, container))
}

/// The Job that a warning says makes no pod.
fn refused_job(warning: &Event) -> Option<&str> {
    let about = &warning.involved_object;
    let is_refusal =
        about.kind.as_deref() == Some("Job") && warning.reason.as_deref() == Some("FailedCreate");
    about.name.as_deref().filter(|_| is_refusal)
}

fn cannot_start(hook: &str, reason: &str) -> Stuck {
    Stuck::Failed(explain(format!("The chart's hook `{hook}` cannot start: {reason}")))
}

/// The containers of a pod that have ended with a failure, the last one included that was started again.
fn failed_ends(pod: &Pod) -> Vec<ContainerEnd> {
    containers_of(pod)
        .filter_map(|container| {
            let LastEnd { ended, is_previous } = last_end(container)?;
            (ended.exit_code != 0).then(|| ContainerEnd {
                log: ContainerLog {
                    pod: pod.name_any(),
                    container: container.name.clone(),
                    previous: is_previous,
                },
                restarts: container.restart_count - i32::from(is_previous),
                exit_code: ended.exit_code,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use domain::{NameKey, Names};
    use futures::FutureExt;
    use http::{Request, Response};
    use kube::{Config as Address, client::Body};
    use serde_json::{Value, json};
    use tower::service_fn;

    use super::*;
    use crate::{ApiServer, Instance};

    /// Whatever it is asked for, it answers with this log, and never at once.
    fn cluster(log: &'static str) -> Cluster {
        let answers = service_fn(move |_: Request<Body>| async move {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(Body::from(log.as_bytes().to_vec())))
        });
        let client = Client::new(answers, "default");
        let Ok(api_server) = ApiServer::new(&Address::new("http://x/".parse().expect("a URI")), |_| {
            Ok::<_, Infallible>(client.clone())
        });
        Cluster {
            client,
            api_server,
            instance: Instance {
                name: "default".parse().expect("an instance"),
                temporal: "01a21419-ea9b-7c2b-94f3-28f6af75b493".parse().expect("a namespace of Temporal"),
            },
            names: Names::new(
                NameKey::new(&"a key for tests: 3d8f0c71b2a94e65".into()).expect("a key"),
                "https://previews.example.com".parse().expect("a domain"),
            ),
        }
    }

    fn ends(statuses: &Value) -> Vec<(String, i32, bool)> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "migrate-x" }, "status": statuses,
        }))
        .expect("a pod");
        failed_ends(&pod)
            .into_iter()
            .map(|end| (end.log.container, end.exit_code, end.log.previous))
            .collect()
    }

    fn container(name: &str, state: &Value, last_state: &Value) -> Value {
        json!({ "name": name, "image": "x", "imageID": "x", "ready": false, "restartCount": 1, "state": state, "lastState": last_state })
    }

    #[test]
    fn only_ends_with_a_failure_count_and_a_restarted_one_still_does() {
        let failed = |code: i32| json!({ "terminated": { "exitCode": code } });
        let running = json!({ "running": {} });
        assert_eq!(
            ends(&json!({ "containerStatuses": [container("hook", &failed(3), &json!({}))] })),
            [("hook".to_owned(), 3, false)]
        );
        assert_eq!(
            ends(&json!({ "initContainerStatuses": [container("wait", &running, &failed(1))] })),
            [("wait".to_owned(), 1, true)]
        );
        assert_eq!(ends(&json!({ "containerStatuses": [container("hook", &failed(0), &json!({}))] })), []);
        assert_eq!(ends(&json!({})), []);
    }

    #[test]
    fn what_keeps_a_hook_from_its_start_is_found() {
        let pod = |reason: &str| -> Pod {
            let waiting = json!({ "waiting": { "reason": reason, "message": "why" } });
            serde_json::from_value(json!({
                "metadata": { "name": "migrate-x" }, "status": { "containerStatuses": [container("hook", &waiting, &json!({}))] },
            }))
            .expect("a pod")
        };
        for (reason, found) in [
            ("ImagePullBackOff", Some(NotStarted::ImageMissing { image: "x", message: "why" })),
            ("CreateContainerConfigError", Some(NotStarted::NotCreated { message: "why" })),
            ("InvalidImageName", Some(NotStarted::NoImageName { image: "x" })),
            ("ContainerCreating", None),
        ] {
            assert_eq!(stuck(&pod(reason)), found, "{reason}");
        }
        let warning = |kind: &str, reason: &str| -> Event {
            serde_json::from_value(json!({
                "metadata": {}, "involvedObject": { "kind": kind, "name": "migrate" }, "reason": reason,
            }))
            .expect("an event")
        };
        assert_eq!(refused_job(&warning("Job", "FailedCreate")), Some("migrate"));
        assert_eq!(refused_job(&warning("Job", "BackoffLimitExceeded")), None);
        assert_eq!(refused_job(&warning("ReplicaSet", "FailedCreate")), None);
    }

    #[tokio::test]
    async fn a_log_that_was_still_being_read_when_helm_ended_is_read_again() {
        let cluster = cluster("no such table");
        let mut hooks = Hooks::new(&cluster, &cluster.client, "preview-x");
        let failed = json!({ "terminated": { "exitCode": 3 } });
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "migrate", "annotations": { HOOK: "pre-install" } },
            "status": { "containerStatuses": [container("hook", &failed, &json!({}))] },
        }))
        .expect("a pod");
        assert!(hooks.inspect(&pod).now_or_never().is_none());
        assert_eq!(hooks.newest, None);

        hooks.inspect(&pod).await;
        let explanation = domain::Explanation::from(hooks.newest.expect("the hook's failure"));
        assert_eq!(
            explanation.summary,
            "The chart's hook `migrate` failed: its container `hook` ended with exit code 3."
        );
        assert_eq!(explanation.log_tail.as_deref(), Some("no such table"));
    }
}
