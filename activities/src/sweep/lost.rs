//! Previews that are ready by their own account, and whose namespace is gone, is being removed, or is empty:
//! somebody has deleted it, or has reset the preview while it was being removed.

use std::collections::HashSet;

use domain::{
    orphan_sweep::{LostPreview, Outcome, is_too_much},
    preview::StopReason,
};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, ResourceExt,
    api::{ListParams, ObjectMeta},
    core::{ObjectList, PartialObjectMeta},
};
use temporalio_client::Client as Temporal;

use super::{SweepError, survey::assert_same_temporal};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
    ownership::{awaits_release, removed_since, run_named_on},
    temporal::{ReadyRun, ready_previews, stop_run},
};

/// Temporal's records may call a preview ready for a moment in which it ends.
const REMOVAL: SignedDuration = SignedDuration::from_secs(30);
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
    let held = runs_with_a_namespace(cluster).await?;
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
            tracing::warn!(workflow_id, "ending a preview whose namespace is gone, empty, or being removed");
            Outcome::Done
        }
        Ok(false) => Outcome::Spared,
        Err(error) => Outcome::Failed { why: error.to_string() },
    }
}

fn serves(namespace: &ObjectMeta, now: Timestamp) -> bool {
    let stays = removed_since(namespace).is_none_or(|since| since.duration_until(now) < REMOVAL);
    stays && !awaits_release(namespace)
}

async fn runs_with_a_namespace(cluster: &Cluster) -> Result<HashSet<String>, ClusterError> {
    let namespaces = Api::<k8s_openapi::api::core::v1::Namespace>::all(cluster.client.clone());
    let mut ours = ListParams::default().labels(&cluster.instance.selector()).limit(PAGE);
    let mut runs = HashSet::new();
    loop {
        let page: ObjectList<PartialObjectMeta<_>> = namespaces
            .list_metadata(&ours)
            .await
            .doing(|| "listing our namespaces".to_owned())?;
        let serving = page
            .items
            .iter()
            .filter(|namespace| serves(&namespace.metadata, Timestamp::now()));
        runs.extend(serving.filter_map(|namespace| run_named_on(namespace.annotations())));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => ours = ours.continue_token(&token),
            None => return Ok(runs),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn a_namespace_that_is_being_removed_for_a_while_or_is_empty_serves_nobody() {
        let now = "2026-11-26T12:00:00Z".parse().expect("a time");
        let serves = |metadata: Value| serves(&from_value(metadata).expect("metadata"), now);
        let noted = |since: &str| json!({ "annotations": { "preview.internal/removed-since": since } });
        assert!(serves(json!({})));
        assert!(serves(noted("2026-11-26T11:59:31Z")));
        assert!(!serves(noted("2026-11-26T11:59:30Z")));
        assert!(serves(json!({ "deletionTimestamp": "2026-11-26T11:59:31Z" })));
        assert!(!serves(json!({ "deletionTimestamp": "2026-11-26T11:59:30Z" })));
        assert!(!serves(json!({ "annotations": { "preview.internal/awaits-release": "true" } })));
    }
}
