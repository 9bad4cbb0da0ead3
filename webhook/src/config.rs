//! With which settings does the service run? Each is an environment variable; `--help` lists them.

use std::net::SocketAddr;

use clap::Parser;
use secrecy::{ExposeSecret, SecretString};
use service::{LogFormat, TemporalSettings};
use workflows::vocabulary::AllowedOwners;

use crate::signature::Secrets;

/// Receives GitHub's deliveries and passes on what concerns previews.
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

    /// Whom the service serves, separated by commas: octo-org,mona/shop. What others send is answered with 204 and goes no further.
    #[arg(long, env)]
    pub preview_allowed_owners: AllowedOwners,

    /// Where the workflows run.
    #[command(flatten)]
    pub temporal: TemporalSettings,

    /// How log lines look. RUST_LOG chooses which are written.
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,
}

impl Config {
    /// What deliveries are signed with.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let previous = given(self.webhook_secret_previous.as_ref()).cloned();
        Secrets::new(self.webhook_secret.clone(), previous)
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
        "--preview-allowed-owners=octo-org",
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
    }

    #[test]
    fn there_is_no_service_for_nobody_in_particular() {
        let without = REQUIRED
            .iter()
            .filter(|argument| !argument.starts_with("--preview-allowed-owners"));
        let error = Config::try_parse_from(without).expect_err("whom does it serve?");
        assert!(
            error.to_string().contains("PREVIEW_ALLOWED_OWNERS"),
            "{error}"
        );
    }

    #[test]
    fn secrets_are_in_no_debug_output() {
        let config = with(&["--webhook-secret-previous=0lder"]).expect("a configuration");
        let shown = format!("{config:?} {:?}", config.secrets());
        for secret in ["s3cret", "0lder"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_setting_that_cannot_be_read_is_named() {
        for (setting, named) in [
            ("--webhook-secret=", "WEBHOOK_SECRET"),
            ("--temporal-address=::", "TEMPORAL_ADDRESS"),
            ("--preview-allowed-owners=", "PREVIEW_ALLOWED_OWNERS"),
            ("--preview-allowed-owners=*", "PREVIEW_ALLOWED_OWNERS"),
            ("--webhook-listen=8080", "WEBHOOK_LISTEN"),
        ] {
            let name = setting.split('=').next().expect("a name");
            let others = REQUIRED.iter().filter(|other| !other.starts_with(name));
            let error = Config::try_parse_from(others.chain([&setting])).expect_err(setting);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
