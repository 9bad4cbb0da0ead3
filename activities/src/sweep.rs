//! Which namespaces of ours have lost their workflow, and how are they marked and removed without ever hitting a living one?

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    ResourceExt,
    api::{ListParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};
use temporalio_client::Client as Temporal;
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::activities::{NamespaceKey, Removal, SurveyedNamespace, sweep_declared};

use crate::{
    Cluster,
    alive::{Progress, until_cancelled},
    cluster::{ClusterError, Doing, FIELD_MANAGER},
    fault::{Explanation, Fault},
    ownership::{Claim, ORPHANED_SINCE, is_terminating, last_word},
    pull_request::report,
    removal::{RemovalError, delete, wait_until_gone},
    temporal::{TemporalError, latest_run},
};

/// Questions to Temporal that are on their way at the same time.
const QUESTIONS_AT_ONCE: usize = 10;

/// The activities of the orphan sweep.
pub struct Sweeps {
    /// What is swept: the namespaces of this instance only.
    pub cluster: Cluster,
}

#[activities]
impl Sweeps {
    /// Twice is harmless: it only looks.
    #[activity(definition = sweep_declared::SurveyNamespaces)]
    pub async fn survey_namespaces(
        self: Arc<Self>,
        ctx: ActivityContext,
    ) -> Result<Vec<SurveyedNamespace>, ActivityError> {
        let progress = Progress::new();
        until_cancelled(&ctx, &progress, survey(&self.cluster, &ctx.client())).await
    }

    /// Twice is harmless: a mark that is there already keeps its time.
    #[activity(definition = sweep_declared::MarkOrphan)]
    pub async fn mark_orphan(
        self: Arc<Self>,
        ctx: ActivityContext,
        key: NamespaceKey,
    ) -> Result<(), ActivityError> {
        let progress = Progress::new();
        until_cancelled(&ctx, &progress, mark(&self.cluster, &key)).await
    }

    /// Twice is harmless: no mark is no mark.
    #[activity(definition = sweep_declared::UnmarkOrphan)]
    pub async fn unmark_orphan(
        self: Arc<Self>,
        ctx: ActivityContext,
        key: NamespaceKey,
    ) -> Result<(), ActivityError> {
        let progress = Progress::new();
        until_cancelled(&ctx, &progress, unmark(&self.cluster, &key)).await
    }

    /// Twice is harmless: it removes a namespace by UID, and only the one that it has just seen to be nobody's. A successor of the same name has
    /// another UID. The pull request is told of it once, or not at all: whoever finds the namespace gone does not know any more whom to tell.
    #[activity(definition = sweep_declared::RemoveOrphan)]
    pub async fn remove_orphan(
        self: Arc<Self>,
        ctx: ActivityContext,
        key: NamespaceKey,
    ) -> Result<Removal, ActivityError> {
        let progress = Progress::new();
        let temporal = ctx.client();
        let task_queue = &ctx.info().task_queue;
        let work = remove(&self.cluster, &temporal, task_queue, &key, &progress);
        until_cancelled(&ctx, &progress, Box::pin(work)).await
    }
}

/// A step of the sweep that could not be done. The next sweep tries again.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Temporal(#[from] TemporalError),
    #[error(transparent)]
    Removal(#[from] RemovalError),
}

impl SweepError {
    fn fault(&self) -> &dyn Fault {
        match self {
            Self::Cluster(error) => error,
            Self::Temporal(error) => error,
            Self::Removal(error) => error,
        }
    }
}

impl Fault for SweepError {
    fn kind(&self) -> &'static str {
        self.fault().kind()
    }

    fn is_permanent(&self) -> bool {
        self.fault().is_permanent()
    }

    fn explanation(&self) -> Explanation {
        self.fault().explanation()
    }
}

