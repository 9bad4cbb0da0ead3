//! Waits until a preview answers; if it never will, says so as early and as exactly as possible.

mod assess;
mod url;
mod waiting;
mod watch;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::DeleteParams};
use tokio::time::{Instant, sleep_until};
use workflows::contract::{AwaitReady, Readiness, timeouts::WORKLOADS_UP};

use self::{
    assess::{Observed, assess, waits_for_image},
    url::UrlProbe,
    waiting::{Cause, Next, Waiting},
    watch::Watch,
};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
    container_log::last_log_lines,
    failure::{ActivityFailure, Explanation, Failure, explain},
    heartbeat::Progress,
    namespace::{NamespaceLost, host_of},
};

/// How previews are looked at.
#[derive(Clone)]
pub struct ReadinessConfig {
    url_probe: UrlProbe,
    image_timeout: SignedDuration,
}

/// No HTTP client can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made: {0}. Is the `ca-certificates` package installed?")]
pub struct UnusableClient(#[from] reqwest::Error);

impl ReadinessConfig {
    /// With `ingress_address`, previews are looked for there, whatever the DNS says. An image that does not
    /// exist yet is waited for until `image_timeout` is over.
    ///
    /// # Errors
    /// If this machine cannot make HTTP requests at all.
    pub fn new(
        ingress_address: Option<SocketAddr>,
        image_timeout: SignedDuration,
    ) -> Result<Self, UnusableClient> {
        Ok(Self { url_probe: UrlProbe::new(ingress_address)?, image_timeout })
    }
}

/// Why the preview does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadinessError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    NamespaceLost(#[from] NamespaceLost),
    #[error("{explanation}")]
    Failed {
        kind: &'static str,
        explanation: Explanation,
    },
}

impl ActivityFailure for ReadinessError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::NamespaceLost(error) => error.failure(),
            Self::Failed { kind, explanation } => Failure::permanent(kind, explanation.clone()),
        }
    }
}

/// Watches until the workloads are up, then asks the address. `asked_at` is when this was
/// first wanted, earlier attempts included.
pub(crate) async fn await_ready(
    cluster: &Cluster,
    config: &ReadinessConfig,
    request: &AwaitReady,
    asked_at: Timestamp,
    progress: &Progress,
) -> Result<Readiness, ReadinessError> {
    let found = cluster.find_namespace(&request.namespace).await?;
    let namespace = found.ok_or_else(|| NamespaceLost::of(&request.preview))?;
    if let Some(image) = workloads_up(cluster, config, request, asked_at, progress).await? {
        return Ok(Readiness::ImageMissing { image });
    }
    let host = host_of(&namespace, cluster, &request.preview);
    let url = cluster.names.domain().url(&host);
    progress.report(format!("waiting until {url} answers"));
    match config.url_probe.wait_for_answer(&url, &request.preview.commit).await {
        Ok(()) => Ok(Readiness::Ready { url }),
        Err(seen) => Err(ReadinessError::Failed {
            kind: "UrlDoesNotAnswer",
            explanation: explain(format!("The pods are running, but the preview cannot be reached: {seen}.")),
        }),
    }
}

/// Nothing when everything is up, or the image that is missing, if that is not to be waited for.
async fn workloads_up(
    cluster: &Cluster,
    config: &ReadinessConfig,
    request: &AwaitReady,
    asked_at: Timestamp,
    progress: &Progress,
) -> Result<Option<String>, ReadinessError> {
    let name = &request.namespace.name;
    let mut watch = Watch::start(cluster, name);
    let start = Instant::now();
    let image_deadline = start + remaining(config.image_timeout, asked_at);
    let mut waiting = Waiting::new(start, request.wait_for_image.then_some(image_deadline));
    loop {
        tokio::select! {
            changed = watch.changed() => changed?,
            () = sleep_until(waiting.deadline()) => {}
        }
        match waiting.step(Instant::now(), assess(&watch.observed())) {
            Next::Ready => return Ok(None),
            Next::ImageMissing { image } => return Ok(Some(image)),
            Next::Wait { doing } => progress.report(doing),
            Next::AskForImage { doing } => {
                progress.report(doing);
                start_over(cluster, name, &watch.observed().pods).await?;
            }
            Next::Fail(cause) => return Err(failed(cluster, name, &watch.observed(), cause).await),
        }
    }
}

/// What is left of a timeout that began at an earlier attempt.
fn remaining(timeout: SignedDuration, since: Timestamp) -> Duration {
    let left = timeout.saturating_sub(since.duration_until(Timestamp::now()));
    left.max(SignedDuration::ZERO).unsigned_abs()
}

/// Deletes the pods that wait for their image, so that the kubelet asks for it again at once.
async fn start_over(cluster: &Cluster, namespace: &str, all: &[Arc<Pod>]) -> Result<(), ClusterError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    for pod in all.iter().filter(|pod| waits_for_image(pod)) {
        let name = pod.name_any();
        match pods.delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                return Err(error).doing(|| format!("restarting pod {name} in namespace {namespace}"));
            }
        }
    }
    Ok(())
}

async fn failed(cluster: &Cluster, namespace: &str, observed: &Observed, cause: Cause) -> ReadinessError {
    match cause {
        Cause::Trouble(trouble) => {
            let log = match &trouble.log {
                Some(log) => last_log_lines(&cluster.client, namespace, log).await,
                None => None,
            };
            ReadinessError::Failed {
                kind: trouble.kind,
                explanation: explain(trouble.summary).with_log(log),
            }
        }
        Cause::ImageNotFound { image, message } => image_not_found(&image, &message),
        Cause::TooSlow { last_wait } => not_in_time(observed, &last_wait),
    }
}

fn image_not_found(image: &str, message: &str) -> ReadinessError {
    let because = if message.is_empty() {
        String::new()
    } else {
        format!(" The node says: {message}")
    };
    ReadinessError::Failed {
        kind: "ImageNotFound",
        explanation: explain(format!(
            "The image `{image}` did not appear in time. Has the build of this commit failed?{because}"
        )),
    }
}

fn not_in_time(observed: &Observed, last_wait: &str) -> ReadinessError {
    let newest = observed
        .warnings
        .iter()
        .max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    let warning = newest.and_then(|event| event.message.as_deref());
    let hint = warning
        .map(|message| format!(" The cluster's last warning: {message}"))
        .unwrap_or_default();
    ReadinessError::Failed {
        kind: "NotReadyInTime",
        explanation: explain(format!(
            "Not everything was up within {} minutes: {last_wait}.{hint}",
            WORKLOADS_UP.as_secs() / 60
        )),
    }
}
