//! How is the chart installed for one commit, and what does Helm's refusal mean?

mod chart;
mod helm;
mod image;
mod pending;
mod values;
mod verdict;

use std::{ffi::OsString, time::Duration};

use kube::ResourceExt;
use workflows::{
    activities::{Explanation, InstallRelease, NamespaceHandle, RunIdentity},
    vocabulary::{PreviewDomain, PreviewId},
};

use crate::{
    Cluster,
    alive::Progress,
    cluster::ClusterError,
    fault::{Fault, explain},
    namespace::find_held,
};
pub(crate) use chart::ChartRefused;
pub use chart::{Charts, InvalidOciPrefix, OciPrefix};
pub use helm::Helm;
pub(crate) use helm::HelmError;
use helm::Invocation;
pub(crate) use image::ImageRefused;
pub use image::{ImagePrefix, ImageTemplate, Images, InvalidImagePrefix, InvalidImageTemplate};
pub(crate) use values::reserved;
use values::values;

/// Longest run of `helm upgrade --install`. It waits for hooks only, not for pods. Shorter than the activity's time-out, which could not say why.
const INSTALL_PATIENCE: Duration = Duration::from_secs(240);
/// Longest run of `helm uninstall`: the namespace is deleted afterwards anyway, so this is for what a chart put elsewhere.
const UNINSTALL_PATIENCE: Duration = Duration::from_secs(60);

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
    /// Below which previews get their host names.
    pub domain: PreviewDomain,
}

/// Why the chart is not installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("namespace {name} is not this run's any more: it was deleted, replaced or taken over")]
    NamespaceLost { name: String },
    #[error(transparent)]
    Chart(#[from] ChartRefused),
    #[error(transparent)]
    Image(#[from] ImageRefused),
    #[error(transparent)]
    Helm(#[from] HelmError),
}

impl Fault for InstallError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(error) => error.kind(),
            Self::NamespaceLost { .. } => "NamespaceLost",
            Self::Chart(_) => "ChartRefused",
            Self::Image(_) => "ImageRefused",
            Self::Helm(HelmError::Failed { output, .. }) => verdict::of(output).kind,
            Self::Helm(HelmError::TooSlow { .. }) => "HelmTooSlow",
            Self::Helm(_) => "HelmUnavailable",
        }
    }

    fn is_permanent(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_permanent(),
            Self::NamespaceLost { .. } | Self::Chart(_) | Self::Image(_) => true,
            Self::Helm(HelmError::Failed { output, .. }) => verdict::of(output).permanent,
            // A worker without Helm shall not fail what another worker, or the same one mended, can do.
            Self::Helm(_) => false,
        }
    }

    fn explanation(&self) -> Explanation {
        match self {
            Self::Cluster(error) => error.explanation(),
            Self::NamespaceLost { .. } => explain(
                "The preview's namespace was removed or taken over while the chart was being installed.",
            ),
            Self::Chart(refused) => explain(format!("The chart is not installed: {refused}.")),
            Self::Image(refused) => explain(format!("The image is not run: {refused}.")),
            Self::Helm(HelmError::Failed { output, .. }) => verdict::of(output).explanation,
            Self::Helm(HelmError::TooSlow { patience, .. }) => explain(format!(
                "Helm did not finish installing the chart within {} seconds.",
                patience.as_secs()
            )),
            Self::Helm(_) => explain(
                "Helm could not be run. This is for the operators of the preview service to mend.",
            ),
        }
    }

    fn is_cancellation(&self) -> bool {
        matches!(self, Self::Helm(HelmError::Cancelled))
    }
}

/// Installs the release, or upgrades what an earlier attempt has installed.
pub(crate) async fn install(
    cluster: &Cluster,
    config: &ReleaseConfig,
    request: &InstallRelease,
    progress: &Progress,
    cancelled: impl Future<Output = ()>,
) -> Result<(), InstallError> {
    let preview = &request.owner.preview;
    let namespace = &request.namespace;
    let release = preview.release();
    // Checked again, though the repository's configuration was: previews are also started by hand, and the service's settings change.
    let settings = &request.settings;
    let chart = config.charts.find(settings.chart.as_ref())?;
    let template = config
        .images
        .find(settings.image.as_deref(), &preview.repository)?;
    assert_held(cluster, &request.owner, namespace).await?;
    pending::forget_unfinished(cluster, &namespace.name, &release).await?;

    progress.report(format!("helm upgrade --install {release}"));
    let mut arguments: Vec<OsString> = ["upgrade", "--install"].map(OsString::from).into();
    arguments.extend(
        [
            release.as_str(),
            &chart.reference,
            "--namespace",
            &namespace.name,
        ]
        .map(OsString::from),
    );
    if let Some(version) = chart.version {
        arguments.push(format!("--version={version}").into());
    }
    // Values come on standard input: nothing of ours can be mistaken for an option, and no file is left behind.
    arguments.extend(["--values", "-", "--history-max", "1"].map(OsString::from));
    arguments.push(format!("--timeout={}s", INSTALL_PATIENCE.as_secs()).into());
    let values = values(
        &template.image(preview),
        config.ingress_class.as_deref(),
        &config.domain,
        request,
    );
    let invocation = Invocation {
        arguments,
        input: values.to_string().into_bytes(),
        patience: INSTALL_PATIENCE,
    };
    Ok(config.helm.run(invocation, cancelled).await?)
}

/// Uninstalls the release if there is one: runs its hooks, and removes what the chart put outside the namespace.
pub(crate) async fn uninstall(
    helm: &Helm,
    preview: &PreviewId,
    namespace: &str,
    cancelled: impl Future<Output = ()>,
) -> Result<(), HelmError> {
    let release = preview.release();
    let mut arguments: Vec<OsString> = [
        "uninstall",
        release.as_str(),
        "--namespace",
        namespace,
        "--ignore-not-found",
    ]
    .map(OsString::from)
    .into();
    arguments.push(format!("--timeout={}s", UNINSTALL_PATIENCE.as_secs()).into());
    let invocation = Invocation {
        arguments,
        input: Vec::new(),
        patience: UNINSTALL_PATIENCE,
    };
    helm.run(invocation, cancelled).await
}

/// An attempt that was given up must not install into a namespace that has a new owner.
async fn assert_held(
    cluster: &Cluster,
    owner: &RunIdentity,
    namespace: &NamespaceHandle,
) -> Result<(), InstallError> {
    let held = find_held(cluster, owner, &namespace.name).await?;
    if held.is_some_and(|held| held.uid().as_ref() == Some(&namespace.uid)) {
        Ok(())
    } else {
        Err(InstallError::NamespaceLost {
            name: namespace.name.clone(),
        })
    }
}
