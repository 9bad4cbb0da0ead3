//! Removes everything that an incomplete install has made, so that the next one is a first install.
//!
//! An upgrade is not the same: Helm runs no `pre-install` hooks then, and would publish a preview without its
//! migration. `helm uninstall` does not do it either: it leaves the hooks' objects, and the claims that
//! stateful sets have made with the data in them.
//!
//! So what Helm has marked as this release's goes, with all pods and claims. What others have put into the
//! namespace stays: the guards, and what a cluster's operators copy into every namespace. Helm's record goes
//! last: as long as it is there, the next attempt knows that there is something left.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, Client, Discovery, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Preconditions},
    discovery::{ApiGroup, Scope, verbs},
};
use tokio::time::{Instant, sleep};
use workflows::contract::timeouts::TAKE_DOWN;

use super::{HOOK, release_state::selector};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing, delete_exactly},
    failure::{ActivityFailure, Failure, explain},
    heartbeat::Progress,
    namespace::Login,
};

/// Between two looks at what is still there.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a pod has to stop by itself, in seconds. Nobody needs what it was doing.
const POD_GRACE: u32 = 1;
/// Requests at the same time.
const AT_ONCE: usize = 8;
/// Of what is left, so many are named.
const NAMED_MAX: usize = 5;

const PODS: &str = "pods";
const CLAIMS: &str = "persistentvolumeclaims";
/// Annotation: Helm's mark on what belongs to a release.
const RELEASE_NAME: &str = "meta.helm.sh/release-name";

/// An install that was not taken down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeDownError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("what an earlier attempt has installed in namespace {namespace} is still there after {} s: {left}", TAKE_DOWN.as_secs())]
    Stuck { namespace: String, left: String },
}

impl ActivityFailure for TakeDownError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::Stuck { left, .. } => Failure::temporary(
                "LeftoverStuck",
                explain(format!(
                    "An earlier attempt to install the chart did not complete, and what it left cannot be removed: {left}."
                )),
            ),
        }
    }
}

/// A kind of objects in one namespace, seen with the rights of Helm's account.
struct Kind {
    resource: ApiResource,
    objects: Api<DynamicObject>,
}

type Found = PartialObjectMeta<DynamicObject>;

/// Returns when nothing of the release is left. What is deleted is what is there at the beginning, by its
/// UID: should another attempt have begun meanwhile, what it makes is left alone.
pub(super) async fn take_down(
    cluster: &Cluster,
    login: &Login,
    namespace: &str,
    release: &str,
    progress: &Progress,
) -> Result<(), TakeDownError> {
    progress.report("removing what an earlier attempt has installed");
    let kinds = kinds(&login.client, namespace).await?;
    let found = find(kinds, namespace, release).await?;
    for (kind, objects) in &found {
        for object in objects {
            delete(cluster, kind, object, namespace).await?;
        }
    }
    let left = wait_until_gone(&found, namespace).await?;
    if !left.is_empty() {
        let named: Vec<_> = left.iter().take(NAMED_MAX).map(String::as_str).collect();
        return Err(TakeDownError::Stuck { namespace: namespace.to_owned(), left: named.join(", ") });
    }
    Ok(forget(login, namespace, release).await?)
}

/// All kinds that can be in a namespace and can be deleted.
async fn kinds(account: &Client, namespace: &str) -> Result<Vec<Kind>, ClusterError> {
    let discovery = Discovery::new(account.clone())
        .run_aggregated()
        .await
        .doing(|| "asking which kinds of objects there are".to_owned())?;
    let resources = discovery.groups().flat_map(ApiGroup::recommended_resources);
    let removable = resources.filter(|(_, can)| {
        can.scope == Scope::Namespaced
            && can.supports_operation(verbs::LIST)
            && can.supports_operation(verbs::DELETE)
    });
    Ok(removable
        .map(|(resource, _)| Kind {
            objects: Api::namespaced_with(account.clone(), namespace, &resource),
            resource,
        })
        .collect())
}

/// What is there of the release, by kind.
async fn find(
    kinds: Vec<Kind>,
    namespace: &str,
    release: &str,
) -> Result<Vec<(Kind, Vec<Found>)>, ClusterError> {
    stream::iter(kinds)
        .map(|kind| look(kind, namespace, release))
        .buffered(AT_ONCE)
        .try_filter(|(_, objects)| std::future::ready(!objects.is_empty()))
        .try_collect()
        .await
}

async fn look(kind: Kind, namespace: &str, release: &str) -> Result<(Kind, Vec<Found>), ClusterError> {
    let mut objects = list(&kind, namespace).await?;
    objects.retain(|object| is_of_release(&kind.resource, object, release));
    Ok((kind, objects))
}

/// Nothing, where Helm's account may not look: it can have made nothing there.
async fn list(kind: &Kind, namespace: &str) -> Result<Vec<Found>, ClusterError> {
    let plural = &kind.resource.plural;
    match kind.objects.list_metadata(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if matches!(status.code, 403..=405) => Ok(Vec::new()),
        Err(error) => Err(error).doing(|| format!("listing {plural} in namespace {namespace}")),
    }
}

