//! The logs of a chart's failing hooks.
//!
//! Helm says that a hook has failed, and not why. A chart may want its hooks removed as soon as they
//! fail, so they are watched while Helm runs.

use std::{collections::HashSet, convert::Infallible, future::pending};

use futures::StreamExt;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::ListParams,
    runtime::{WatchStreamExt, watcher, watcher::Config},
};

use super::HOOK;
use crate::{
    Cluster,
    container_log::{ContainerLog, last_log_lines},
    container_status::{LastEnd, containers_of, last_end},
    failure::{Explanation, explain},
    namespace::release_account,
};

/// The hooks of one install.
pub(super) struct Hooks<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pods: Api<Pod>,
    inspected: HashSet<ContainerEnd>,
    newest: Option<Explanation>,
}

/// One end of one container, which may be started again.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ContainerEnd {
    log: ContainerLog,
    restarts: i32,
    exit_code: i32,
}

impl<'a> Hooks<'a> {
    pub(super) fn new(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self {
            cluster,
            namespace,
            pods: Api::namespaced(cluster.client.clone(), namespace),
            inspected: HashSet::new(),
            newest: None,
        }
    }

    /// Reads the log of each hook that fails, as soon as it does. Never ends; to be dropped when Helm has.
    pub(super) async fn watch(&mut self) -> Infallible {
        let changes = watcher(self.pods.clone(), Config::default())
            .default_backoff()
            .applied_objects();
        let mut changes = std::pin::pin!(changes);
        while let Some(change) = changes.next().await {
            // The watch goes on by itself; what it missed is looked for at the end.
            if let Ok(pod) = change {
                self.inspect(&pod).await;
            }
        }
        pending().await
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

    /// The name of the hook that the pod is, or is a job's part of.
    async fn hook_of(&self, pod: &Pod) -> Option<String> {
        if pod.annotations().contains_key(HOOK) {
            return Some(pod.name_any());
        }
        let owner = pod.owner_references().iter().find(|owner| owner.kind == "Job")?;
        let account = self.cluster.in_the_name_of(&release_account(self.namespace));
        let jobs: Api<Job> = Api::namespaced(account, self.namespace);
        let job = jobs.get_metadata_opt(&owner.name).await.ok()??;
        job.annotations().contains_key(HOOK).then(|| owner.name.clone())
    }
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
    use domain::{NameKey, Names};
    use futures::FutureExt;
    use http::{Request, Response};
    use kube::{Client, client::Body};
    use serde_json::{Value, json};
    use tower::service_fn;

    use super::*;
    use crate::Instance;

    /// Whatever it is asked for, it answers with this log, and never at once.
    fn cluster(log: &'static str) -> Cluster {
        let answers = service_fn(move |_: Request<Body>| async move {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(Body::from(log.as_bytes().to_vec())))
        });
        Cluster {
            client: Client::new(answers, "default"),
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

    #[tokio::test]
    async fn a_log_that_was_still_being_read_when_helm_ended_is_read_again() {
        let cluster = cluster("no such table");
        let mut hooks = Hooks::new(&cluster, "preview-x");
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
