//! How is the chart installed for one commit, and what does Helm's refusal mean?

mod helm;
mod image;
mod pending;
mod verdict;

use std::{ffi::OsString, time::Duration};

use kube::ResourceExt;
use serde_json::json;
use workflows::{
    activities::{Explanation, InstallRelease, RunIdentity},
    vocabulary::{PreviewDomain, PreviewId},
};

use crate::{
    Cluster,
    alive::Progress,
    cluster::{ClusterError, Doing},
    fault::{Fault, explain},
    ownership::{Claim, is_terminating},
};
pub use helm::Helm;
pub(crate) use helm::HelmError;
use helm::Invocation;
pub use image::{ImageTemplate, InvalidImageTemplate};

/// Longest run of `helm upgrade --install`. It waits for hooks only, not for pods. Shorter than the activity's time-out, which could not say why.
const INSTALL_PATIENCE: Duration = Duration::from_secs(240);
/// Longest run of `helm uninstall`: the namespace is deleted afterwards anyway, so this is for what a chart put elsewhere.
const UNINSTALL_PATIENCE: Duration = Duration::from_secs(60);

/// What a preview is installed from.
#[derive(Clone, Debug)]
pub struct ReleaseConfig {
    /// The program.
    pub helm: Helm,
    /// The chart: a folder, an archive or an `oci://` reference.
    pub chart: String,
    /// Where the image of a commit is found.
    pub image: ImageTemplate,
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
    Helm(#[from] HelmError),
}

impl Fault for InstallError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(error) => error.kind(),
            Self::NamespaceLost { .. } => "NamespaceLost",
            Self::Helm(HelmError::Failed { output, .. }) => verdict::of(output).kind,
            Self::Helm(HelmError::TooSlow { .. }) => "HelmTooSlow",
            Self::Helm(_) => "HelmUnavailable",
        }
    }

    fn is_permanent(&self) -> bool {
        match self {
            Self::Cluster(error) => error.is_permanent(),
            Self::NamespaceLost { .. } => true,
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
    assert_held(cluster, &request.owner, &namespace.name, &namespace.uid).await?;
    pending::forget_unfinished(cluster, &namespace.name, &release).await?;

    progress.report(format!("helm upgrade --install {release}"));
    let mut arguments: Vec<OsString> = ["upgrade", "--install"].map(OsString::from).into();
    arguments.extend(
        [
            release.as_str(),
            &config.chart,
            "--namespace",
            &namespace.name,
        ]
        .map(OsString::from),
    );
    // Values come on standard input: nothing of ours can be mistaken for an option, and no file is left behind.
    arguments.extend(["--values", "-", "--history-max", "1"].map(OsString::from));
    arguments.push(format!("--timeout={}s", INSTALL_PATIENCE.as_secs()).into());
    let invocation = Invocation {
        arguments,
        input: values(config, preview, request).to_string().into_bytes(),
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
    name: &str,
    uid: &str,
) -> Result<(), InstallError> {
    let namespace = cluster
        .namespaces()
        .get_opt(name)
        .await
        .doing(|| format!("reading namespace {name}"))?;
    let held = namespace.is_some_and(|namespace| {
        namespace.uid().as_deref() == Some(uid)
            && !is_terminating(&namespace)
            && Claim::on(&namespace, &cluster.instance).is_some_and(|claim| claim.is_held_by(owner))
    });
    if held {
        Ok(())
    } else {
        Err(InstallError::NamespaceLost {
            name: name.to_owned(),
        })
    }
}

/// The contract with the chart; charts/hello-world-app documents it for authors of charts.
fn values(
    config: &ReleaseConfig,
    preview: &PreviewId,
    request: &InstallRelease,
) -> serde_json::Value {
    let image = config.image.image(preview);
    json!({
        "image": { "repository": image.repository, "tag": image.tag, "pullPolicy": "IfNotPresent" },
        "host": config.domain.host(preview),
        "ingress": { "className": config.ingress_class.as_deref().unwrap_or_default() },
        "preview": {
            "repository": preview.repository,
            "pullRequest": preview.pull_request,
            "commit": preview.commit,
            "expiresAt": request.expires_at,
        },
    })
}

#[cfg(test)]
mod tests {
    use workflows::activities::NamespaceHandle;

    use super::*;

    #[test]
    fn a_chart_gets_exactly_the_documented_values() {
        let config = ReleaseConfig {
            helm: Helm {
                program: "helm".into(),
                kube_context: None,
            },
            chart: "charts/hello-world-app".to_owned(),
            image: "registry.example.com/{owner}/{repo}:{commit}"
                .parse()
                .expect("a template"),
            ingress_class: Some("traefik".to_owned()),
            domain: "https://previews.example.com".parse().expect("a domain"),
        };
        let preview: PreviewId = "Octo-Org/hello-world#12:0123456789abcdef0123456789abcdef01234567"
            .parse()
            .expect("an id");
        let request = InstallRelease {
            owner: RunIdentity {
                preview: preview.clone(),
                run_id: "run-1".to_owned(),
            },
            namespace: NamespaceHandle {
                name: preview.namespace(),
                uid: "u".to_owned(),
            },
            expires_at: "2026-11-22T05:42:00Z".parse().expect("a time"),
        };
        insta::assert_json_snapshot!(values(&config, &preview, &request), @r#"
        {
          "host": "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com",
          "image": {
            "pullPolicy": "IfNotPresent",
            "repository": "registry.example.com/octo-org/hello-world",
            "tag": "0123456789abcdef0123456789abcdef01234567"
          },
          "ingress": {
            "className": "traefik"
          },
          "preview": {
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "expiresAt": "2026-11-22T05:42:00Z",
            "pullRequest": 12,
            "repository": "Octo-Org/hello-world"
          }
        }
        "#);
    }
}
