//! The cluster that the worker acts in, and the errors of calls to it.

use std::{fmt::Debug, time::Duration};

use domain::{Names, NamespaceHandle};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::{wait, watcher},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    api_server::ApiServer,
    failure::{ActivityFailure, Failure, explain, with_causes},
    instance::Instance,
    redact::Redacted,
};

/// Under this name the API server remembers which fields are ours.
pub(crate) const FIELD_MANAGER: &str = "preview-worker";
/// What was written counts for the whole API server (rights, labels, policies) within
/// milliseconds. What takes longer will not come.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// Between two questions whether it counts.
const PAUSE: Duration = Duration::from_millis(50);

/// The cluster that previews live in, and the service instance on whose behalf we touch it.
#[derive(Clone)]
pub struct Cluster {
    /// The connection, with our credentials.
    pub client: Client,
    /// The way for others, with theirs.
    pub api_server: ApiServer,
    /// Whose namespaces we make, and the only ones we remove.
    pub instance: Instance,
    /// What is made there is called so.
    pub names: Names,
}

impl Cluster {
    pub(crate) fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// Whatever there is of this name.
    pub(crate) async fn namespace(&self, name: &str) -> Result<Option<Namespace>, ClusterError> {
        self.namespaces()
            .get_opt(name)
            .await
            .doing(|| format!("reading namespace {name}"))
    }

    /// The namespace that is meant, and no other one of its name.
    pub(crate) async fn find_namespace(
        &self,
        handle: &NamespaceHandle,
    ) -> Result<Option<Namespace>, ClusterError> {
        let found = self.namespace(&handle.name).await?;
        Ok(found.filter(|namespace| namespace.uid().as_ref() == Some(&handle.uid)))
    }

    /// Writes annotations on a namespace; null removes one. Conflicts if anything about the namespace has
    /// changed since it was read.
    pub(crate) async fn annotate(
        &self,
        read: &Namespace,
        annotations: &Value,
    ) -> Result<Namespace, kube::Error> {
        let patch = json!({ "metadata": {
            "uid": read.uid(),
            "resourceVersion": read.resource_version(),
            "annotations": annotations,
        }});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.namespaces().patch(&read.name_any(), &params, &Patch::Merge(patch)).await
    }
}

/// Says what shall be true of an object that is ours; making it if need be. The same again changes nothing.
pub(crate) async fn apply<K>(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    mut manifest: Value,
) -> Result<(), ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    manifest["apiVersion"] = json!(K::api_version(&()));
    manifest["kind"] = json!(K::kind(&()));
    manifest["metadata"] = json!({ "name": name, "labels": cluster.instance.labels() });
    let objects: Api<K> = Api::namespaced(cluster.client.clone(), namespace);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    objects
        .patch(name, &params, &Patch::Apply(manifest))
        .await
        .doing(|| format!("applying {} {name} in namespace {namespace}", K::kind(&())))?;
    Ok(())
}

/// Deletes exactly this object. False if it is gone, or another one has its name by now.
pub(crate) async fn delete_exactly<K>(
    objects: &Api<K>,
    name: &str,
    preconditions: Preconditions,
    params: DeleteParams,
) -> Result<bool, kube::Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    let params = DeleteParams { preconditions: Some(preconditions), ..params };
    let deleted = unless_changed(objects.delete(name, &params).await);
    deleted.transpose().map(|deleted| deleted.is_some())
}

/// `None` if somebody else changed, made or removed the object first.
pub(crate) fn unless_changed<T>(result: Result<T, kube::Error>) -> Option<Result<T, kube::Error>> {
    match result {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => None,
        other => Some(other),
    }
}