fn is_of_release(kind: &ApiResource, object: &Found, release: &str) -> bool {
    let annotations = object.annotations();
    // A hook does not say of which release, and a preview's namespace has one.
    let is_marked =
        annotations.get(RELEASE_NAME).is_some_and(|name| name == release) || annotations.contains_key(HOOK);
    // Controllers make these for the release, without its marks; and in a
    // preview's namespace they are nobody else's.
    is_marked || is_core(kind, PODS) || is_core(kind, CLAIMS)
}

fn is_core(kind: &ApiResource, plural: &str) -> bool {
    kind.group.is_empty() && kind.plural == plural
}

/// With the rights of Helm's account, which can make no more than it can delete. Pods we stop
/// ourselves: it is not for charts to decide how long they take, and a chart from a
/// repository has no business with pods at all.
async fn delete(cluster: &Cluster, kind: &Kind, object: &Found, namespace: &str) -> Result<(), ClusterError> {
    let name = object.name_any();
    let exactly_this = Some(Preconditions { uid: object.uid(), resource_version: None });
    let params = DeleteParams { preconditions: exactly_this, ..DeleteParams::background() };
    let deleted = if is_core(&kind.resource, PODS) {
        let params = DeleteParams { grace_period_seconds: Some(POD_GRACE), ..params };
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        pods.delete(&name, &params).await.map(drop)
    } else {
        kind.objects.delete(&name, &params).await.map(drop)
    };
    match deleted {
        Ok(()) => Ok(()),
        // Gone, another one by now, or such that it goes with its owner only, which is deleted as well.
        Err(kube::Error::Api(status)) if matches!(status.code, 403..=405 | 409 | 422) => Ok(()),
        Err(error) => {
            let kind = &kind.resource.kind;
            Err(error).doing(|| format!("deleting {kind} {name} in namespace {namespace}"))
        }
    }
}

/// What is still there when the timeout is over.
async fn wait_until_gone(found: &[(Kind, Vec<Found>)], namespace: &str) -> Result<Vec<String>, ClusterError> {
    let end = Instant::now() + TAKE_DOWN;
    loop {
        let mut left = Vec::new();
        for (kind, objects) in found {
            let deleted: HashSet<_> = objects.iter().filter_map(ResourceExt::uid).collect();
            let there = list(kind, namespace).await?;
            let still = there
                .iter()
                .filter(|object| object.uid().is_some_and(|uid| deleted.contains(&uid)));
            left.extend(still.map(|object| format!("{} `{}`", kind.resource.kind, object.name_any())));
        }
        if left.is_empty() || Instant::now() >= end {
            return Ok(left);
        }
        sleep(PAUSE).await;
    }
}

/// Removes Helm's records of the release.
async fn forget(login: &Login, namespace: &str, release: &str) -> Result<(), ClusterError> {
    let secrets: Api<Secret> = Api::namespaced(login.client.clone(), namespace);
    let records = secrets
        .list_metadata(&ListParams::default().labels(&selector(release)))
        .await
        .doing(|| format!("looking for Helm's records in namespace {namespace}"))?;
    for record in records {
        let name = record.name_any();
        let state = record.labels().get("status").cloned().unwrap_or_default();
        let exactly_this = Preconditions {
            uid: record.uid(),
            resource_version: record.resource_version(),
        };
        let is_removed = delete_exactly(&secrets, &name, exactly_this, DeleteParams::default())
            .await
            .doing(|| format!("removing Helm's record {name} in namespace {namespace}"))?;
        if is_removed {
            tracing::info!(
                namespace,
                release,
                record = name,
                state,
                "took down an install that did not complete"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kube::core::GroupVersionKind;
    use serde_json::{Value, json};

    use super::*;

    fn is_removed(group: &str, kind: &str, annotations: &Value) -> bool {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let object: Found = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": kind, "metadata": { "name": "x", "annotations": annotations },
        }))
        .expect("an object");
        is_of_release(&resource, &object, "preview-pr-12")
    }

    #[test]
    fn what_helm_has_marked_goes_and_what_others_have_put_there_stays() {
        for (group, kind, annotations, goes) in [
            ("apps", "Deployment", json!({ "meta.helm.sh/release-name": "preview-pr-12" }), true),
            ("batch", "Job", json!({ "helm.sh/hook": "pre-install" }), true),
            ("", "Secret", json!({ "meta.helm.sh/release-name": "preview-pr-12" }), true),
            ("", "Pod", json!({}), true),
            ("", "PersistentVolumeClaim", json!(null), true),
            ("apps", "Deployment", json!({ "meta.helm.sh/release-name": "another" }), false),
            ("", "ConfigMap", json!({ "reflector.example.com/from": "kube-system/ca" }), false),
            ("", "Secret", json!(null), false),
            ("networking.k8s.io", "NetworkPolicy", json!(null), false),
            ("metrics.example.com", "Pod", json!(null), false),
        ] {
            assert_eq!(is_removed(group, kind, &annotations), goes, "{group} {kind}");
        }
    }
}
