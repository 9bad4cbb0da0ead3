//! Marks, unmarks and removes namespaces, each for itself: what fails for one is no reason to leave another.

use std::sync::Arc;

use domain::{NamespaceHandle, PreviewId, orphan_sweep::Outcome};
use futures::{StreamExt, TryFutureExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{ResourceExt, api::Preconditions};
use serde_json::{Value, json};
use temporalio_client::Client as Temporal;

use super::{AT_ONCE, SweepError};
use crate::{
    Cluster, Instance,
    cluster::{ClusterError, Doing},
    namespace::delete,
    ownership::{Claim, ORPHANED_SINCE, is_terminating, last_report},
    pull_request::report,
    temporal::latest_run,
};

/// Does the change to each namespace, several at the same time, and says in their order
/// what became of it. Never fails as a whole.
pub(super) async fn each<Change>(
    namespaces: Vec<NamespaceHandle>,
    change: impl Fn(NamespaceHandle) -> Change,
) -> Result<Vec<Outcome>, SweepError>
where
    Change: Future<Output = Result<Outcome, SweepError>>,
{
    let outcomes = namespaces.into_iter().map(|handle| {
        let name = handle.name.clone();
        change(handle).unwrap_or_else(move |error| {
            tracing::warn!(namespace = name, %error, "a step of the sweep failed");
            Outcome::Failed { why: error.to_string() }
        })
    });
    Ok(stream::iter(outcomes).buffered(AT_ONCE).collect().await)
}

pub(super) async fn mark(
    cluster: Cluster,
    handle: NamespaceHandle,
    since: Timestamp,
) -> Result<Outcome, SweepError> {
    let Some(found) = same_preview(&cluster, &handle).await? else {
        return Ok(Outcome::Spared);
    };
    if found.claim.orphaned_since.is_none() {
        write_mark(&cluster, &found.namespace, json!(since)).await?;
    }
    Ok(Outcome::Done)
}

pub(super) async fn unmark(cluster: Cluster, handle: NamespaceHandle) -> Result<Outcome, SweepError> {
    let Some(found) = same_preview(&cluster, &handle).await? else {
        return Ok(Outcome::Spared);
    };
    if found.claim.orphaned_since.is_some() {
        write_mark(&cluster, &found.namespace, Value::Null).await?;
    }
    Ok(Outcome::Done)
}

/// What a removal needs.
pub(super) struct Removals {
    pub(super) cluster: Cluster,
    pub(super) temporal: Temporal,
    pub(super) task_queue: String,
}

impl Removals {
    /// Asks for the deletion, and does not wait for it: a namespace that will not go
    /// must not keep the sweep from the others.
    pub(super) async fn remove(self: Arc<Self>, handle: NamespaceHandle) -> Result<Outcome, SweepError> {
        let Self { cluster, temporal, task_queue } = &*self;
        let name = &handle.name;
        let Some(namespace) = cluster.namespace(name).await? else {
            return Ok(Outcome::Done);
        };
        let Some(found) = Found::of(namespace, &handle, &cluster.instance) else {
            return Ok(Outcome::Spared);
        };
        let workflow_id = found.preview.to_string();
        // Asked last, so that what follows is fenced by the version we looked at before: a run that took the
        // namespace over meanwhile has changed it.
        let latest = latest_run(temporal, &workflow_id).await?;
        if latest.as_ref().is_some_and(|run| run.is_open) || found.claim.orphaned_since.is_none() {
            return Ok(Outcome::Spared);
        }
        if !is_terminating(&found.namespace) {
            let exactly_this = Preconditions {
                uid: found.namespace.uid(),
                resource_version: found.namespace.resource_version(),
            };
            if !delete(cluster, name, exactly_this).await? {
                return Ok(Outcome::Spared);
            }
            tracing::warn!(
                namespace = name,
                workflow_id,
                "removing a namespace that no workflow looks after"
            );
        }
        // Told now, because nobody knows whom to tell once it is gone; unless its workflow has told its
        // own end already, and an attempt that was given up made the namespace afterwards.
        let is_told = latest.is_some_and(|run| run.ended_by_itself);
        if !is_told
            && let Some(word) = last_report(&found.namespace)
            && let Err(error) = report::send(temporal, task_queue, &word).await
        {
            tracing::warn!(namespace = name, %error, "the pull request does not know that the preview is being removed");
        }
        Ok(Outcome::Done)
    }
}

/// A namespace and what it says about its owner.
struct Found {
    namespace: Namespace,
    claim: Claim,
    preview: PreviewId,
}

impl Found {
    /// `None` if it is not the one that is meant, or is no preview of ours any more.
    fn of(namespace: Namespace, handle: &NamespaceHandle, instance: &Instance) -> Option<Self> {
        if namespace.uid().as_ref() != Some(&handle.uid) {
            return None;
        }
        let claim = Claim::on(&namespace, instance)?;
        let preview = claim.preview_in(&handle.name).ok()?;
        Some(Self { namespace, claim, preview })
    }
}

/// The namespace that is meant, if it still exists and is still a preview of ours.
async fn same_preview(cluster: &Cluster, handle: &NamespaceHandle) -> Result<Option<Found>, ClusterError> {
    let namespace = cluster.namespace(&handle.name).await?;
    Ok(namespace.and_then(|namespace| Found::of(namespace, handle, &cluster.instance)))
}

/// Conflicts if anything about the namespace has changed since it was read; the next sweep then looks again.
async fn write_mark(cluster: &Cluster, namespace: &Namespace, since: Value) -> Result<(), ClusterError> {
    cluster
        .annotate(namespace, &json!({ ORPHANED_SINCE: since }))
        .await
        .doing(|| format!("marking namespace {}", namespace.name_any()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(name: &str) -> NamespaceHandle {
        NamespaceHandle { name: name.to_owned(), uid: "1".to_owned() }
    }

    #[tokio::test]
    async fn what_fails_for_one_namespace_is_done_to_the_others() {
        let handles = (0..30).map(|number| handle(&number.to_string())).collect();
        let outcomes = each(handles, async |handle: NamespaceHandle| {
            if handle.name == "7" {
                return Err(SweepError::OtherTemporal { expected: "a".to_owned(), found: "b".to_owned() });
            }
            Ok(Outcome::Done)
        })
        .await
        .expect("never fails as a whole");
        let failed: Vec<_> = outcomes
            .iter()
            .enumerate()
            .filter(|(_, outcome)| **outcome != Outcome::Done)
            .map(|(number, _)| number)
            .collect();
        assert_eq!((outcomes.len(), failed), (30, vec![7]));
    }
}
