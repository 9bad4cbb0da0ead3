//! The service account that Helm acts as in a preview's namespace.
//!
//! The account has rights there and nowhere else. So no chart reaches another namespace or the cluster
//! itself, neither when it is installed nor when it is uninstalled by what its release's record says, which
//! whoever may write Secrets in the namespace can forge.
//!
//! The account is a service account by its name only: the worker impersonates it. No such object is made, so
//! nothing has to be guarded that could log in with it.

use k8s_openapi::api::{
    authorization::v1::{LocalSubjectAccessReview, ResourceAttributes, SubjectAccessReviewSpec},
    rbac::v1::RoleBinding,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use serde_json::{Value, json};

use crate::{
    Cluster,
    cluster::{ClusterError, Doing, apply, until_in_force},
};

/// The account's name, in every namespace. A cluster role that lets the worker
/// impersonate just this one names it.
const ACCOUNT: &str = "preview-release";

/// The name that the API server knows the account of this namespace by.
pub(crate) fn release_account(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:{ACCOUNT}")
}

/// The cluster, with the rights of the account of this namespace.
pub(crate) fn as_release_account(cluster: &Cluster, namespace: &str) -> Client {
    cluster.in_the_name_of(&release_account(namespace))
}

/// Gives the account its rights, and waits until they count.
pub(super) async fn set_up(cluster: &Cluster, role: &str, namespace: &str) -> Result<(), ClusterError> {
    apply::<RoleBinding>(cluster, namespace, ACCOUNT, binding(role, namespace)).await?;
    if !until_in_force(|| may_list_secrets(cluster, namespace)).await? {
        // Helm's failure says it to the requester.
        tracing::warn!(
            namespace,
            role,
            "Helm has no rights in the namespace; is there such a cluster role, and does it allow listing Secrets?"
        );
    }
    Ok(())
}

pub(super) fn binding(role: &str, namespace: &str) -> Value {
    json!({
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace }],
    })
}

/// May the account do the first thing that Helm does?
async fn may_list_secrets(cluster: &Cluster, namespace: &str) -> Result<bool, ClusterError> {
    let reviews: Api<LocalSubjectAccessReview> = Api::namespaced(cluster.client.clone(), namespace);
    let question = LocalSubjectAccessReview {
        metadata: ObjectMeta {
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        spec: SubjectAccessReviewSpec {
            user: Some(release_account(namespace)),
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                verb: Some("list".to_owned()),
                resource: Some("secrets".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        status: None,
    };
    let answer = reviews
        .create(&PostParams::default(), &question)
        .await
        .doing(|| format!("asking what Helm may do in namespace {namespace}"))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
