//! Waits until a preview answers; if it never will, says so as early and as exactly as possible.

mod assess;
mod expose;
mod ingress_address;
mod url;
mod waiting;
mod watch;

use std::time::Duration;

use domain::{
    PreviewId, Ttl,
    preview::{Answering, MissingImage, Probe, ReadinessSettings},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use tokio::time::{Instant, sleep_until};
use workflows::contract::{
    AwaitReady, Readiness,
    timeouts::{STABLE_URL_ANSWERS, URL_ANSWERS, WORKLOADS_UP},
};

pub use self::ingress_address::{IngressAddress, InvalidIngressAddress};
use self::{
    assess::{Observed, assess, can_pull_again},
    expose::{expose, has_ingress},
    url::{Target, UrlProbe},
    waiting::{Cause, Next, Waiting},
    watch::Watch,
};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
    container_log::last_log_lines,
    failure::{ActivityFailure, Explanation, Failure, explain},
    heartbeat::Progress,
    image_pull::{ImageNotPulled, image_missing},
    namespace::{NamespaceLost, host_of},
};

/// How previews are looked at.
#[derive(Clone)]
pub struct ReadinessConfig {
    url_probe: UrlProbe,
    ingress_class: Option<String>,
    image_timeout: SignedDuration,
    timeout_max: Duration,
}

/// No HTTP client can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made: {0}. Is the `ca-certificates` package installed?")]
pub struct UnusableClient(#[from] reqwest::Error);

impl ReadinessConfig {
    /// With `ingress_address`, previews are looked for there, whatever the DNS says. Ingresses of ours are of
    /// `ingress_class`; unset: of the cluster's default one. An image that does not exist yet is waited for
    /// until `image_timeout` is over, and no repository's workloads for longer than `timeout_max`.
    ///
    /// # Errors
    /// If this machine cannot make HTTP requests at all.
    pub fn new(
        ingress_address: Option<IngressAddress>,
        ingress_class: Option<String>,
        image_timeout: SignedDuration,
        timeout_max: Ttl,
    ) -> Result<Self, UnusableClient> {
        Ok(Self {
            url_probe: UrlProbe::new(ingress_address)?,
            ingress_class,
            image_timeout,
            timeout_max: timeout_max.as_duration(),
        })
    }

    /// How a preview that answers at its own address answers at its pull request's; otherwise, what was seen
    /// there instead.
    pub(crate) async fn ask_stable_url(
        &self,
        cluster: &Cluster,
        preview: &PreviewId,
        probe: &Probe,
    ) -> Result<Answering, String> {
        let (domain, host) = (cluster.names.domain(), cluster.names.stable_host(preview));
        let target = Target { domain, host: &host, commit: &preview.commit, probe };
        let note = self.url_probe.wait_for_any_answer(target, STABLE_URL_ANSWERS).await?;
        Ok(Answering { url: domain.url(&host), note })
    }

    /// How long workloads may take to come up. Checked again, though the repository's configuration was:
    /// previews are also started by hand, and the service's settings change.
    fn patience(&self, settings: &ReadinessSettings) -> Duration {
        settings.timeout.map_or(WORKLOADS_UP, Ttl::as_duration).min(self.timeout_max)
    }
}

/// Why the preview does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadinessError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    NamespaceLost(#[from] NamespaceLost),
    #[error(transparent)]
    ImageNotPulled(#[from] ImageNotPulled),
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
            Self::ImageNotPulled(error) => error.failure(),
            Self::Failed { kind, explanation } => Failure::permanent(kind, explanation.clone()),
        }
    }
}

