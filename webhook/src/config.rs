//! With which settings does the service run? Each is an environment variable; `--help` lists them.

use std::{convert::Infallible, fs, io, net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use github::AppConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
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

    /// The root of GitHub's REST API; for GitHub Enterprise Server: https://HOST/api/v3.
    #[arg(
        long,
        env,
        value_name = "URL",
        default_value = "https://api.github.com"
    )]
    github_api_url: Url,

    /// The App's number, from its settings page.
    #[arg(long, env)]
    github_app_id: u64,

    /// The App's private key itself, as PEM; line ends may be written as \n.
    #[arg(long, env, hide_env_values = true)]
    github_private_key: Option<SecretString>,

    /// The file that holds the App's private key, in place of GITHUB_PRIVATE_KEY.
    #[arg(long, env, value_parser = possibly_empty_path)]
    github_private_key_file: Option<PathBuf>,

    /// Temporal's frontend: host:port, or a URL.
    #[arg(long, env, default_value = "127.0.0.1:7233", value_parser = temporal_address)]
    pub temporal_address: Url,

    /// The namespace in Temporal.
    #[arg(long, env, default_value = "default")]
    pub temporal_namespace: String,

    /// The task queue that the workers listen to.
    #[arg(long, env, default_value = "previews")]
    pub preview_task_queue: String,

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

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
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
    /// No key, or two.
    #[error("set either GITHUB_PRIVATE_KEY or GITHUB_PRIVATE_KEY_FILE: {0}")]
    PrivateKey(&'static str),
    /// The key's file cannot be read.
    #[error("GITHUB_PRIVATE_KEY_FILE: cannot read {path}", path = path.display())]
    PrivateKeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Config {
    /// What deliveries are signed with.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let previous = given(self.webhook_secret_previous.as_ref()).cloned();
        Secrets::new(self.webhook_secret.clone(), previous)
    }

    /// Who we are at GitHub.
    ///
    /// # Errors
    /// If there is not exactly one key, or its file cannot be read.
    pub fn github(&self) -> Result<AppConfig, ConfigError> {
        let key = given(self.github_private_key.as_ref());
        let file = self.github_private_key_file.as_ref();
        let file = file.filter(|path| !path.as_os_str().is_empty());
        let private_key = match (key, file) {
            (Some(key), None) => key.expose_secret().replace("\\n", "\n"),
            (None, Some(path)) => {
                fs::read_to_string(path).map_err(|source| ConfigError::PrivateKeyFile {
                    path: path.clone(),
                    source,
                })?
            }
            (None, None) => return Err(ConfigError::PrivateKey("neither is set")),
            (Some(_), Some(_)) => return Err(ConfigError::PrivateKey("both are set")),
        };
        Ok(AppConfig {
            api_url: self.github_api_url.clone(),
            app_id: self.github_app_id,
            private_key: private_key.into(),
        })
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

/// clap's own parser for paths refuses an empty one.
fn possibly_empty_path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.into())
}

fn non_empty(text: &str) -> Result<SecretString, &'static str> {
    if text.is_empty() {
        Err("it must not be empty: anyone could sign with nothing")
    } else {
        Ok(text.into())
    }
}

/// Accepts what `temporal --address` accepts, and URLs.
fn temporal_address(text: &str) -> Result<Url, String> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    with_scheme
        .parse::<Url>()
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| "expected host:port, for example temporal-frontend:7233".to_owned())
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
        assert_eq!(config.temporal_address.as_str(), "http://127.0.0.1:7233/");
        assert_eq!(config.preview_task_queue, "previews");
        assert_eq!(config.terms().expect("terms").ttl, Ttl::DEFAULT);
    }

    #[test]
    fn secrets_are_in_no_debug_output() {
        let config = with(&["--webhook-secret-previous=0lder"]).expect("a configuration");
        let shown = format!("{config:?} {:?} {:?}", config.secrets(), config.github());
        for secret in ["s3cret", "0lder", "k3y"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_key_may_be_written_on_one_line() {
        let config = with(&[]).expect("a configuration");
        let github = config.github().expect("a key");
        assert_eq!(github.private_key.expose_secret(), "k3y\nk3y");
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

    #[test]
    fn there_is_exactly_one_private_key() {
        let github = |settings: &[&str]| {
            Config::try_parse_from(REQUIRED[..3].iter().chain(settings))
                .expect("readable")
                .github()
        };
        let (key, file) = (
            "--github-private-key=k3y",
            "--github-private-key-file=/nowhere",
        );
        let (no_key, no_file) = ("--github-private-key=", "--github-private-key-file=");
        assert!(github(&[key, no_file]).is_ok());
        for settings in [&[][..], &[key, file], &[no_key, no_file]] {
            assert!(matches!(github(settings), Err(ConfigError::PrivateKey(_))));
        }
        let error = github(&[no_key, file]).expect_err("no such file");
        assert!(error.to_string().contains("/nowhere"), "{error}");
    }
}
