//! Watches everything in the preview's namespace that says something about its workloads.

use std::fmt::Debug;

use futures::{
    FutureExt, StreamExt, TryStreamExt,
    stream::{BoxStream, SelectAll, select_all},
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        batch::v1::Job,
        core::v1::{Event, Pod},
    },
};
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt, reflector,
        reflector::{Store, store},
        watcher,
        watcher::Config,
    },
};
use serde::de::DeserializeOwned;

use super::assess::Observed;
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
    failure::ActivityFailure,
};

/// A live picture of a namespace.
pub(super) struct Watch {
    namespace: String,
    changes: SelectAll<Changes>,
    pods: Store<Pod>,
    deployments: Store<Deployment>,
    stateful_sets: Store<StatefulSet>,
    daemon_sets: Store<DaemonSet>,
    jobs: Store<Job>,
    replica_sets: Store<ReplicaSet>,
    warnings: Store<Event>,
}

/// One item per change of one kind; the change itself is in the store already.
type Changes = BoxStream<'static, Result<(), watcher::Error>>;

impl Watch {
    pub(super) fn start(cluster: &Cluster, namespace: &str) -> Self {
        let (pods, pod_changes) = watch(cluster, namespace, Config::default());
        let (deployments, deployment_changes) = watch(cluster, namespace, Config::default());
        let (stateful_sets, stateful_set_changes) = watch(cluster, namespace, Config::default());
        let (daemon_sets, daemon_set_changes) = watch(cluster, namespace, Config::default());
        let (jobs, job_changes) = watch(cluster, namespace, Config::default());
        let (replica_sets, replica_set_changes) = watch(cluster, namespace, Config::default());
        let (warnings, warning_changes) = watch(cluster, namespace, Config::default().fields("type=Warning"));
        Self {
            namespace: namespace.to_owned(),
            changes: select_all([
                pod_changes,
                deployment_changes,
                stateful_set_changes,
                daemon_set_changes,
                job_changes,
                replica_set_changes,
                warning_changes,
            ]),
            pods,
            deployments,
            stateful_sets,
            daemon_sets,
            jobs,
            replica_sets,
            warnings,
        }
    }

    /// Returns when there is something new to look at; never before everything has
    /// been seen once. Safe to drop and call again.
    pub(super) async fn changed(&mut self) -> Result<(), ClusterError> {
        while let Some(change) = self.changes.next().await {
            match change.doing(|| format!("watching namespace {}", self.namespace)) {
                Ok(()) if self.is_complete() => return Ok(()),
                Ok(()) => {}
                Err(error) if error.failure().is_permanent => return Err(error),
                // The watch goes on by itself.
                Err(error) => tracing::debug!(%error, "watch interrupted"),
            }
        }
        Ok(())
    }

    /// Each kind has been listed at least once.
    fn is_complete(&self) -> bool {
        self.pods.wait_until_ready().now_or_never().is_some()
            && self.deployments.wait_until_ready().now_or_never().is_some()
            && self.stateful_sets.wait_until_ready().now_or_never().is_some()
            && self.daemon_sets.wait_until_ready().now_or_never().is_some()
            && self.jobs.wait_until_ready().now_or_never().is_some()
            && self.replica_sets.wait_until_ready().now_or_never().is_some()
            && self.warnings.wait_until_ready().now_or_never().is_some()
    }

    pub(super) fn observed(&self) -> Observed {
        Observed {
            pods: self.pods.state(),
            deployments: self.deployments.state(),
            stateful_sets: self.stateful_sets.state(),
            daemon_sets: self.daemon_sets.state(),
            jobs: self.jobs.state(),
            replica_sets: self.replica_sets.state(),
            warnings: self.warnings.state(),
        }
    }
}

fn watch<K>(cluster: &Cluster, namespace: &str, config: Config) -> (Store<K>, Changes)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let objects: Api<K> = Api::namespaced(cluster.client.clone(), namespace);
    let (reader, writer) = store();
    let changes = reflector(writer, watcher(objects, config)).default_backoff().map_ok(drop);
    (reader, changes.boxed())
}
