//! With which settings does the worker run? Each is an environment variable; `--help` lists them.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use activities::{
    Helm, ImageTemplate, Instance, Links, NamespaceConfig, ReadinessConfig, ReleaseConfig,
    UnusableClient,
};
use clap::{Parser, builder::BoolishValueParser};
use service::{LogFormat, TemporalSettings};
use url::Url;
use workflows::{
    orphan_sweep::SweepPolicy,
    vocabulary::{PreviewDomain, Ttl},
};

use crate::github_app::GitHubSettings;

/// Runs preview workflows: comments on GitHub, installs and removes in Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "preview-worker", version)]
pub struct Config {
    /// Where the workflows run.
    #[command(flatten)]
    pub temporal: TemporalSettings,

    /// Who we are at GitHub.
    #[command(flatten)]
    pub github: GitHubSettings,

    /// Where people find Temporal's UI; unset: comments do not link to it.
    #[arg(long, env, value_name = "URL")]
    temporal_ui_url: Option<Url>,

    /// The context of the kubeconfig to use. Unset: the current one of KUBECONFIG or ~/.kube/config, or the cluster that we run in.
    #[arg(long, env, value_name = "NAME")]
    pub kube_context: Option<String>,

    /// The name of this service within its cluster: namespaces of other instances are never touched.
    #[arg(long, env, value_name = "NAME", default_value = "default")]
    pub preview_instance: Instance,

    /// Previews live below this address: https://previews.example.com, http://preview.localhost:8088.
    #[arg(long, env, value_name = "URL")]
    preview_domain: PreviewDomain,

    /// Where the ingress controller listens, if the worker cannot find it through the DNS name of a preview.
    #[arg(long, env, value_name = "ADDRESS")]
    preview_ingress_address: Option<SocketAddr>,

    /// The ingress class of previews; empty for the cluster's default.
    #[arg(long, env, value_name = "NAME", default_value = "traefik")]
    preview_ingress_class: String,

    /// The namespace that the ingress controller runs in, the only one whose pods may reach previews. Unset: reachable from anywhere.
    #[arg(long, env, value_name = "NAME")]
    preview_ingress_namespace: Option<String>,

    /// The chart that a preview installs: a folder, an archive or an oci:// reference.
    #[arg(long, env, value_name = "CHART")]
    preview_chart: String,

    /// The image of a commit, with {owner}, {repo} and {commit} left open: registry.example.com/{owner}/{repo}:{commit}.
    #[arg(long, env, value_name = "TEMPLATE")]
    preview_image: ImageTemplate,

    /// How long to wait for an image that does not exist yet.
    #[arg(long, env, value_name = "DURATION", default_value = "10m")]
    preview_image_patience: Ttl,

    /// The Helm program, version 3 or 4.
    #[arg(long, env, value_name = "PROGRAM", default_value = "helm")]
    helm: PathBuf,

    /// How often to look for namespaces that no workflow looks after.
    #[arg(long, env, value_name = "DURATION", default_value = "5m")]
    pub sweep_interval: Ttl,

    /// How long such a namespace is left alone.
    #[arg(long, env, value_name = "DURATION", default_value = "10m")]
    sweep_grace: Ttl,

    /// Only report what the sweep would do.
    #[arg(long, env, value_name = "BOOL", default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set)]
    sweep_dry_run: bool,

    /// Where to listen for probes and scrapes. In a container: 0.0.0.0:8081.
    #[arg(long, env, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub worker_listen: SocketAddr,

    /// Workflows kept in memory; the others are replayed from their history when something happens to them.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 500)]
    pub worker_cached_workflows: usize,

    /// After this long, the worker begins anew within its process, to give back memory that Temporal's SDK does not.
    #[arg(long, env, value_name = "DURATION", default_value = "24h")]
    worker_recycle: Ttl,

    /// How log lines look. RUST_LOG chooses which are written.
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
}

impl Config {
    /// What comments link to.
    #[must_use]
    pub fn links(&self) -> Links {
        Links {
            temporal_ui: self.temporal_ui_url.clone(),
            temporal_namespace: self.temporal.temporal_namespace.clone(),
        }
    }

    /// What previews' namespaces have to fit in with.
    #[must_use]
    pub fn namespaces(&self) -> NamespaceConfig {
        NamespaceConfig {
            ingress_namespace: self.preview_ingress_namespace.clone(),
        }
    }

    /// What is installed.
    #[must_use]
    pub fn releases(&self) -> ReleaseConfig {
        ReleaseConfig {
            helm: Helm {
                program: self.helm.clone(),
                kube_context: self.kube_context.clone(),
            },
            chart: self.preview_chart.clone(),
            image: self.preview_image.clone(),
            ingress_class: Some(self.preview_ingress_class.clone())
                .filter(|class| !class.is_empty()),
            domain: self.preview_domain.clone(),
        }
    }

    /// How previews are looked at.
    ///
    /// # Errors
    /// If this machine cannot make HTTP requests at all.
    pub fn readiness(&self) -> Result<ReadinessConfig, UnusableClient> {
        ReadinessConfig::new(
            self.preview_domain.clone(),
            self.preview_ingress_address,
            self.preview_image_patience.as_signed_duration(),
        )
    }

    /// How the sweep goes about it.
    #[must_use]
    pub fn sweep(&self) -> SweepPolicy {
        SweepPolicy {
            grace: self.sweep_grace,
            dry_run: self.sweep_dry_run,
        }
    }

    /// After how long the worker begins anew.
    #[must_use]
    pub fn recycle_after(&self) -> Duration {
        self.worker_recycle.as_duration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &[&str] = &[
        "preview-worker",
        "--github-app-id=7",
        "--github-private-key=k3y\\nk3y",
        "--preview-domain=https://previews.example.com",
        "--preview-chart=charts/hello-world-app",
        "--preview-image=registry.example.com/{owner}/{repo}:{commit}",
    ];

    fn with(more: &[&'static str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(REQUIRED.iter().chain(more))
    }

    #[test]
    fn what_is_not_said_has_a_safe_default() {
        let config = with(&[]).expect("a configuration");
        assert!(config.worker_listen.ip().is_loopback());
        assert!(!config.sweep().dry_run);
        assert_eq!(config.releases().ingress_class.as_deref(), Some("traefik"));
        assert_eq!(config.recycle_after(), Duration::from_secs(24 * 3600));
    }

    #[test]
    fn an_empty_ingress_class_means_the_clusters_own() {
        let config = with(&["--preview-ingress-class="]).expect("a configuration");
        assert_eq!(config.releases().ingress_class, None);
    }

    #[test]
    fn a_bad_setting_is_named() {
        for (argument, named) in [
            ("--preview-instance=Not_A_Label", "--preview-instance"),
            (
                "--preview-image-patience=1 month",
                "--preview-image-patience",
            ),
            (
                "--preview-ingress-address=nowhere",
                "--preview-ingress-address",
            ),
            ("--temporal-address=::", "--temporal-address"),
            ("--sweep-dry-run=perhaps", "--sweep-dry-run"),
        ] {
            let error = with(&[argument]).expect_err(argument);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
