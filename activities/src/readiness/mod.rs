//! When does a preview answer, and if it never will, what is the earliest and truest thing to say about it?

mod assess;
mod url;
mod watch;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{Api, ResourceExt, api::DeleteParams};
use tokio::time::{Instant, sleep_until};
use workflows::activities::{AwaitReady, Readiness};

use self::{
    assess::{Trouble, Verdict, assess, waits_for_image},
    url::Visitor,
    watch::Watch,
};
use crate::{
    Cluster,
    alive::Progress,
    cluster::{ClusterError, Doing},
    container_log::last_words,
    fault::{Explanation, Fault, explain},
    namespace::host_of,
};

/// From the install, or from the image's arrival, to all pods available. Pulling a large image belongs to it.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// The kubelet asks for a missing image less and less often, in the end every five minutes. A new pod starts from the beginning.
const ASK_AGAIN_FOR_IMAGE: Duration = Duration::from_secs(30);

/// How previews are looked at.
#[derive(Clone)]
pub struct ReadinessConfig {
    visitor: Visitor,
    image_patience: SignedDuration,
}

/// No HTTP client can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made: {0}. Is the `ca-certificates` package installed?")]
pub struct UnusableClient(#[from] reqwest::Error);

impl ReadinessConfig {
    /// With `ingress_address`, previews are looked for there, whatever the DNS says. An image that does not exist yet is waited for until
    /// `image_patience` is over.
    ///
    /// # Errors
    /// If this machine cannot make HTTP requests at all.
    pub fn new(
        ingress_address: Option<SocketAddr>,
        image_patience: SignedDuration,
    ) -> Result<Self, UnusableClient> {
        Ok(Self {
            visitor: Visitor::new(ingress_address)?,
            image_patience,
        })
    }
}

/// Why the preview does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadinessError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("namespace {name} is not the one the preview was installed into any more")]
    NamespaceLost { name: String },
    #[error("{explanation}")]
    Failed {
        kind: &'static str,
        explanation: Explanation,
    },
}

impl Fault for ReadinessError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(error) => error.kind(),
            Self::NamespaceLost { .. } => "NamespaceLost",
            Self::Failed { kind, .. } => kind,
        }
    }

    fn is_permanent(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_permanent(),
            Self::NamespaceLost { .. } | Self::Failed { .. } => true,
        }
    }

    fn explanation(&self) -> Explanation {
        match self {
            Self::Cluster(error) => error.explanation(),
            Self::NamespaceLost { .. } => {
                explain("The preview's namespace was removed while the preview was starting.")
            }
            Self::Failed { explanation, .. } => explanation.clone(),
        }
    }
}

/// Watches until the workloads are up, then asks the address. `asked_at` is when this was first wanted, earlier attempts included.
pub(crate) async fn await_ready(
    cluster: &Cluster,
    config: &ReadinessConfig,
    request: &AwaitReady,
    asked_at: Timestamp,
    progress: &Progress,
) -> Result<Readiness, ReadinessError> {
    let namespace = installed_in(cluster, request).await?;
    if let Some(image) = workloads_up(cluster, config, request, asked_at, progress).await? {
        return Ok(Readiness::ImageMissing { image });
    }
    let host = host_of(&namespace, cluster, &request.preview);
    let url = cluster.names.domain().url(&host);
    progress.report(format!("waiting until {url} answers"));
    match config
        .visitor
        .wait_for_answer(&url, &request.preview.commit)
        .await
    {
        Ok(()) => Ok(Readiness::Ready { url }),
        Err(seen) => Err(ReadinessError::Failed {
            kind: "UrlDoesNotAnswer",
            explanation: explain(format!(
                "The pods are running, but the preview cannot be reached: {seen}."
            )),
        }),
    }
}