/// Watches until the workloads are up, then asks the address.
pub(crate) async fn await_ready(
    cluster: &Cluster,
    config: &ReadinessConfig,
    request: &AwaitReady,
    progress: &Progress,
) -> Result<Readiness, ReadinessError> {
    let found = cluster.find_namespace(&request.namespace).await?;
    let namespace = found.ok_or_else(|| NamespaceLost::of(&request.preview))?;
    let (name, host) = (&request.namespace.name, host_of(&namespace, cluster, &request.preview));
    if let Some(wanted) = &request.expose {
        let release = request.preview.release();
        expose(cluster, config.ingress_class.as_deref(), name, &host, &release, wanted).await?;
    }
    let idle = match workloads_up(cluster, config, request, progress).await? {
        Up::All { idle } => idle,
        Up::WithoutImage(missing) => return Ok(Readiness::ImageMissing(missing)),
    };
    let domain = cluster.names.domain();
    let url = domain.url(&host);
    progress.report(format!("waiting until {url} answers"));
    let target = Target {
        domain,
        host: &host,
        commit: &request.preview.commit,
        probe: &request.readiness.probe,
    };
    match config.url_probe.wait_for_answer(target, URL_ANSWERS).await {
        Ok(note) => Ok(Readiness::Ready { url, note }),
        Err(seen) => {
            let leads_here =
                request.expose.is_some() || has_ingress(cluster, name, &host).await.unwrap_or(true);
            Err(unreachable_address(&seen, &idle, (!leads_here).then_some(&host)))
        }
    }
}

/// How the wait for the workloads ended.
enum Up {
    /// Everything is up, but for what wants no pods.
    All { idle: Vec<String> },
    /// An image is missing.
    WithoutImage(MissingImage),
}

async fn workloads_up(
    cluster: &Cluster,
    config: &ReadinessConfig,
    request: &AwaitReady,
    progress: &Progress,
) -> Result<Up, ReadinessError> {
    let name = &request.namespace.name;
    if request.image_missing_since.is_some() {
        pull_again(cluster, name).await?;
    }
    let mut watch = Watch::start(cluster, name);
    let patience = config.patience(&request.readiness);
    let mut waiting = Waiting::new(Instant::now(), patience);
    loop {
        tokio::select! {
            changed = watch.changed() => changed?,
            () = sleep_until(waiting.deadline()) => {}
        }
        let observed = watch.observed();
        match waiting.step(Instant::now(), assess(&observed, Timestamp::now())) {
            Next::Ready => return Ok(Up::All { idle: observed.idle() }),
            Next::ImageMissing { image, message } => {
                let since = request.image_missing_since;
                return Ok(Up::WithoutImage(image_missing(image, message, since, config.image_timeout)?));
            }
            Next::Wait { doing } => progress.report(doing),
            Next::Fail(cause) => return Err(failed(cluster, name, &observed, patience, cause).await),
        }
    }
}

/// Deletes the pods that wait for an image: the kubelet asks for it less and less often, in the end
/// every five minutes, and for a new pod at once.
async fn pull_again(cluster: &Cluster, namespace: &str) -> Result<(), ClusterError> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let all = pods
        .list(&ListParams::default())
        .await
        .doing(|| format!("listing the pods in namespace {namespace}"))?;
    for pod in all.iter().filter(|pod| can_pull_again(pod)) {
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

async fn failed(
    cluster: &Cluster,
    namespace: &str,
    observed: &Observed,
    patience: Duration,
    cause: Cause,
) -> ReadinessError {
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
        Cause::TooSlow { last_wait } => not_in_time(observed, patience, &last_wait),
    }
}

fn not_in_time(observed: &Observed, patience: Duration, last_wait: &str) -> ReadinessError {
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
            "Not everything was up within {}: {last_wait}.{hint}",
            in_words(patience)
        )),
    }
}

fn in_words(time: Duration) -> String {
    match (time.as_secs() / 60, time.as_secs() % 60) {
        (1, 0) => "1 minute".to_owned(),
        (minutes, 0) => format!("{minutes} minutes"),
        (_, _) => format!("{} seconds", time.as_secs()),
    }
}

/// Nobody answers, though all is up; perhaps because of what wants no pods, or because nothing leads there.
fn unreachable_address(seen: &str, idle: &[String], without_ingress: Option<&String>) -> ReadinessError {
    let mut told = format!("The pods are running, but the preview cannot be reached: {seen}.");
    if !idle.is_empty() {
        told.push_str(&format!(" Scaled to zero: {}.", idle.join(", ")));
    }
    if let Some(host) = without_ingress {
        told.push_str(&format!(
            " The chart makes no Ingress for `{host}`; `expose` in `.preview.yaml` can name the Service to lead there."
        ));
    }
    ReadinessError::Failed { kind: "UrlDoesNotAnswer", explanation: explain(told) }
}
