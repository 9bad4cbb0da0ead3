//! Previews that are ready by their own account, and whose namespace is gone: somebody has deleted it.

use std::collections::HashSet;

use domain::{
    orphan_sweep::{LostPreview, Outcome, is_too_much},
    preview::StopReason,
};
use kube::{
    Api, ResourceExt,
    api::ListParams,
    core::{ObjectList, PartialObjectMeta},
};
use temporalio_client::Client as Temporal;

use super::{SweepError, survey::assert_same_temporal};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
    ownership::run_named_on,
    temporal::{ReadyRun, ready_previews, stop_run},
};

/// Namespaces that are listed at once.
const PAGE: u32 = 1_000;

/// Tells each of them to end. None, if there are so many that it is more likely that this is another cluster.
pub(super) async fn end(
    cluster: &Cluster,
    temporal: &Temporal,
    task_queue: &str,
    dry_run: bool,
) -> Result<Vec<LostPreview>, SweepError> {
    assert_same_temporal(cluster, temporal).await?;
    // Asked first: whoever is ready then has had its namespace before the namespaces are listed.
    let ready = ready_previews(temporal, task_queue).await?;
    if ready.is_empty() {
        return Ok(Vec::new());
    }
    let held = runs_named_on_namespaces(cluster).await?;
    let all = ready.len();
    let lost: Vec<ReadyRun> = ready.into_iter().filter(|run| !held.contains(&run.first_run_id)).collect();
    let is_too_much = is_too_much(lost.len(), all);
    let mut told = Vec::with_capacity(lost.len());
    for run in lost {
        let outcome = if is_too_much {
            let why = "its namespace is gone, and so are so many others' that no preview was ended: \
                       is the worker connected to the right cluster?";
            Outcome::Failed { why: why.to_owned() }
        } else if dry_run {
            Outcome::Done
        } else {
            end_one(temporal, &run).await
        };
        told.push(LostPreview { workflow_id: run.workflow_id, outcome });
    }
    Ok(told)
}

async fn end_one(temporal: &Temporal, run: &ReadyRun) -> Outcome {
    match stop_run(temporal, run, StopReason::NamespaceLost).await {
        Ok(true) => {
            let workflow_id = &run.workflow_id;
            tracing::warn!(workflow_id, "ending a preview whose namespace somebody has deleted");
            Outcome::Done
        }
        Ok(false) => Outcome::Spared,
        Err(error) => Outcome::Failed { why: error.to_string() },
    }
}

async fn runs_named_on_namespaces(cluster: &Cluster) -> Result<HashSet<String>, ClusterError> {
    let namespaces = Api::<k8s_openapi::api::core::v1::Namespace>::all(cluster.client.clone());
    let mut ours = ListParams::default().labels(&cluster.instance.selector()).limit(PAGE);
    let mut runs = HashSet::new();
    loop {
        let page: ObjectList<PartialObjectMeta<_>> = namespaces
            .list_metadata(&ours)
            .await
            .doing(|| "listing our namespaces".to_owned())?;
        runs.extend(page.items.iter().filter_map(|namespace| run_named_on(namespace.annotations())));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => ours = ours.continue_token(&token),
            None => return Ok(runs),
        }
    }
}
