//! Installs the chart for one commit.
//!
//! Every install is a first install. One that did not complete is taken down before it is tried
//! again; one that stands is left as it is.

mod chart;
mod chart_folder;
mod chart_yaml;
mod confinement;
mod helm;
mod helm_error;
mod hooks;
mod image;
mod placeholder;
mod release_state;
mod repository_chart;
mod take_down;
mod values;

use std::{ffi::OsString, fmt, io, sync::Arc};

use domain::{NamespaceHandle, PreviewId, RunIdentity, preview::MissingImage};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Namespace;
use tokio::time::Instant;
use workflows::contract::{
    InstallRelease,
    timeouts::{HELM_INSTALL, HELM_UNINSTALL},
};

use self::{
    chart::ChartRefused,
    chart_folder::{ChartFolder, NoValuesFile, option},
    chart_yaml::ChartYaml,
    helm::{HelmError, Invocation, Purpose},
    helm_error::{Blamed, HOOK_FAILED, blame},
    hooks::{Hooks, Stuck},
    image::ImageRefused,
    release_state::{Origin, ReleaseState},
    repository_chart::FetchError,
    take_down::{TakeDownError, take_down},
    values::{Facts, lay_over},
};
use crate::{
    Cluster,
    cluster::{ClusterError, Doing, unless_changed},
    failure::{ActivityFailure, Explanation, Failure, explain},
    heartbeat::Progress,
    image_pull::{ImageNotPulled, image_missing},
    namespace::{NamespaceLost, NotInForce, assert_policies_in_force, find_held, host_of, log_in},
    ownership::{awaits_release, note_of_release},
    repository_config::FILE,
};

pub use chart::{ChartPrefix, Charts, InvalidChartPrefix};
pub use confinement::look_at_confinement;
pub use helm::Helm;
pub use image::{ImagePrefix, ImageTemplate, Images, InvalidImagePrefix, InvalidImageTemplate};
pub use repository_chart::RepositoryCharts;
pub(crate) use values::{Taken, check_images, taken};

/// Annotation: Helm's mark on a hook.
pub(crate) const HOOK: &str = "helm.sh/hook";

/// What a preview is installed from.
#[derive(Clone, Debug)]
pub struct ReleaseConfig {
    /// The program.
    pub helm: Helm,
    /// The charts that may be installed.
    pub charts: Charts,
    /// Where the image of a commit may be found.
    pub images: Images,
    /// The class of the ingress controller; unset: the cluster's default.
    pub ingress_class: Option<String>,
    /// How long hooks wait for an image that does not exist yet.
    pub image_timeout: SignedDuration,
}

