//! What does a Helm that was killed leave behind, and how does the next one get past it?
//!
//! Helm records `pending-install`, `pending-upgrade` or `pending-rollback` before it acts, and refuses to act on a release in such a state:
//! "another operation is in progress". It cannot know that the other operation is dead. We do: the namespace belongs to one run, and a run
//! installs in one activity at a time. So the unfinished record is removed. The objects that were made stay; they carry the release's name, and
//! the next install takes them over.
//!
//! If it was our process that was killed, that Helm may still be running. Both then apply the same objects of the same commit, and the older one
//! ends by failing to find its record.

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Preconditions},
};

use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
};

/// Helm's states of being in the middle of something.
const UNFINISHED: &str = "pending-install,pending-upgrade,pending-rollback,uninstalling";

/// Removes the records of operations that will never finish.
pub(super) async fn forget_unfinished(
    cluster: &Cluster,
    namespace: &str,
    release: &str,
) -> Result<(), ClusterError> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let selector = format!("owner=helm,name={release},status in ({UNFINISHED})");
    let records = secrets
        .list_metadata(&ListParams::default().labels(&selector))
        .await
        .doing(|| format!("looking for unfinished Helm operations in namespace {namespace}"))?;
    for record in records {
        let name = record.name_any();
        let state = record.labels().get("status").cloned().unwrap_or_default();
        // Exactly the record we saw: one that has moved on meanwhile is not unfinished any more.
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: record.uid(),
                resource_version: record.resource_version(),
            }),
            ..DeleteParams::default()
        };
        match secrets.delete(&name, &params).await {
            Ok(_) => tracing::warn!(
                namespace,
                release,
                record = name,
                state,
                "removed the record of a Helm operation that was killed"
            ),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => {
                return Err(error)
                    .doing(|| format!("removing Helm's record {name} in namespace {namespace}"));
            }
        }
    }
    Ok(())
}
