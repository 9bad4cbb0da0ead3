//! The logs of a chart's failing hooks.
//!
//! Helm says that a hook has failed, and not why. A chart may want its hooks removed as soon as they
//! fail, so they are watched while Helm runs.

use std::{
    collections::HashSet,
    convert::Infallible,
    future::pending,
    sync::{Mutex, PoisonError},
};

use futures::StreamExt;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ContainerStateTerminated, ContainerStatus, Pod},
};
use kube::{
    Api, ResourceExt,
    api::ListParams,
    runtime::{WatchStreamExt, watcher, watcher::Config},
};

use crate::{
    Cluster,
    container_log::{ContainerLog, last_log_lines},
    failure::{Explanation, explain},
    namespace::release_account,
};

/// Annotation: Helm's mark on a hook.
const HOOK: &str = "helm.sh/hook";

/// The hooks of one install.
pub(super) struct Hooks<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pods: Api<Pod>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Which ends of containers.
    ends: HashSet<ContainerEnd>,
    newest: Option<Explanation>,
}

/// One end of one container, which may be started again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ContainerEnd {
    pod: String,
    container: String,
    restarts: i32,
    exit_code: i32,
    /// The container has been started again since.
    previous: bool,
}

impl<'a> Hooks<'a> {
    pub(super) fn new(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self {
            cluster,
            namespace,
            pods: Api::namespaced(cluster.client.clone(), namespace),
            seen: Mutex::default(),
        }
    }

    /// Reads the log of each hook that fails, as soon as it does. Never ends; to be dropped when Helm has.
    pub(super) async fn watch(&self) -> Infallible {
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
    pub(super) async fn failure(&self) -> Option<Explanation> {
        if let Ok(pods) = self.pods.list(&ListParams::default()).await {
            for pod in pods {
                self.inspect(&pod).await;
            }
        }
        self.seen().newest.clone()
    }

    async fn inspect(&self, pod: &Pod) {
        for end in failed_ends(pod) {
            if !self.seen().ends.insert(end.clone()) {
                continue;
            }
            let Some(hook) = self.hook_of(pod).await else {
                continue;
            };
            let log = ContainerLog {
                pod: end.pod.clone(),
                container: end.container.clone(),
                previous: end.previous,
            };
            let log = last_log_lines(&self.cluster.client, self.namespace, &log).await;
            let explanation = explain(format!(
                "The chart's hook `{hook}` failed: its container `{}` ended with exit code {}.",
                end.container, end.exit_code
            ));
            self.seen().newest = Some(explanation.with_log(log));
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

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The containers of a pod that have ended with a failure, the last one included that was started again.
fn failed_ends(pod: &Pod) -> Vec<ContainerEnd> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_deref());
    let main = status.and_then(|status| status.container_statuses.as_deref());
    let containers = init.unwrap_or_default().iter().chain(main.unwrap_or_default());
    containers
        .filter_map(|container| {
            let (ended, previous) = last_end(container)?;
            (ended.exit_code != 0).then(|| ContainerEnd {
                pod: pod.name_any(),
                container: container.name.clone(),
                restarts: container.restart_count - i32::from(previous),
                exit_code: ended.exit_code,
                previous,
            })
        })
        .collect()
}

fn last_end(container: &ContainerStatus) -> Option<(&ContainerStateTerminated, bool)> {
    let now = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    now.map(|ended| (ended, false)).or(before.map(|ended| (ended, true)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ends(statuses: &Value) -> Vec<(String, i32, bool)> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "migrate-x" }, "status": statuses,
        }))
        .expect("a pod");
        failed_ends(&pod)
            .into_iter()
            .map(|end| (end.container, end.exit_code, end.previous))
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
}