/// Why the chart is not installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    NamespaceLost(#[from] NamespaceLost),
    #[error(transparent)]
    Chart(#[from] ChartRefused),
    #[error(transparent)]
    NotInForce(#[from] NotInForce),
    #[error(transparent)]
    Fetch(#[from] Arc<FetchError>),
    #[error(transparent)]
    Image(#[from] ImageRefused),
    #[error(transparent)]
    TakeDown(#[from] TakeDownError),
    #[error("the chart cannot be unpacked: {0}")]
    Unpack(#[from] io::Error),
    #[error(transparent)]
    Taken(#[from] Taken),
    #[error(transparent)]
    NoValuesFile(#[from] NoValuesFile),
    #[error("the chart cannot be fetched: {0}")]
    Pull(HelmError),
    #[error(transparent)]
    Helm(#[from] HelmError),
    #[error("{helm}")]
    Rejected {
        /// What the repository has written that is at fault.
        blamed: Vec<Blamed>,
        helm: HelmError,
    },
    #[error("{explanation} {helm}")]
    Hook {
        explanation: Explanation,
        helm: HelmError,
    },
    #[error(transparent)]
    ImageNotPulled(#[from] ImageNotPulled),
}

impl ActivityFailure for InstallError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::NamespaceLost(error) => error.failure(),
            Self::Chart(refused) => {
                Failure::permanent("ChartRefused", explain(format!("The chart is not installed: {refused}.")))
            }
            Self::NotInForce(NotInForce::Cluster(error)) => error.failure(),
            Self::NotInForce(_) => Failure::permanent(
                "NoPolicy",
                explain(
                    "The cluster does not enforce what keeps previews apart. Contact the operators of the preview service.",
                ),
            ),
            Self::Fetch(error) => error.failure(),
            Self::Image(refused) => {
                Failure::permanent("ImageRefused", explain(format!("The image is not run: {refused}.")))
            }
            Self::TakeDown(error) => error.failure(),
            // It has failed as often as its chart lets it.
            Self::Hook { explanation, .. } => Failure::permanent(HOOK_FAILED, explanation.clone()),
            Self::ImageNotPulled(error) => error.failure(),
            Self::Unpack(_) => Failure::temporary(
                "ChartNotWritten",
                explain("The chart could not be prepared. Contact the operators of the preview service."),
            ),
            Self::Taken(taken) => Failure::permanent("ValueTaken", not_installed(taken, taken.line)),
            Self::NoValuesFile(absent) => {
                Failure::permanent("ValuesFileMissing", not_installed(absent, absent.line))
            }
            Self::Pull(HelmError::TooSlow { timeout, .. }) => Failure::temporary(
                "ChartTooSlow",
                explain(format!(
                    "The chart could not be downloaded within {} seconds. Try again later.",
                    timeout.as_secs()
                )),
            ),
            Self::Pull(error) | Self::Helm(error) => failure_of_helm(error, &[]),
            Self::Rejected { blamed, helm } => failure_of_helm(helm, blamed),
        }
    }
}

/// Something in the repository's file stands in the way.
fn not_installed(why: &dyn fmt::Display, line: Option<u32>) -> Explanation {
    let line = line.map(|line| format!(", in line {line}")).unwrap_or_default();
    explain(format!("The chart is not installed. `{FILE}`{line}: {why}."))
}

fn failure_of_helm(error: &HelmError, blamed: &[Blamed]) -> Failure {
    match error {
        HelmError::Failed { output, .. } => helm_error::classify(output, blamed),
        // It has had minutes, and would need them again.
        HelmError::TooSlow { timeout, .. } => Failure::permanent(
            "HelmTooSlow",
            explain(format!(
                "Helm did not finish installing the chart within {} seconds.",
                timeout.as_secs()
            )),
        ),
        HelmError::TooExpensive { .. } => Failure::permanent(
            "HelmTooSlow",
            explain("The chart's templates take too long to compute, and Helm was stopped."),
        ),
        HelmError::Cancelled => Failure::cancelled(),
        HelmError::Busy => Failure::temporary(
            "HelmBusy",
            explain("Too many other charts were being installed at the same time. Try again later."),
        ),
        // A worker without Helm shall not fail what another worker, or the same one mended, can do.
        HelmError::NotStarted(_) | HelmError::Missing { .. } | HelmError::NoHome(_) | HelmError::Pipe(_) => {
            Failure::temporary(
                "HelmUnavailable",
                explain("Helm could not be run. Contact the operators of the preview service."),
            )
        }
    }
}

/// Installs the release, unless an earlier attempt has. What one has begun that
/// did not complete is removed before. A hook that waits for its image keeps no Helm waiting: what was begun
/// is removed, and the image is named.
pub(crate) async fn install(
    cluster: &Cluster,
    config: &ReleaseConfig,
    repository_charts: &RepositoryCharts,
    request: &InstallRelease,
    progress: &Progress,
    cancelled: impl Future<Output = ()>,
) -> Result<Option<MissingImage>, InstallError> {
    let begin = Instant::now();
    let preview = &request.owner.preview;
    let namespace = &request.namespace;
    let release = preview.release();
    // Checked again, though the repository's configuration was: previews are also started by
    // hand, and the service's settings change.
    let settings = &request.settings;
    let place = config.charts.find(settings.chart.as_ref())?;
    let images = config.images.of_preview(settings, preview)?;
    let mut cancelled = std::pin::pin!(cancelled);
    let held = find_own(cluster, &request.owner, namespace).await?;
    let login = log_in(cluster, &namespace.name).await?;
    assert_policies_in_force(cluster, &login, &held).await?;
    let host = host_of(&held, cluster, preview);
    let facts = Facts {
        request,
        images,
        url: &cluster.names.domain().url(&host),
        host: &host,
        stable_host: &cluster.names.stable_host(preview),
        stable_url: &cluster.names.stable_url(preview),
        ingress_class: config.ingress_class.as_deref(),
    };
    let (mut values, given) = (facts.own_values(), facts.given_values());
    let origin = Origin::of(&(&place, &preview.commit, &settings.values_files, &given), &values);
    match release_state::look(&login, &namespace.name, &release, &origin).await? {
        ReleaseState::AsWanted => {
            note_release(cluster, held, request).await?;
            return Ok(None);
        }
        ReleaseState::Nothing => {}
        ReleaseState::Otherwise => {
            tokio::select! {
                result = take_down(cluster, &login, &namespace.name, &release, progress) => result?,
                () = &mut cancelled => return Err(HelmError::Cancelled.into()),
            }
            find_own(cluster, &request.owner, namespace).await?;
        }
    }

    let chart =
        ChartFolder::prepare(config, repository_charts, request, place, progress, &mut cancelled).await?;
    let says = ChartYaml::of(&chart.path);
    if says.asks_for_values() {
        taken(settings).map_or(Ok(()), Err)?;
        lay_over(&mut values, given);
    }
    let timeout = HELM_INSTALL.saturating_sub(begin.elapsed());

    progress.report(format!("helm install {release}"));
    let mut arguments: Vec<OsString> = ["install", release.as_str()].map(OsString::from).into();
    arguments.push(chart.path.clone().into());
    arguments.extend(["--namespace", &namespace.name].map(OsString::from));
    if chart.is_of_repository {
        // A schema can refer to files of this machine and to addresses in its network, and Helm would follow.
        arguments.push("--skip-schema-validation".into());
    }
    for file in chart.values_files(settings)? {
        arguments.push(option("--values", &file));
    }
    // Values come on standard input: nothing of ours can be mistaken for an
    // option, and no file is left behind. The last ones win.
    arguments.extend(["--values", "-"].map(OsString::from));
    arguments.push(format!("--labels={}", origin.label()).into());
    arguments.push(format!("--timeout={}s", timeout.as_secs()).into());
    let invocation = Invocation {
        purpose: Purpose::Install {
            chart: chart.path.clone(),
            kubeconfig: login.kubeconfig.clone(),
        },
        arguments,
        input: values.to_string().into_bytes(),
        timeout,
    };
    let mut hooks = Hooks::new(cluster, &login.client, &namespace.name);
    let mut stuck = None;
    let stop = async {
        tokio::select! {
            () = &mut cancelled => {}
            found = hooks.watch() => stuck = Some(found),
        }
    };
    let ran = Box::pin(config.helm.run(invocation, stop)).await;
    match (ran, stuck) {
        (Ok(()), _) => {
            note_release(cluster, held, request).await?;
            Ok(None)
        }
        (Err(_), Some(Stuck::ImageMissing { image, message })) => {
            let missing = image_missing(image, message, request.image_missing_since, config.image_timeout)?;
            // Should another attempt have completed meanwhile, this one is not needed any more.
            if release_state::look(&login, &namespace.name, &release, &origin).await?
                == ReleaseState::Otherwise
            {
                take_down(cluster, &login, &namespace.name, &release, progress).await?;
            }
            Ok(Some(missing))
        }
        (Err(helm), Some(Stuck::Failed(explanation))) => Err(InstallError::Hook { explanation, helm }),
        (Err(helm), None) if may_be_a_hooks_fault(&helm) => Err(match hooks.failure().await {
            Some(explanation) => InstallError::Hook { explanation, helm },
            None => helm.into(),
        }),
        (Err(HelmError::Failed { status, output }), None) => Err(InstallError::Rejected {
            blamed: blame(&output, &says.name, &settings.lines),
            helm: HelmError::Failed { status, output },
        }),
        (Err(helm), None) => Err(helm.into()),
    }
}

/// The orphan sweep takes the namespace of a preview that is ready for lost without it.
async fn note_release(
    cluster: &Cluster,
    mut namespace: Namespace,
    request: &InstallRelease,
) -> Result<(), InstallError> {
    while awaits_release(&namespace.metadata) {
        namespace = match unless_changed(cluster.annotate(&namespace, &note_of_release()).await) {
            Some(noted) => {
                noted.doing(|| format!("noting that {} has its release", request.namespace.name))?
            }
            None => find_own(cluster, &request.owner, &request.namespace).await?,
        };
    }
    Ok(())
}

/// Helm has given up on a hook, or has waited for one until its timeout.
fn may_be_a_hooks_fault(error: &HelmError) -> bool {
    match error {
        HelmError::Failed { output, .. } => helm_error::classify(output, &[]).kind == HOOK_FAILED,
        HelmError::TooSlow { .. } => true,
        HelmError::NotStarted(_)
        | HelmError::Missing { .. }
        | HelmError::NoHome(_)
        | HelmError::Pipe(_)
        | HelmError::TooExpensive { .. }
        | HelmError::Busy
        | HelmError::Cancelled => false,
    }
}

/// A release that was not uninstalled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UninstallError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Helm(#[from] HelmError),
}

/// Uninstalls the release if there is one, as the chart wants it: with its hooks.
pub(crate) async fn uninstall(
    cluster: &Cluster,
    helm: &Helm,
    preview: &PreviewId,
    namespace: &str,
    cancelled: impl Future<Output = ()>,
) -> Result<(), UninstallError> {
    let login = log_in(cluster, namespace).await?;
    let release = preview.release();
    let mut arguments: Vec<OsString> =
        ["uninstall", release.as_str(), "--namespace", namespace, "--ignore-not-found"]
            .map(OsString::from)
            .into();
    arguments.push(format!("--timeout={}s", HELM_UNINSTALL.as_secs()).into());
    let invocation = Invocation {
        purpose: Purpose::Removal { kubeconfig: login.kubeconfig },
        arguments,
        input: Vec::new(),
        timeout: HELM_UNINSTALL,
    };
    Ok(helm.run(invocation, cancelled).await?)
}

/// An attempt that was given up must not install into a namespace that has a new owner.
async fn find_own(
    cluster: &Cluster,
    owner: &RunIdentity,
    namespace: &NamespaceHandle,
) -> Result<Namespace, InstallError> {
    let held = find_held(cluster, owner, namespace).await?;
    held.ok_or_else(|| NamespaceLost::of(&owner.preview).into())
}
