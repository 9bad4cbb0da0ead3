//! The settings of the webhook. Each is an environment variable; `--help` lists them.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Parser, value_parser};
use domain::{AllowedOwners, InvalidTtl, Ttl};
use runtime::{LogFormat, TemporalSettings, secret::possibly_empty_path};
use secrecy::SecretString;

use crate::{limit::Limits, secret_source::SecretSource};

/// In bytes.
const MIB: usize = 1024 * 1024;

/// Where probes and scrapes are answered unless it is said.
pub const DEFAULT_HEALTH_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8082);

/// Receives GitHub's deliveries and passes on what concerns previews.
#[derive(Debug, Parser)]
#[command(name = "preview-webhook", version)]
pub struct Config {
    /// Where to listen for deliveries, and nothing else. In a container: 0.0.0.0:8080.
    #[arg(long, env, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub webhook_listen: SocketAddr,

    /// Where to listen for probes and scrapes. In a container: 0.0.0.0:8082.
    #[arg(long, env, value_name = "ADDRESS", default_value_t = DEFAULT_HEALTH_LISTEN)]
    pub webhook_health_listen: SocketAddr,

    /// How long deliveries are still accepted after SIGTERM, while /readyz says no: as long as whoever
    /// distributes them may take to notice. 0s: not at all.
    #[arg(long, env, value_name = "DURATION", default_value = "10s", value_parser = duration_or_none)]
    pub webhook_drain: Duration,

    /// Longest time for the headers of a request, from the opening of its connection, and again for its body.
    #[arg(long, env, value_name = "DURATION", default_value = "5s")]
    webhook_receive_timeout: Ttl,

    /// Connections that are open at the same time. One more takes the place of the one that has been
    /// open longest without a verified delivery.
    #[arg(long, env, value_name = "NUMBER", default_value = "512", value_parser = value_parser!(u32).range(1..))]
    webhook_connections: u32,

    /// Memory for all bodies together whose signatures are not verified yet. The one
    /// that is being received longest goes first.
    #[arg(long, env, value_name = "MIB", default_value = "64", value_parser = value_parser!(u32).range(4..=65_536))]
    webhook_unverified_mib: u32,

    /// Deliveries that are passed on to Temporal at the same time. One more is answered with 503 at once.
    #[arg(long, env, value_name = "NUMBER", default_value = "256", value_parser = value_parser!(u32).range(1..))]
    webhook_concurrency: u32,

    /// The secret from the App's webhook settings. There is no service without one.
    #[arg(long, env, hide_env_values = true)]
    webhook_secret: Option<SecretString>,

    /// The file that holds it, in place of WEBHOOK_SECRET. A change is noticed within ten seconds.
    #[arg(long, env, value_name = "FILE", value_parser = possibly_empty_path)]
    webhook_secret_file: Option<PathBuf>,

    /// The secret before that, for the time of a change: deliveries signed with either are accepted.
    #[arg(long, env, hide_env_values = true)]
    webhook_secret_previous: Option<SecretString>,

    /// The file that holds it, in place of WEBHOOK_SECRET_PREVIOUS. It need not be there.
    #[arg(long, env, value_name = "FILE", value_parser = possibly_empty_path)]
    webhook_secret_previous_file: Option<PathBuf>,

    /// The owners and repositories that the service serves, separated by commas: octo-org,mona/shop.
    /// Deliveries of others are answered with 204 and ignored.
    #[arg(long, env)]
    pub preview_allowed_owners: AllowedOwners,

    /// Where the workflows run.
    #[command(flatten)]
    pub temporal: TemporalSettings,

    /// How log lines look. RUST_LOG chooses which are written.
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
}

/// Settings that cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Deliveries under way could take all connections, and the next one would
    /// be turned away without an answer.
    #[error(
        "WEBHOOK_CONCURRENCY is {concurrency}, not less than WEBHOOK_CONNECTIONS ({connections}): lower one or raise the other"
    )]
    NoConnectionToSpare {
        /// Deliveries at the same time.
        concurrency: u32,
        /// Connections at the same time.
        connections: u32,
    },
}