/// Asks until the answer is yes, for as long as what was just written may need to count.
pub(crate) async fn until_in_force<Asked>(question: impl Fn() -> Asked) -> Result<bool, ClusterError>
where
    Asked: Future<Output = Result<bool, ClusterError>>,
{
    let end = Instant::now() + SETTLED_AFTER;
    loop {
        if question().await? {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        sleep(PAUSE).await;
    }
}

/// A call to the API server that did not do what it was meant to do.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {}", Redacted::of(&describe(.source)))]
pub struct ClusterError {
    doing: String,
    source: Box<kube::Error>,
}

impl ClusterError {
    /// The HTTP status, if the API server answered at all.
    pub(crate) fn code(&self) -> Option<u16> {
        match &*self.source {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        }
    }
}

impl ClusterError {
    /// The API server would have done it, but a webhook or a policy of the cluster did not let it.
    pub(crate) fn is_denied_by_admission(&self) -> bool {
        match &*self.source {
            kube::Error::Api(status) => status.message.contains("denied the request"),
            _ => false,
        }
    }
}

impl ActivityFailure for ClusterError {
    fn failure(&self) -> Failure {
        let doing = &self.doing;
        match self.code() {
            Some(403) => Failure::permanent(
                "ClusterForbids",
                explain(format!(
                    "The preview service has no rights in the cluster for: {doing}. Contact its operators."
                )),
            ),
            Some(400 | 422) => Failure::permanent(
                "ClusterRejects",
                explain(format!(
                    "The cluster rejected a request of the preview service: {doing}. Contact its operators."
                )),
            ),
            // 401 is among them: tokens are rotated under us, and the next attempt reads the new one.
            _ => Failure::temporary(
                "ClusterUnavailable",
                explain(format!("The cluster did not answer as it should: {doing}. Try again later.")),
            ),
        }
    }
}

/// For `api.get(..).await.doing(|| format!("reading namespace {name}"))`.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ClusterError>;
}

impl<T> Doing<T> for Result<T, kube::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ClusterError> {
        self.map_err(|error| ClusterError { doing: what(), source: Box::new(error) })
    }
}

impl<T> Doing<T> for Result<T, watcher::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ClusterError> {
        self.map_err(|error| match error {
            watcher::Error::InitialListFailed(cause)
            | watcher::Error::WatchStartFailed(cause)
            | watcher::Error::WatchFailed(cause) => cause,
            watcher::Error::WatchError(status) => kube::Error::Api(status),
            watcher::Error::NoResourceVersion => kube::Error::Service(error.into()),
        })
        .doing(what)
    }
}

impl<T> Doing<T> for Result<T, wait::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ClusterError> {
        self.map_err(|wait::Error::ProbeFailed(error)| error).doing(what)
    }
}

/// kube's own display prints an API error twice, once as its `Debug`.
fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => {
            format!("{} ({} {})", status.message, status.code, status.reason)
        }
        other => with_causes(other),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn failed_with(code: u16) -> ClusterError {
        let status = Status::failure("exceeded quota: preview", "Forbidden").with_code(code);
        Err::<(), _>(kube::Error::Api(Box::new(status)))
            .doing(|| "creating namespace preview-x".to_owned())
            .expect_err("an error")
    }

    #[test]
    fn only_what_time_heals_is_retried() {
        for (code, permanent) in [
            (400, true),
            (401, false),
            (403, true),
            (404, false),
            (409, false),
            (422, true),
            (429, false),
            (500, false),
            (503, false),
        ] {
            assert_eq!(failed_with(code).failure().is_permanent, permanent, "{code}");
        }
    }

    #[test]
    fn what_admission_denies_is_told_from_what_there_is_no_right_to() {
        let denied = |message: &str| {
            let status = Status::failure(message, "BadRequest").with_code(400);
            let error = Err::<(), _>(kube::Error::Api(Box::new(status)));
            error
                .doing(|| "applying Ingress x".to_owned())
                .expect_err("an error")
                .is_denied_by_admission()
        };
        assert!(denied(
            "admission webhook \"validate.nginx.ingress.kubernetes.io\" denied the request: host \"a.example.com\" and path \"/\" is already defined in ingress x/y"
        ));
        assert!(!denied("ingresses is forbidden: User \"x\" cannot patch resource \"ingresses\""));
    }

    #[test]
    fn the_operator_reads_the_api_servers_words_once() {
        assert_eq!(
            failed_with(403).to_string(),
            "creating namespace preview-x failed: exceeded quota: preview (403 Forbidden)"
        );
    }

    #[test]
    fn what_the_api_server_repeats_of_a_manifest_is_redacted() {
        let message = "Invalid value: {name: DB_PASS, value: hunter2}";
        let status = Status::failure(message, "Invalid").with_code(422);
        let error = Err::<(), _>(kube::Error::Api(Box::new(status)))
            .doing(|| "creating pod x".to_owned())
            .expect_err("an error");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
