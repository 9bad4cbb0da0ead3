//! The service account that Helm logs in as, in a preview's namespace.
//!
//! The account has rights there and nowhere else. So no chart reaches another namespace or the cluster
//! itself, neither when it is installed nor when it is uninstalled by what its release's record says, which
//! whoever may write Secrets in the namespace can forge.
//!
//! The worker asks for a token of it whenever it needs one, for one piece of work. None is kept in the
//! cluster, no pod may have one, and all of them end with the account, which ends with its namespace.

use std::time::Duration;

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    authorization::v1::{LocalSubjectAccessReview, ResourceAttributes, SubjectAccessReviewSpec},
    core::v1::ServiceAccount,
    rbac::v1::RoleBinding,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::try_join;

use crate::{
    Cluster,
    cluster::{ClusterError, Doing, apply, until_in_force},
};

/// The account's name, in every namespace. What lets the worker have tokens of just
/// this one, and keeps it from pods, names it.
const ACCOUNT: &str = "preview-release";
/// How long a token counts: the shortest time that an API server takes. No piece of work is longer, and the
/// policy preview-worker admits no more.
const TOKEN: Duration = Duration::from_secs(600);

/// The account of a namespace, logged in: for one piece of work.
pub(crate) struct Login {
    /// The cluster, with the account's rights.
    pub(crate) client: Client,
    /// The same for another program.
    pub(crate) kubeconfig: SecretString,
}

/// Logs in as the account of this namespace, which is made if it is missing: earlier versions did without it.
pub(crate) async fn log_in(cluster: &Cluster, namespace: &str) -> Result<Login, ClusterError> {
    let token = match request_token(cluster, namespace).await {
        Err(error) if error.code() == Some(404) => {
            make(cluster, namespace).await?;
            request_token(cluster, namespace).await
        }
        answer => answer,
    }?;
    let kubeconfig = cluster.api_server.kubeconfig(&token, namespace).await;
    Ok(Login {
        client: cluster.api_server.logged_in(&token),
        kubeconfig: kubeconfig
            .map_err(|error| kube::Error::Service(error.into()))
            .doing(|| "reading the certificate authority of the API server".to_owned())?,
    })
}

async fn request_token(cluster: &Cluster, namespace: &str) -> Result<SecretString, ClusterError> {
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), namespace);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            expiration_seconds: i64::try_from(TOKEN.as_secs()).ok(),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(ACCOUNT, &PostParams::default(), &request)
        .await
        .doing(|| format!("getting a token of service account {ACCOUNT} in namespace {namespace}"))?;
    let token = answer.status.and_then(|status| status.token);
    Ok(token.unwrap_or_default().into())
}

/// Makes the account, gives it its rights, and waits until they count.
pub(super) async fn set_up(cluster: &Cluster, role: &str, namespace: &str) -> Result<(), ClusterError> {
    try_join!(
        make(cluster, namespace),
        apply::<RoleBinding>(cluster, namespace, ACCOUNT, binding(role, namespace)),
    )?;
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

async fn make(cluster: &Cluster, namespace: &str) -> Result<(), ClusterError> {
    apply::<ServiceAccount>(cluster, namespace, ACCOUNT, without_token()).await
}

/// A service account whose pods get no token unless they ask for one.
pub(super) fn without_token() -> Value {
    json!({ "automountServiceAccountToken": false })
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
            user: Some(format!("system:serviceaccount:{namespace}:{ACCOUNT}")),
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

#[cfg(test)]
mod tests {
    use workflows::contract::timeouts::{HELM_GRACE, HELM_PLACE, HELM_UNINSTALL, INSTALL_RELEASE};

    use super::*;

    #[test]
    fn a_token_counts_for_longer_than_any_work_and_no_longer_than_is_admitted() {
        assert!(INSTALL_RELEASE < TOKEN);
        assert!(HELM_PLACE + HELM_UNINSTALL + HELM_GRACE < TOKEN);
        let policy = include_str!("../../../charts/preview-cluster/templates/worker-policy.yaml");
        let admitted =
            format!("request.name == '{ACCOUNT}' && object.spec.expirationSeconds <= {}", TOKEN.as_secs());
        assert!(policy.contains(&admitted), "{admitted}");
    }
}
