//! The settings of the worker. Each is an environment variable; `--help` lists them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use activities::{
    AllowedKind, AnnotationKey, Bounds, ChartBounds, ChartPrefix, Charts, Destination, Destinations, Helm,
    ImagePrefix, ImageTemplate, Images, IngressAddress, InstanceName, NameServer, NamespaceConfig,
    PodSecurityChoice, PostLogs, ReadinessConfig, ReleaseConfig, TemporalUi, UnusableClient,
};
use clap::{Parser, ValueEnum, builder::BoolishValueParser, value_parser};
use domain::{
    AllowedOwners, InvalidTtl, NameKey, Names, PreviewDomain, Ttl, WeakNameKey,
    orphan_sweep::SweepPolicy,
    preview::{Capacity, Quota},
};
use runtime::{
    LogFormat, TemporalSettings,
    secret::{SecretError, possibly_empty_path, read_one},
};
use secrecy::SecretString;
use temporalio_common::telemetry::metrics::CoreMeter;
use url::Url;
use workflows::contract::timeouts::{Heartbeat, IMAGE_MAX, WORKLOADS_UP_MAX, WORKLOADS_UP_MIN};

use crate::{github_app::GitHubSettings, rate_limit::RateLimitChoice};

/// Where probes and scrapes are answered unless it is said.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

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

    /// The context of the kubeconfig to use. Unset: the current one of KUBECONFIG or
    /// ~/.kube/config, or the cluster that we run in.
    #[arg(long, env, value_name = "NAME")]
    pub kube_context: Option<String>,

    /// The name of this service within its cluster: namespaces of other instances are never touched. Two with
    /// the same name are told apart by their Temporal namespace.
    #[arg(long, env, value_name = "NAME", default_value = "default")]
    pub preview_instance: InstanceName,

    /// The owners and repositories that the service serves, separated by
    /// commas: octo-org,mona/shop. Others are ignored.
    #[arg(long, env)]
    pub preview_allowed_owners: AllowedOwners,

    /// The secret that makes addresses and namespaces of previews impossible to guess: at least 32 random
    /// characters, as `openssl rand -hex 32` makes them.
    #[arg(long, env, value_name = "KEY", hide_env_values = true)]
    preview_name_key: Option<SecretString>,

    /// The file that holds that secret, in place of PREVIEW_NAME_KEY.
    #[arg(long, env, value_name = "FILE", value_parser = possibly_empty_path)]
    preview_name_key_file: Option<PathBuf>,

    /// The wildcard domain of the previews: https://previews.example.com, http://preview.localhost:8088.
    #[arg(long, env, value_name = "URL")]
    pub preview_domain: PreviewDomain,

    /// Where the ingress controller listens, if the worker cannot find it through the DNS name of a preview:
    /// an address or a name, and a port.
    #[arg(long, env, value_name = "ADDRESS")]
    pub preview_ingress_address: Option<IngressAddress>,

    /// The ingress class of previews; empty for the cluster's default.
    #[arg(long, env, value_name = "NAME", default_value = "traefik")]
    preview_ingress_class: String,

    /// The namespace that the ingress controller runs in, the only one whose pods may reach
    /// previews. Unset: reachable from anywhere.
    #[arg(long, env, value_name = "NAME")]
    preview_ingress_namespace: Option<String>,

    /// Who answers pods' questions for names, separated by commas: addresses, networks, or pods as
    /// NAMESPACE/LABEL=VALUE, with :PORT behind it where that is not 53.
    #[arg(
        long,
        env,
        value_name = "SERVERS",
        default_value = "kube-system/k8s-app=kube-dns,169.254.20.10,169.254.169.254"
    )]
    preview_dns: Several<NameServer>,

    /// What else pods may reach if their repository chooses it by name, separated by commas:
    /// mail=10.1.2.3:25,web=internet:443. A name may stand there several times. `internet` is all but
    /// private ranges and the metadata address of a cloud.
    #[arg(
        long,
        env,
        value_name = "DESTINATIONS",
        default_value = "",
        hide_default_value = true
    )]
    preview_egress: Several<Destination>,

    /// How long a preview lives, unless its repository or the person who asks says otherwise: 30m, 2h, 1h30m.
    #[arg(long, env, value_name = "DURATION", default_value_t = Ttl::DEFAULT)]
    preview_ttl: Ttl,

    /// How long a preview may live at the most, extensions included. No repository can allow itself more.
    #[arg(long, env, value_name = "DURATION", default_value_t = Ttl::DEFAULT_MAXIMUM)]
    preview_max_lifetime: Ttl,

    /// The chart that a preview installs: a folder, an archive or an oci:// reference.
    #[arg(long, env, value_name = "CHART")]
    preview_chart: String,

    /// A folder of more charts, among which repositories choose by name.
    #[arg(long, env, value_name = "FOLDER", value_parser = possibly_empty_path)]
    preview_charts_folder: Option<PathBuf>,

    /// Where in registries and in Helm repositories charts may be chosen, separated by commas:
    /// oci://registry.example.com/charts,https://charts.example.com.
    #[arg(
        long,
        env,
        value_name = "PREFIXES",
        default_value = "",
        hide_default_value = true
    )]
    preview_allowed_charts: Several<ChartPrefix>,

    /// Repositories may bring charts of their own, at a path.
    #[arg(long, env, value_name = "BOOL", default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set)]
    preview_repository_charts: bool,

    /// Which annotations charts may set, separated by commas: prometheus.io/scrape.
    #[arg(
        long,
        env,
        value_name = "NAMES",
        default_value = "",
        hide_default_value = true
    )]
    preview_allowed_annotations: Several<AnnotationKey>,

    /// Which further kinds of objects charts may make, separated by commas, in all repositories or in some:
    /// pods,octo-org/shop=daemonsets.apps.
    #[arg(
        long,
        env,
        value_name = "KINDS",
        default_value = "",
        hide_default_value = true
    )]
    preview_allowed_kinds: Several<AllowedKind>,

    /// How pods are confined: auto (in user namespaces where the cluster has them, under the baseline
    /// standard, else under the restricted one) or restricted.
    #[arg(long, env, value_name = "HOW", default_value = "auto")]
    preview_pod_security: PodSecuritySetting,

    /// An image of this worker. With it a pod tries, when the worker starts, whether the cluster enforces
    /// network policies; log and metrics say so. Unset: it is not tried.
    #[arg(long, env, value_name = "IMAGE")]
    preview_probe_image: Option<String>,

    /// What the pods of a preview may take together, unless its repository wants it otherwise.
    #[arg(
        long,
        env,
        value_name = "QUOTA",
        default_value = "pods=10,cpu=4,memory=4Gi,storage=10Gi"
    )]
    preview_quota: Quota,

    /// How far a repository may go with that.
    #[arg(
        long,
        env,
        value_name = "QUOTA",
        default_value = "pods=20,cpu=8,memory=8Gi,storage=20Gi"
    )]
    preview_quota_max: Quota,

    /// The cluster role that Helm has in the namespace of a preview: what a chart may make at all.
    #[arg(long, env, value_name = "CLUSTER ROLE", default_value = "edit")]
    preview_release_role: String,

    /// The image of a commit, with {owner}, {repo}, {commit}, {short_commit} and {pr} left open:
    /// registry.example.com/{owner}/{repo}:{commit}.
    #[arg(long, env, value_name = "TEMPLATE")]
    pub preview_image: ImageTemplate,

    /// Where else repositories may choose images, separated by commas, with
    /// {owner} and {repo} left open: ghcr.io/{owner}.
    #[arg(
        long,
        env,
        value_name = "PREFIXES",
        default_value = "",
        hide_default_value = true
    )]
    preview_allowed_images: Several<ImagePrefix>,

    /// When the last output of what failed is posted on the pull request: never, private
    /// (in private repositories only) or always.
    #[arg(long, env, value_name = "WHEN", default_value = "private")]
    pub preview_post_logs: PostLogs,

    /// How many previews live at once. Whoever asks for one more is told what makes room.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    preview_live_max: u32,

    /// How many of them belong to the repositories of one owner.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    preview_live_per_owner: u32,

    /// How many of them belong to one repository. It may allow itself less.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
    preview_live_per_repository: u32,

    /// How many of them one person has asked for.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 10, value_parser = value_parser!(u32).range(1..))]
    preview_live_per_person: u32,

    /// How many previews one person may have started in an hour. A repository may allow less.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 30, value_parser = value_parser!(u32).range(1..))]
    preview_starts_per_hour: u32,

    /// How long to wait for an image that does not exist yet: up to 50m.
    #[arg(long, env, value_name = "DURATION", default_value = "10m", value_parser = image_timeout)]
    preview_image_timeout: Ttl,

    /// How long repositories may let their workloads take to come up: 30s up to 30m. Whoever says nothing
    /// gets 5m, if it is not less than that.
    #[arg(long, env, value_name = "DURATION", default_value = "30m", value_parser = readiness_timeout)]
    preview_readiness_timeout_max: Ttl,

    /// How the limit of writes to GitHub is kept: auto (for each installation, where Temporal shows that it
    /// has taken that, else for all together) or together. In Temporal Cloud, auto needs the namespace's
    /// switch Fairness.
    #[arg(long, env, value_name = "HOW", default_value = "auto")]
    pub github_write_limit: RateLimitChoice,

    /// How often a running activity says that it is alive: 1s up to 30s. Temporal Cloud bills each of these
    /// heartbeats. A worker that is lost is noticed after four of them and six seconds, and a stop while a
    /// preview starts with the next one.
    #[arg(long, env, value_name = "DURATION", default_value = "1s", value_parser = heartbeat)]
    pub preview_heartbeat: Heartbeat,

    /// The Helm program, version 3.16 or newer. On Linux it is started by setpriv
    /// (util-linux), so that it ends with the worker.
    #[arg(long, env, value_name = "PROGRAM", default_value = "helm")]
    helm: PathBuf,

    /// How many Helms install at once, and how many uninstall. Each takes up to 1 GiB of memory and a minute
    /// of computing, and holds its place while it waits for a chart's hooks.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one)]
    helm_at_once: usize,

    /// How often to sweep namespaces that no workflow owns.
    #[arg(long, env, value_name = "DURATION", default_value = "5m")]
    pub sweep_interval: Ttl,

    /// How long such a namespace is left alone.
    #[arg(long, env, value_name = "DURATION", default_value = "10m")]
    sweep_grace: Ttl,

    /// How long a sweep may take. One that does not end, because its worker was lost for example, is
    /// ended then, so that the next one can begin.
    #[arg(long, env, value_name = "DURATION", default_value = "10m")]
    pub sweep_timeout: Ttl,

    /// Only report what the sweep would do.
    #[arg(long, env, value_name = "BOOL", default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set)]
    sweep_dry_run: bool,

    /// Where to listen for probes and scrapes. In a container: 0.0.0.0:8081.
    #[arg(long, env, value_name = "ADDRESS", default_value_t = DEFAULT_LISTEN)]
    pub worker_listen: SocketAddr,

    /// Activities of previews that run at once: one for each that is being made, is waited for until it is
    /// ready, or is being removed. What is beyond that waits in Temporal for a worker with a free slot.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one)]
    pub worker_activity_slots: usize,

    /// Workflows kept in memory; the others are replayed from their history when something happens to them.
    #[arg(long, env, value_name = "NUMBER", default_value_t = 500)]
    pub worker_cached_workflows: usize,

    /// How often the worker restarts within its process, to release memory that Temporal's SDK keeps.
    #[arg(long, env, value_name = "DURATION", default_value = "24h")]
    worker_recycle: Ttl,

    /// How log lines look. RUST_LOG chooses which are written.
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
}

