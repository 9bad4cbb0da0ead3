//! Removes everything that a run has made, and nothing else.

use domain::PreviewId;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Preconditions},
};
use temporalio_sdk::activities::ActivityContext;
use workflows::contract::TearDown;

use crate::{
    Cluster, Helm,
    cluster::{ClusterError, Doing},
    heartbeat::Progress,
    namespace::{DeleteError, delete, made_for, wait_until_gone},
    ownership::{is_terminating, note_of_removal, removed_since},
    release::uninstall,
};

/// Returns when nothing of this run is left. A cancellation of the activity is a worker that shuts down; Helm
/// is then stopped, and the next attempt goes on.
///
/// What is this run's is known by what it says, not by its name, which another key of
/// the service would have made another one.
pub(crate) async fn tear_down(
    cluster: &Cluster,
    helm: &Helm,
    request: &TearDown,
    ctx: &ActivityContext,
    progress: &Progress,
) -> Result<(), DeleteError> {
    let preview = &request.owner.preview;
    progress.report(format!("looking for the namespace of {preview}"));
    for (namespace, claim) in made_for(cluster, preview).await? {
        if claim.is_held_by(&request.owner) {
            let removal = remove(cluster, helm, preview, &namespace, ctx, progress);
            Box::pin(removal).await?;
        } else {
            tracing::info!(
                namespace = namespace.name_any(),
                run_id = request.owner.run_id,
                "left alone a namespace that this run does not own"
            );
        }
    }
    Ok(())
}

async fn remove(
    cluster: &Cluster,
    helm: &Helm,
    preview: &PreviewId,
    namespace: &Namespace,
    ctx: &ActivityContext,
    progress: &Progress,
) -> Result<(), DeleteError> {
    let name = namespace.name_any();
    let uid = namespace.uid().unwrap_or_default();
    if !is_terminating(namespace) {
        note_removal(cluster, namespace).await?;
        progress.report(format!("helm uninstall {}", preview.release()));
        // The namespace takes with it whatever is in it; what Helm could not do
        // is only worth a line in the log.
        if let Err(error) = uninstall(cluster, helm, preview, &name, ctx.cancelled()).await {
            tracing::warn!(namespace = name, %error, "helm uninstall did not succeed; deleting the namespace all the same");
        }
        if ctx.is_cancelled() {
            return Err(DeleteError::Cancelled);
        }
        stop_pods(cluster, &name).await;
        let exactly_this = Preconditions { uid: Some(uid.clone()), resource_version: None };
        delete(cluster, &name, exactly_this).await?;
    }
    tokio::select! {
        result = wait_until_gone(cluster, &name, &uid, progress) => result,
        () = ctx.cancelled() => Err(DeleteError::Cancelled),
    }
}

/// Should an operator reset the preview meanwhile, to a moment at which it was ready, the sweep knows
/// that it is not any more.
async fn note_removal(cluster: &Cluster, namespace: &Namespace) -> Result<(), ClusterError> {
    if removed_since(&namespace.metadata).is_some() {
        return Ok(());
    }
    match cluster.annotate(namespace, &note_of_removal()).await {
        Ok(_) => Ok(()),
        // Gone, or changed since it was read: then its deletion tells the same, a little later.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(error) => {
            Err(error).doing(|| format!("noting the removal of namespace {}", namespace.name_any()))
        }
    }
}

/// The namespace controller lets a deleted namespace rest for five seconds; when it then finds a pod that
/// takes its time to stop, it looks again only after half of that time. So all pods begin to stop at once,
/// those that Helm does not know of included.
async fn stop_pods(cluster: &Cluster, namespace: &str) {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let stopped = pods
        .delete_collection(&DeleteParams::background(), &ListParams::default())
        .await;
    if let Err(error) = stopped {
        tracing::warn!(namespace, %error, "pods are not stopped ahead; the namespace will take a little longer");
    }
}
