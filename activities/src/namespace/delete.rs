//! Deletes a namespace for certain, and says what holds it while it will not go.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};
use kube::{
    api::{DeleteParams, Preconditions},
    runtime::{conditions, wait::await_condition},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use workflows::contract::timeouts::NAMESPACE_GONE;

use crate::{
    Cluster,
    cluster::{ClusterError, Doing, delete_exactly},
    failure::{ActivityFailure, Failure, explain},
    heartbeat::Progress,
};

/// A namespace whose pods stop in time is gone within seconds. After this long, something
/// holds it, and the operator should see what.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// Between two looks at what holds it.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// A namespace that was not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("namespace {name} is still being deleted after {} s; {what_holds}", NAMESPACE_GONE.as_secs())]
    Stuck { name: String, what_holds: String },
    #[error("the removal was interrupted")]
    Cancelled,
}

impl ActivityFailure for DeleteError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::Stuck { .. } => Failure::temporary(
                "NamespaceStuck",
                explain(
                    "The namespace is being deleted, but something in it holds it. Contact the operators of the preview service.",
                ),
            ),
            Self::Cancelled => Failure::cancelled(),
        }
    }
}

/// Asks for the deletion of exactly this namespace. False if it is not the one
/// that the preconditions describe (any more).
pub(crate) async fn delete(
    cluster: &Cluster,
    name: &str,
    preconditions: Preconditions,
) -> Result<bool, ClusterError> {
    delete_exactly(&cluster.namespaces(), name, preconditions, DeleteParams::background())
        .await
        .doing(|| format!("deleting namespace {name}"))
}

/// Returns when this very namespace does not exist any more.
pub(crate) async fn wait_until_gone(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    progress: &Progress,
) -> Result<(), DeleteError> {
    progress.report(format!("waiting until namespace {name} is gone"));
    let gone = await_condition(cluster.namespaces(), name, conditions::is_deleted(uid));
    let mut gone = std::pin::pin!(gone);
    let start = Instant::now();
    let mut look = interval_at(start + STUCK_AFTER, LOOK_AGAIN);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            result = &mut gone => {
                result.doing(|| format!("watching namespace {name}"))?;
                return Ok(());
            }
            _ = look.tick() => {
                let what_holds = what_holds(cluster.namespace(name).await?.as_ref());
                tracing::warn!(namespace = name, what_holds, "namespace will not go");
                if start.elapsed() >= NAMESPACE_GONE {
                    return Err(DeleteError::Stuck { name: name.to_owned(), what_holds });
                }
                progress.report(format!("namespace {name} will not go: {what_holds}"));
            }
        }
    }
}

/// What the namespace controller says is left, in its own words.
pub(crate) fn what_holds(namespace: Option<&Namespace>) -> String {
    let conditions = namespace
        .and_then(|namespace| namespace.status.as_ref())
        .and_then(|status: &NamespaceStatus| status.conditions.as_deref())
        .unwrap_or_default();
    let mut messages: Vec<String> = conditions
        .iter()
        .filter(|condition| condition.status == "True")
        .filter_map(|condition| condition.message.clone())
        .collect();
    // The namespace's own, which its conditions do not tell of.
    let finalizers = namespace.and_then(|namespace| namespace.metadata.finalizers.as_deref());
    if let Some(finalizers) = finalizers.filter(|finalizers| !finalizers.is_empty()) {
        messages.push(format!("The namespace itself has finalizers: {}", finalizers.join(", ")));
    }
    if messages.is_empty() {
        "the cluster does not say what is left in it".to_owned()
    } else {
        messages.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_holds_it_is_named_in_the_controllers_own_words() {
        let namespace: Namespace = serde_json::from_value(json!({
            "metadata": { "name": "preview-x" },
            "status": { "phase": "Terminating", "conditions": [
                { "type": "NamespaceDeletionContentFailure", "status": "False", "reason": "ContentDeleted", "message": "All content successfully deleted, may be waiting on finalization" },
                { "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": "Some resources are remaining: pods. has 1 resource instances" },
                { "type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain", "message": "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances" },
            ] },
        }))
        .expect("a namespace");
        assert_eq!(
            what_holds(Some(&namespace)),
            "Some resources are remaining: pods. has 1 resource instances; \
             Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        );
        let mut held = namespace;
        held.status = None;
        held.metadata.finalizers = Some(vec!["example.com/hold".to_owned()]);
        assert_eq!(what_holds(Some(&held)), "The namespace itself has finalizers: example.com/hold");
        assert_eq!(what_holds(None), "the cluster does not say what is left in it");
    }
}