/// The namespace that is meant, and no other one of its name.
async fn installed_in(
    cluster: &Cluster,
    request: &AwaitReady,
) -> Result<Namespace, ReadinessError> {
    let name = &request.namespace.name;
    let namespace = cluster
        .namespaces()
        .get_opt(name)
        .await
        .doing(|| format!("reading namespace {name}"))?;
    namespace
        .filter(|namespace| namespace.uid().as_ref() == Some(&request.namespace.uid))
        .ok_or_else(|| ReadinessError::NamespaceLost { name: name.clone() })
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
    let mut waiting_since = Instant::now();
    let image_deadline = waiting_since + remaining(config.image_patience, asked_at);
    let mut doubt: Option<(Trouble, Instant)> = None;
    let mut image_asked_for: Option<Instant> = None;
    let mut last_wait = "the cluster has not said anything yet".to_owned();
    loop {
        let deadline = match (&doubt, image_asked_for) {
            (Some((_, until)), _) => *until,
            (None, Some(asked)) => image_deadline.min(asked + ASK_AGAIN_FOR_IMAGE),
            (None, None) => waiting_since + START_PATIENCE,
        };
        tokio::select! {
            changed = watch.changed() => changed?,
            () = sleep_until(deadline) => {}
        }
        let now = Instant::now();
        match assess(&watch.observed()) {
            Verdict::Ready => return Ok(None),
            Verdict::Failed(trouble) => return Err(failed(cluster, name, trouble).await),
            Verdict::ImageMissing { image, message } => {
                if !request.wait_for_image {
                    return Ok(Some(image));
                }
                if now >= image_deadline {
                    return Err(image_not_found(&image, &message));
                }
                progress.report(format!("waiting for image {image}"));
                if image_asked_for.is_none_or(|asked| now >= asked + ASK_AGAIN_FOR_IMAGE) {
                    if image_asked_for.is_some() {
                        start_over(cluster, name, &watch.observed().pods).await?;
                    }
                    image_asked_for = Some(now);
                }
                // The time to start counts from the image's arrival.
                waiting_since = now;
                doubt = None;
            }
            Verdict::Doubt { trouble, patience } => {
                progress.report(&*trouble.summary);
                image_asked_for = None;
                match &doubt {
                    Some((same, until)) if same.kind == trouble.kind => {
                        if now >= *until {
                            return Err(failed(cluster, name, trouble).await);
                        }
                    }
                    _ => doubt = Some((trouble, now + patience)),
                }
            }
            Verdict::Wait { for_what } => {
                progress.report(&*for_what);
                doubt = None;
                image_asked_for = None;
                last_wait = for_what;
            }
        }
        if now >= waiting_since + START_PATIENCE {
            return Err(not_in_time(&watch, &last_wait));
        }
    }
}

/// What is left of a patience that began at an earlier attempt.
fn remaining(patience: SignedDuration, since: Timestamp) -> Duration {
    let left = patience.saturating_sub(since.duration_until(Timestamp::now()));
    left.max(SignedDuration::ZERO).unsigned_abs()
}

/// Deletes the pods that wait for their image, so that the kubelet asks for it again at once.
async fn start_over(
    cluster: &Cluster,
    namespace: &str,
    all: &[Arc<Pod>],
) -> Result<(), ClusterError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    for pod in all.iter().filter(|pod| waits_for_image(pod)) {
        let name = pod.name_any();
        match pods.delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                return Err(error)
                    .doing(|| format!("restarting pod {name} in namespace {namespace}"));
            }
        }
    }
    Ok(())
}

async fn failed(cluster: &Cluster, namespace: &str, trouble: Trouble) -> ReadinessError {
    let log = match &trouble.log {
        Some(log) => last_words(&cluster.client, namespace, log).await,
        None => None,
    };
    ReadinessError::Failed {
        kind: trouble.kind,
        explanation: explain(trouble.summary).with_log(log),
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

fn not_in_time(watch: &Watch, last_wait: &str) -> ReadinessError {
    let observed = watch.observed();
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
            START_PATIENCE.as_secs() / 60
        )),
    }
}