/// What operators choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PodSecuritySetting {
    Auto,
    Restricted,
}

/// Values separated by commas. An empty variable is how many deployment tools write "none".
#[derive(Clone, Debug)]
struct Several<T>(Vec<T>);

impl<T: FromStr> FromStr for Several<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let values = text.split(',').map(str::trim);
        let values = values.filter(|value| !value.is_empty()).map(str::parse);
        values.collect::<Result<_, _>>().map(Self)
    }
}

/// Settings that cannot be used together or at all.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A preview would outlive its own limit.
    #[error(
        "PREVIEW_TTL is {ttl}, more than PREVIEW_MAX_LIFETIME ({max_lifetime}): lower one or raise the other"
    )]
    TtlBeyondMaximum {
        /// What a preview is granted.
        ttl: Ttl,
        /// What it may have.
        max_lifetime: Ttl,
    },
    /// Nothing would keep an Ingress from another controller.
    #[error("PREVIEW_REPOSITORY_CHARTS needs PREVIEW_INGRESS_CLASS: name the class that previews have")]
    NoIngressClass,
    /// There is no secret for names.
    #[error(transparent)]
    NameKey(#[from] SecretError),
    /// It could be guessed.
    #[error("PREVIEW_NAME_KEY: {0}")]
    WeakNameKey(WeakNameKey),
    /// There are no charts to choose from.
    #[error("PREVIEW_CHARTS_FOLDER cannot be read: {0}")]
    ChartsFolder(#[from] io::Error),
}

impl Config {
    /// Where comments link to.
    #[must_use]
    pub fn temporal_ui(&self) -> TemporalUi {
        TemporalUi {
            url: self.temporal_ui_url.clone(),
            namespace: self.temporal.temporal_namespace.clone(),
        }
    }

    /// What previews are called.
    ///
    /// # Errors
    /// If there is not exactly one key for it, or it cannot be read, or is no secret.
    pub fn names(&self) -> Result<Names, ConfigError> {
        let key = read_one(
            "PREVIEW_NAME_KEY",
            self.preview_name_key.as_ref(),
            self.preview_name_key_file.as_ref(),
        )?;
        let key = NameKey::new(&key).map_err(ConfigError::WeakNameKey)?;
        Ok(Names::new(key, self.preview_domain.clone()))
    }

    /// What previews' namespaces have to fit in with. How pods are confined is measured.
    #[must_use]
    pub fn namespaces(&self, bounds: &Bounds, meter: &dyn CoreMeter) -> NamespaceConfig {
        NamespaceConfig {
            release_role: self.preview_release_role.clone(),
            charts: ChartBounds {
                ingress_class: self.preview_ingress_class.clone(),
                images: bounds.images.clone(),
                annotations: self.preview_allowed_annotations.0.clone(),
                kinds: self.preview_allowed_kinds.0.clone(),
            },
            ingress_namespace: self.preview_ingress_namespace.clone(),
            capacity: bounds.capacity,
            name_servers: self.preview_dns.0.clone(),
            destinations: bounds.destinations.clone(),
            quota: self.preview_quota,
            quota_max: bounds.quota_max,
            pod_security: PodSecurityChoice::new(
                self.preview_pod_security == PodSecuritySetting::Auto,
                meter,
            ),
        }
    }

    /// What a pod runs that tries the cluster's network; an empty variable is none.
    #[must_use]
    pub fn probe_image(&self) -> Option<String> {
        self.preview_probe_image.clone().filter(|image| !image.is_empty())
    }

    /// What every repository gets, and how far each may deviate from it.
    ///
    /// # Errors
    /// If a preview would be granted more than it may have, or the charts to choose from cannot be found.
    pub fn bounds(&self) -> Result<Bounds, ConfigError> {
        let (ttl, max_lifetime) = (self.preview_ttl, self.preview_max_lifetime);
        if ttl > max_lifetime {
            return Err(ConfigError::TtlBeyondMaximum { ttl, max_lifetime });
        }
        if self.preview_repository_charts && self.preview_ingress_class.is_empty() {
            return Err(ConfigError::NoIngressClass);
        }
        Ok(Bounds {
            ttl,
            max_lifetime,
            charts: Charts::new(
                &self.preview_chart,
                self.preview_charts_folder
                    .as_deref()
                    .filter(|folder| !folder.as_os_str().is_empty()),
                self.preview_allowed_charts.0.clone(),
            )?
            .of_repositories(self.preview_repository_charts),
            images: Images::new(self.preview_image.clone(), self.preview_allowed_images.0.clone()),
            deployments: self.github.github_deployments,
            capacity: Capacity {
                in_all: self.preview_live_max,
                per_owner: self.preview_live_per_owner,
                per_repository: self.preview_live_per_repository,
                per_person: self.preview_live_per_person,
            },
            starts_per_hour: self.preview_starts_per_hour,
            quota_max: self.preview_quota_max,
            destinations: Destinations::new(self.preview_egress.0.clone()),
            readiness_timeout: self.preview_readiness_timeout_max,
        })
    }

    /// What is installed, within the bounds.
    #[must_use]
    pub fn releases(&self, bounds: &Bounds) -> ReleaseConfig {
        ReleaseConfig {
            helm: Helm::new(self.helm.clone(), self.helm_at_once),
            charts: bounds.charts.clone(),
            images: bounds.images.clone(),
            ingress_class: self.ingress_class(),
            image_timeout: self.preview_image_timeout.as_signed_duration(),
        }
    }

    fn ingress_class(&self) -> Option<String> {
        Some(self.preview_ingress_class.clone()).filter(|class| !class.is_empty())
    }

    /// How previews are looked at.
    ///
    /// # Errors
    /// If this machine cannot make HTTP requests at all.
    pub fn readiness(&self) -> Result<ReadinessConfig, UnusableClient> {
        ReadinessConfig::new(
            self.preview_ingress_address.clone(),
            self.ingress_class(),
            self.preview_image_timeout.as_signed_duration(),
            self.preview_readiness_timeout_max,
        )
    }

    /// How the sweep goes about it.
    #[must_use]
    pub fn sweep(&self) -> SweepPolicy {
        SweepPolicy {
            grace: self.sweep_grace,
            dry_run: self.sweep_dry_run,
            confirm_removals: None,
        }
    }

    /// After how long the worker begins anew.
    #[must_use]
    pub fn recycle_after(&self) -> Duration {
        self.worker_recycle.as_duration()
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "expected a number".to_owned())?;
    if number == 0 { Err("at least 1".to_owned()) } else { Ok(number) }
}

fn heartbeat(text: &str) -> Result<Heartbeat, String> {
    let every: Ttl = text.parse().map_err(|error: InvalidTtl| error.to_string())?;
    Heartbeat::every(every.as_duration()).ok_or_else(|| {
        let (shortest, longest) = (Heartbeat::SHORTEST.as_secs(), Heartbeat::LONGEST.as_secs());
        format!("at least {shortest}s and at most {longest}s")
    })
}

/// Longer than this, and Temporal would give up the activity that waits.
fn image_timeout(text: &str) -> Result<Ttl, String> {
    let timeout: Ttl = text.parse().map_err(|error: InvalidTtl| error.to_string())?;
    if timeout.as_duration() > IMAGE_MAX {
        return Err(format!("at most {}m", IMAGE_MAX.as_secs() / 60));
    }
    Ok(timeout)
}

/// The bounds of what a preview's workflow can wait for.
fn readiness_timeout(text: &str) -> Result<Ttl, String> {
    let timeout: Ttl = text.parse().map_err(|error: InvalidTtl| error.to_string())?;
    if (WORKLOADS_UP_MIN..=WORKLOADS_UP_MAX).contains(&timeout.as_duration()) {
        Ok(timeout)
    } else {
        let (shortest, longest) = (WORKLOADS_UP_MIN.as_secs(), WORKLOADS_UP_MAX.as_secs() / 60);
        Err(format!("at least {shortest}s and at most {longest}m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &[&str] = &[
        "preview-worker",
        "--github-app-id=7",
        "--github-private-key=k3y\\nk3y",
        "--preview-allowed-owners=octo-org",
        "--preview-name-key=6f1c0d9be24a7385fa60c7d81b3e5924",
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
        let bounds = config.bounds().expect("bounds");
        assert_eq!((bounds.ttl, bounds.max_lifetime), (Ttl::DEFAULT, Ttl::DEFAULT_MAXIMUM));
        assert_eq!(config.preview_post_logs, PostLogs::Private);
        let releases = config.releases(&bounds);
        assert_eq!(releases.ingress_class.as_deref(), Some("traefik"));
        assert_eq!(config.recycle_after(), Duration::from_secs(24 * 3600));
    }

    fn without(setting: &str) -> Vec<&'static str> {
        let mut others = REQUIRED.to_vec();
        others.retain(|argument| !argument.starts_with(setting));
        others
    }

    #[test]
    fn there_is_no_service_for_nobody_in_particular() {
        let error =
            Config::try_parse_from(without("--preview-allowed-owners")).expect_err("whom does it serve?");
        assert!(error.to_string().contains("PREVIEW_ALLOWED_OWNERS"), "{error}");
    }

    #[test]
    fn there_is_no_service_without_a_secret_for_names_and_it_is_in_no_output() {
        for (more, complaint) in [
            (vec![], "set either PREVIEW_NAME_KEY or PREVIEW_NAME_KEY_FILE: neither"),
            (vec!["--preview-name-key="], "neither is set"),
            (vec!["--preview-name-key=x", "--preview-name-key-file=y"], "both are set"),
            (
                vec!["--preview-name-key-file=/nonexistent"],
                "PREVIEW_NAME_KEY_FILE: cannot read /nonexistent",
            ),
            (vec!["--preview-name-key=gu3ssable"], "at least 32 random characters"),
        ] {
            let arguments = without("--preview-name-key").into_iter().chain(more);
            let config = Config::try_parse_from(arguments).expect("readable");
            let error = config.names().expect_err(complaint).to_string();
            assert!(error.contains(complaint), "{error}");
            assert!(!error.contains("gu3ssable"), "{error}");
            assert!(!format!("{config:?}").contains("gu3ssable"));
        }
        let config = with(&[]).expect("a configuration");
        let shown = format!("{config:?} {:?}", config.names());
        assert!(!shown.contains("6f1c0d9be24a7385"), "{shown}");
    }

    #[test]
    fn an_empty_ingress_class_means_the_clusters_own() {
        let config = with(&["--preview-ingress-class="]).expect("a configuration");
        let bounds = config.bounds().expect("bounds");
        assert_eq!(config.releases(&bounds).ingress_class, None);
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        for (argument, named) in [
            ("--preview-ttl=2d", "PREVIEW_TTL is 2d"),
            ("--preview-charts-folder=/nowhere", "PREVIEW_CHARTS_FOLDER"),
        ] {
            let error = with(&[argument]).expect("readable").bounds().expect_err(argument);
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn several_places_are_separated_by_commas() {
        for (argument, places) in [
            ("--preview-allowed-charts=", 0),
            ("--preview-allowed-charts=oci://ghcr.io/octo", 1),
            ("--preview-allowed-charts=oci://ghcr.io/octo, https://charts.example.com,", 2),
        ] {
            let config = with(&[argument, "--preview-charts-folder="]).expect("a configuration");
            assert_eq!(config.preview_allowed_charts.0.len(), places, "{argument}");
            config.bounds().expect("bounds");
        }
        with(&["--preview-allowed-images=ghcr.io/{owner},quay.io"]).expect("a configuration");
    }

    #[test]
    fn a_bad_setting_is_named() {
        for (argument, named) in [
            ("--preview-instance=Not_A_Label", "--preview-instance"),
            ("--preview-image-timeout=1 month", "--preview-image-timeout"),
            ("--preview-image-timeout=51m", "at most 50m"),
            ("--preview-readiness-timeout-max=31m", "at most 30m"),
            ("--preview-readiness-timeout-max=10s", "at least 30s"),
            ("--preview-ingress-address=nowhere", "--preview-ingress-address"),
            ("--temporal-address=::", "--temporal-address"),
            ("--sweep-dry-run=perhaps", "--sweep-dry-run"),
            ("--preview-live-max=0", "--preview-live-max"),
            ("--preview-allowed-kinds=rolebindings.rbac.authorization.k8s.io", "cannot be allowed"),
            ("--preview-pod-security=none", "--preview-pod-security"),
            ("--preview-quota=cpu=4", "is no quota"),
            ("--preview-egress=mail", "is no destination"),
            ("--preview-dns=kube-dns", "names no name server"),
            ("--helm-at-once=0", "at least 1"),
            ("--worker-activity-slots=0", "at least 1"),
            ("--preview-heartbeat=31s", "at most 30s"),
            ("--github-write-limit=none", "--github-write-limit"),
            ("--preview-ttl=1 month", "--preview-ttl"),
            ("--preview-allowed-owners=", "--preview-allowed-owners"),
            ("--preview-allowed-owners=*", "--preview-allowed-owners"),
            ("--preview-post-logs=sometimes", "--preview-post-logs"),
            ("--preview-allowed-charts=ghcr.io/octo", "--preview-allowed-charts"),
            ("--preview-allowed-charts=http://charts.example.com", "--preview-allowed-charts"),
            ("--preview-allowed-images=ghcr.io/{who}", "--preview-allowed-images"),
        ] {
            let error = with(&[argument]).expect_err(argument);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