async fn survey(
    cluster: &Cluster,
    temporal: &Temporal,
) -> Result<Vec<SurveyedNamespace>, SweepError> {
    let ours = ListParams::default().labels(&cluster.instance.selector());
    let namespaces = cluster
        .namespaces()
        .list(&ours)
        .await
        .doing(|| "listing our namespaces".to_owned())?;
    stream::iter(namespaces)
        .map(|namespace| async move {
            let claim = Claim::on(&namespace, &cluster.instance);
            let workflow_id = claim
                .as_ref()
                .map(|claim| claim.workflow_id.clone())
                .unwrap_or_default();
            // Anything but a clear answer fails the survey: nothing is removed on a guess.
            let latest = latest_run(temporal, &workflow_id).await?;
            Ok(SurveyedNamespace {
                key: NamespaceKey {
                    name: namespace.name_any(),
                    uid: namespace.uid().unwrap_or_default(),
                    workflow_id,
                },
                workflow_is_open: latest.is_some_and(|run| run.is_open),
                marked_since: claim.and_then(|claim| claim.orphaned_since),
            })
        })
        .buffered(QUESTIONS_AT_ONCE)
        .try_collect()
        .await
}

async fn mark(cluster: &Cluster, key: &NamespaceKey) -> Result<(), ClusterError> {
    match same_namespace(cluster, key).await? {
        Some((namespace, claim)) if claim.orphaned_since.is_none() => {
            write_mark(cluster, &namespace, json!(Timestamp::now())).await
        }
        _ => Ok(()),
    }
}

async fn unmark(cluster: &Cluster, key: &NamespaceKey) -> Result<(), ClusterError> {
    match same_namespace(cluster, key).await? {
        Some((namespace, claim)) if claim.orphaned_since.is_some() => {
            write_mark(cluster, &namespace, Value::Null).await
        }
        _ => Ok(()),
    }
}

async fn remove(
    cluster: &Cluster,
    temporal: &Temporal,
    task_queue: &str,
    key: &NamespaceKey,
    progress: &Progress,
) -> Result<Removal, SweepError> {
    let name = &key.name;
    let Some((namespace, claim)) = same_namespace(cluster, key).await? else {
        let is_gone = cluster
            .namespaces()
            .get_opt(name)
            .await
            .doing(|| format!("reading namespace {name}"))?
            .is_none();
        return Ok(if is_gone {
            Removal::Removed
        } else {
            Removal::Spared
        });
    };
    // Asked last, so that what follows is fenced by the version we looked at before: a run that took the namespace over meanwhile has changed it.
    let is_open = latest_run(temporal, &claim.workflow_id)
        .await?
        .is_some_and(|run| run.is_open);
    if is_open || claim.orphaned_since.is_none() {
        return Ok(Removal::Spared);
    }
    if !is_terminating(&namespace) {
        let exactly_this = Preconditions {
            uid: namespace.uid(),
            resource_version: namespace.resource_version(),
        };
        if !delete(cluster, name, exactly_this).await? {
            return Ok(Removal::Spared);
        }
        tracing::warn!(
            namespace = name,
            workflow_id = claim.workflow_id,
            "removing a namespace that no workflow looks after"
        );
    }
    wait_until_gone(cluster, name, &key.uid, progress).await?;
    if let Some(word) = last_word(&namespace)
        && let Err(error) = report::send(temporal, task_queue, &word).await
    {
        tracing::warn!(namespace = name, %error, "the pull request does not know that the preview is gone");
    }
    Ok(Removal::Removed)
}

/// The namespace that the key means and what it says about its owner, if it still exists and is still ours.
async fn same_namespace(
    cluster: &Cluster,
    key: &NamespaceKey,
) -> Result<Option<(Namespace, Claim)>, ClusterError> {
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
            Some((namespace, claim))
        }))
}

/// Conflicts if anything about the namespace has changed since it was read; the retry then looks again.
async fn write_mark(
    cluster: &Cluster,
    namespace: &Namespace,
    since: Value,
) -> Result<(), ClusterError> {
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