impl Config {
    /// What deliveries may take of this machine.
    ///
    /// # Errors
    /// If the settings contradict each other.
    pub fn limits(&self) -> Result<Limits, ConfigError> {
        let (concurrency, connections) = (self.webhook_concurrency, self.webhook_connections);
        if concurrency >= connections {
            return Err(ConfigError::NoConnectionToSpare { concurrency, connections });
        }
        Ok(Limits {
            connections: connections as usize,
            unverified_bytes: self.webhook_unverified_mib as usize * MIB,
            concurrent: concurrency as usize,
            receive_timeout: self.webhook_receive_timeout.as_duration(),
        })
    }

    /// Where to find what deliveries are signed with.
    #[must_use]
    pub fn secret_source(&self) -> SecretSource {
        SecretSource {
            current: self.webhook_secret.clone(),
            current_file: self.webhook_secret_file.clone(),
            previous: self.webhook_secret_previous.clone(),
            previous_file: self.webhook_secret_previous_file.clone(),
        }
    }
}

fn duration_or_none(text: &str) -> Result<Duration, InvalidTtl> {
    match text.trim() {
        "0" | "0s" => Ok(Duration::ZERO),
        text => text.parse().map(Ttl::as_duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &[&str] =
        &["preview-webhook", "--webhook-secret=s3cret", "--preview-allowed-owners=octo-org"];

    fn with(more: &[&'static str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(REQUIRED.iter().chain(more))
    }

    #[test]
    fn defaults_are_those_of_a_developers_machine() {
        let config = with(&[]).expect("a configuration");
        for address in [config.webhook_listen, config.webhook_health_listen] {
            assert!(address.ip().is_loopback());
        }
        assert_eq!(config.webhook_drain, Duration::from_secs(10));
        let limits = config.limits().expect("limits");
        assert!(limits.unverified_bytes >= crate::delivery::READ_MAX);
        assert_eq!(config.temporal.temporal_address.as_str(), "http://127.0.0.1:7233/");
        assert_eq!(config.temporal.preview_task_queue, "previews");
    }

    #[test]
    fn there_is_no_service_for_nobody_in_particular() {
        let without = REQUIRED
            .iter()
            .filter(|argument| !argument.starts_with("--preview-allowed-owners"));
        let error = Config::try_parse_from(without).expect_err("whom does it serve?");
        assert!(error.to_string().contains("PREVIEW_ALLOWED_OWNERS"), "{error}");
    }

    #[test]
    fn secrets_are_in_no_debug_output() {
        let config = with(&["--webhook-secret-previous=0lder"]).expect("a configuration");
        let source = config.secret_source();
        let shown = format!("{config:?} {source:?} {:?}", source.read().expect("secrets"));
        for secret in ["s3cret", "0lder"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn the_drain_may_be_left_out() {
        for (text, drain) in [("0s", 0), ("0", 0), ("1m", 60)] {
            let argument: &'static str = format!("--webhook-drain={text}").leak();
            let config = with(&[argument]).expect("a configuration");
            assert_eq!(config.webhook_drain, Duration::from_secs(drain));
        }
    }

    #[test]
    fn deliveries_leave_a_connection_for_the_next_one() {
        let config = with(&["--webhook-concurrency=8", "--webhook-connections=8"]).expect("readable");
        let error = config.limits().expect_err("no connection to spare");
        assert!(error.to_string().contains("WEBHOOK_CONCURRENCY is 8"), "{error}");
    }

    #[test]
    fn a_setting_that_cannot_be_read_is_named() {
        for (setting, named) in [
            ("--temporal-address=::", "TEMPORAL_ADDRESS"),
            ("--preview-allowed-owners=", "PREVIEW_ALLOWED_OWNERS"),
            ("--preview-allowed-owners=*", "PREVIEW_ALLOWED_OWNERS"),
            ("--webhook-listen=8080", "--webhook-listen"),
            ("--webhook-health-listen=8082", "--webhook-health-listen"),
            ("--webhook-drain=soon", "--webhook-drain"),
            ("--webhook-receive-timeout=0s", "--webhook-receive-timeout"),
            ("--webhook-connections=0", "--webhook-connections"),
            ("--webhook-unverified-mib=3", "--webhook-unverified-mib"),
            ("--webhook-concurrency=0", "--webhook-concurrency"),
        ] {
            let name = setting.split('=').next().expect("a name");
            let others = REQUIRED.iter().filter(|other| !other.starts_with(name));
            let error = Config::try_parse_from(others.chain([&setting])).expect_err(setting);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
