//! Where Temporal is, how it is reached, and on which queue webhook and worker meet.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use temporalio_client::{
    Client, ConnectionOptions,
    envconfig::{ConfigError, LoadClientConfigProfileOptions},
};
use temporalio_common::envconfig::load_client_config_profile;
use url::Url;

use crate::secret::{SecretError, keep_current, one_line, possibly_empty_path, read_one};

/// Longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What both have to be told alike.
#[derive(Clone, Debug, Args)]
pub struct TemporalSettings {
    /// Temporal's frontend: host:port, or a URL. TLS certificates and API keys are read from the variables
    /// that Temporal's own programs know: TEMPORAL_API_KEY, TEMPORAL_TLS, TEMPORAL_TLS_SERVER_CA_CERT_PATH,
    /// TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_NAME.
    #[arg(long, env, default_value = "127.0.0.1:7233", value_parser = temporal_address)]
    pub temporal_address: Url,

    /// The file that holds the API key, in place of TEMPORAL_API_KEY. It is read again every ten seconds.
    #[arg(long, env, value_name = "FILE", value_parser = possibly_empty_path)]
    temporal_api_key_file: Option<PathBuf>,

    /// The namespace in Temporal.
    #[arg(long, env, default_value = "default")]
    pub temporal_namespace: String,

    /// The task queue on which previews wait for a worker. GitHub's is beside
    /// it, with `-github` behind its name.
    #[arg(long, env, default_value = "previews")]
    pub preview_task_queue: String,
}

/// What the settings say of the connection is of no use.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConnection {
    /// Temporal's variables contradict each other, or name a file that cannot be read.
    #[error("TEMPORAL_TLS, TEMPORAL_TLS_…, TEMPORAL_API_KEY: {0}")]
    Variables(String),
    /// There is no API key where one should be.
    #[error(transparent)]
    ApiKey(#[from] SecretError),
    /// Nothing is in its file.
    #[error("TEMPORAL_API_KEY_FILE is empty")]
    NoApiKey,
}

impl TemporalSettings {
    /// How a connection is made.
    ///
    /// # Errors
    /// If what the environment says about it is of no use.
    pub fn connection(&self) -> Result<ConnectionOptions, InvalidConnection> {
        // Not from the file that people keep for their own programs: a service has what it is given.
        let environment = LoadClientConfigProfileOptions::builder().disable_file(true).build();
        let invalid = |error: ConfigError| InvalidConnection::Variables(error.to_string());
        let mut profile = load_client_config_profile(environment, None).map_err(invalid)?;
        if self.api_key_file().is_some() {
            let itself = profile.api_key.take().map(SecretString::from);
            let key = self.read_api_key(itself.as_ref())?;
            profile.api_key = Some(key.expose_secret().to_owned());
        }
        let mut options = ConnectionOptions::try_from(profile).map_err(invalid)?;
        options.target = self.temporal_address.clone();
        options.connect_timeout = Some(CONNECT_TIMEOUT);
        if options.target.scheme() == "https" {
            options.tls_options.get_or_insert_default();
        } else if options.tls_options.is_some() {
            // An address without a scheme was taken for one without TLS.
            let _ = options.target.set_scheme("https");
        }
        Ok(options)
    }

    fn api_key_file(&self) -> Option<&PathBuf> {
        self.temporal_api_key_file.as_ref().filter(|path| !path.as_os_str().is_empty())
    }

    fn read_api_key(&self, itself: Option<&SecretString>) -> Result<SecretString, InvalidConnection> {
        let key = one_line(&read_one("TEMPORAL_API_KEY", itself, self.api_key_file())?);
        if key.expose_secret().is_empty() {
            return Err(InvalidConnection::NoApiKey);
        }
        Ok(key)
    }

    /// The API key as its file has it now; `None` if there is no such file.
    ///
    /// # Errors
    /// If it cannot be read, or is empty.
    pub(crate) fn api_key_in_file(&self) -> Result<Option<SecretString>, InvalidConnection> {
        self.api_key_file().map(|_| self.read_api_key(None)).transpose()
    }

    /// Sends each new API key that appears in the file with all calls of this client and its clones, for as
    /// long as it is polled.
    pub(crate) async fn keep_api_key_current(self, temporal: Client, known: SecretString) {
        let take = |key: &SecretString| {
            temporal.connection().set_api_key(Some(key.expose_secret().to_owned()));
            Ok::<_, Infallible>(())
        };
        keep_current("Temporal's API key", known, || self.read_api_key(None), take).await;
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

    #[test]
    fn an_address_is_written_as_the_temporal_program_takes_it_or_as_a_url() {
        for (text, url) in [
            ("frontend:7233", "http://frontend:7233/"),
            ("https://frontend:7233", "https://frontend:7233/"),
        ] {
            assert_eq!(temporal_address(text).map(String::from).as_deref(), Ok(url), "{text}");
        }
        for text in ["", "::", "ftp://frontend:7233"] {
            assert!(temporal_address(text).is_err(), "{text}");
        }
    }
}
