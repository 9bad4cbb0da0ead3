//! With which settings does the service run? Each is an environment variable; `--help` lists them.

use std::net::SocketAddr;

use clap::Parser;
use secrecy::{ExposeSecret, SecretString};
use service::{GitHubSettings, LogFormat, TemporalSettings};
use workflows::vocabulary::Ttl;

use crate::{decide::Terms, signature::Secrets};

/// Receives GitHub's deliveries and starts preview workflows.
#[derive(Debug, Parser)]
#[command(name = "preview-webhook", version)]
pub struct Config {
    /// Where to listen, for deliveries, health and metrics. In a container: 0.0.0.0:8080.
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub webhook_listen: SocketAddr,

    /// The secret from the App's webhook settings. There is no service without one.
    #[arg(long, env, hide_env_values = true, value_parser = non_empty)]
    webhook_secret: SecretString,

    /// The secret before that, for the time of a change: deliveries signed with either are accepted.
    #[arg(long, env, hide_env_values = true)]
    webhook_secret_previous: Option<SecretString>,

    /// Who we are at GitHub.
    #[command(flatten)]
    pub github: GitHubSettings,

    /// Where the workflows run.
    #[command(flatten)]
    pub temporal: TemporalSettings,

    /// How long a preview lives: 30m, 2h, 1h30m.
    #[arg(long, env, default_value_t = Ttl::DEFAULT)]
    preview_ttl: Ttl,

    /// How long a preview may live at the most, extensions included.
    #[arg(long, env, default_value_t = Ttl::DEFAULT_MAXIMUM)]
    preview_max_lifetime: Ttl,

    /// How log lines look. RUST_LOG chooses which are written.
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
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
}

impl Config {
    /// What deliveries are signed with.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let previous = given(self.webhook_secret_previous.as_ref()).cloned();
        Secrets::new(self.webhook_secret.clone(), previous)
    }

    /// What every preview is granted.
    ///
    /// # Errors
    /// If a preview would be granted more than it may have.
    pub fn terms(&self) -> Result<Terms, ConfigError> {
        let (ttl, max_lifetime) = (self.preview_ttl, self.preview_max_lifetime);
        if ttl > max_lifetime {
            return Err(ConfigError::TtlBeyondMaximum { ttl, max_lifetime });
        }
        Ok(Terms { ttl, max_lifetime })
    }
}

/// An empty variable is how many deployment tools write "none".
fn given(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| !secret.expose_secret().is_empty())
}

fn non_empty(text: &str) -> Result<SecretString, &'static str> {
    if text.is_empty() {
        Err("it must not be empty: anyone could sign with nothing")
    } else {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: &[&str] = &[
        "preview-webhook",
        "--webhook-secret=s3cret",
        "--github-app-id=7",
        "--github-private-key=k3y\\nk3y",
    ];

    fn with(more: &[&'static str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(REQUIRED.iter().chain(more))
    }

    #[test]
    fn defaults_are_those_of_a_developers_machine() {
        let config = with(&[]).expect("a configuration");
        assert!(config.webhook_listen.ip().is_loopback());
        assert_eq!(
            config.temporal.temporal_address.as_str(),
            "http://127.0.0.1:7233/"
        );
        assert_eq!(config.temporal.preview_task_queue, "previews");
        assert_eq!(config.terms().expect("terms").ttl, Ttl::DEFAULT);
    }

    #[test]
    fn secrets_are_in_no_debug_output() {
        let config = with(&["--webhook-secret-previous=0lder"]).expect("a configuration");
        let shown = format!("{config:?} {:?} {:?}", config.secrets(), config.github);
        for secret in ["s3cret", "0lder", "k3y"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_setting_that_cannot_be_read_is_named() {
        for (setting, named) in [
            ("--webhook-secret=", "WEBHOOK_SECRET"),
            ("--github-app-id=preview-app", "GITHUB_APP_ID"),
            ("--temporal-address=::", "TEMPORAL_ADDRESS"),
            ("--preview-ttl=1 month", "PREVIEW_TTL"),
        ] {
            let name = setting.split('=').next().expect("a name");
            let others = REQUIRED.iter().filter(|other| !other.starts_with(name));
            let error = Config::try_parse_from(others.chain([&setting])).expect_err(setting);
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        let error = with(&["--preview-ttl=2d"])
            .expect("readable")
            .terms()
            .expect_err("beyond the maximum");
        assert!(error.to_string().contains("PREVIEW_TTL is 2d"), "{error}");
    }
}
