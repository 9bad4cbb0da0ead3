//! Marks, unmarks and removes namespaces, each for itself: what fails for one is no reason to leave another.

use std::sync::Arc;

use domain::{NamespaceHandle, PreviewId, orphan_sweep::Outcome};
use futures::{StreamExt, TryFutureExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};
use temporalio_client::Client as Temporal;

use super::{AT_ONCE, SweepError};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing, FIELD_MANAGER},
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
    let outcomes = namespaces.into_iter().map(|key| {
        let name = key.name.clone();
        change(key).unwrap_or_else(move |error| {
            tracing::warn!(namespace = name, %error, "a step of the sweep failed");
            Outcome::Failed { why: error.to_string() }
        })
    });
    Ok(stream::iter(outcomes).buffered(AT_ONCE).collect().await)
}

pub(super) async fn mark(
    cluster: Cluster,
    key: NamespaceHandle,
    since: Timestamp,
) -> Result<Outcome, SweepError> {
    let Some(found) = same_preview(&cluster, &key).await? else {
        return Ok(Outcome::Spared);
    };
    if found.claim.orphaned_since.is_none() {
        write_mark(&cluster, &found.namespace, json!(since)).await?;
    }
    Ok(Outcome::Done)
}

pub(super) async fn unmark(cluster: Cluster, key: NamespaceHandle) -> Result<Outcome, SweepError> {
    let Some(found) = same_preview(&cluster, &key).await? else {
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
    pub(super) async fn remove(self: Arc<Self>, key: NamespaceHandle) -> Result<Outcome, SweepError> {
        let Self { cluster, temporal, task_queue } = &*self;
        let name = &key.name;
        let Some(found) = same_preview(cluster, &key).await? else {
            let exists = cluster
                .namespaces()
                .get_opt(name)
                .await
                .doing(|| format!("reading namespace {name}"))?
                .is_some();
            return Ok(if exists { Outcome::Spared } else { Outcome::Done });
        };
        let workflow_id = found.preview.to_string();
        // Asked last, so that what follows is fenced by the version we looked at before: a run that took the
        // namespace over meanwhile has changed it.
        let is_open = latest_run(temporal, &workflow_id).await?.is_some_and(|run| run.is_open);
        if is_open || found.claim.orphaned_since.is_none() {
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
        // Told now, because nobody knows whom to tell once it is gone.
        if let Some(word) = last_report(&found.namespace)
            && let Err(error) = report::send(temporal, task_queue, &word).await
        {
            tracing::warn!(namespace = name, %error, "the pull request does not know that the preview is being removed");
        }
        Ok(Outcome::Done)
    }
}

struct Found {
    namespace: Namespace,
    claim: Claim,
    preview: PreviewId,
}

/// The namespace that the key means and what it says about its owner, if it
/// still exists and is still a preview of ours.
async fn same_preview(cluster: &Cluster, key: &NamespaceHandle) -> Result<Option<Found>, ClusterError> {
    let name = &key.name;
    let found = cluster
        .namespaces()
        .get_opt(name)
        .await
        .doing(|| format!("reading namespace {name}"))?;
    Ok(found
        .filter(|namespace| namespace.uid().as_ref() == Some(&key.uid))
        .and_then(|namespace| {
            let claim = Claim::on(&namespace, &cluster.instance)?;
            let preview = claim.preview_in(name).ok()?;
            Some(Found { namespace, claim, preview })
        }))
}

/// Conflicts if anything about the namespace has changed since it was read; the next sweep then looks again.
async fn write_mark(cluster: &Cluster, namespace: &Namespace, since: Value) -> Result<(), ClusterError> {
    let name = namespace.name_any();
    let patch = json!({ "metadata": {
        "uid": namespace.uid(),
        "resourceVersion": namespace.resource_version(),
        "annotations": { ORPHANED_SINCE: since },
    }});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    cluster
        .namespaces()
        .patch(&name, &params, &Patch::Merge(patch))
        .await
        .doing(|| format!("marking namespace {name}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NamespaceHandle {
        NamespaceHandle { name: name.to_owned(), uid: "1".to_owned() }
    }

    #[tokio::test]
    async fn what_fails_for_one_namespace_is_done_to_the_others() {
        let keys = (0..30).map(|number| key(&number.to_string())).collect();
        let outcomes = each(keys, async |key: NamespaceHandle| {
            if key.name == "7" {
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
