//! Where Temporal is, how it is reached, and on which queue webhook and worker meet.

use std::time::Duration;

use clap::Args;
use temporalio_client::{
    ClientOptions, ConnectionOptions,
    envconfig::{ConfigError, LoadClientConfigProfileOptions},
};
use url::Url;

/// Longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What both have to be told alike.
#[derive(Debug, Args)]
pub struct TemporalSettings {
    /// Temporal's frontend: host:port, or a URL. TLS certificates and API keys are read from the variables
    /// that Temporal's own programs know: TEMPORAL_API_KEY, TEMPORAL_TLS, TEMPORAL_TLS_SERVER_CA_CERT_PATH,
    /// TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_NAME.
    #[arg(long, env, default_value = "127.0.0.1:7233", value_parser = temporal_address)]
    pub temporal_address: Url,

    /// The namespace in Temporal.
    #[arg(long, env, default_value = "default")]
    pub temporal_namespace: String,

    /// The task queue on which previews wait for a worker. GitHub's is beside
    /// it, with `-github` behind its name.
    #[arg(long, env, default_value = "previews")]
    pub preview_task_queue: String,
}

/// Temporal's variables contradict each other, or name a file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("TEMPORAL_TLS, TEMPORAL_TLS_…, TEMPORAL_API_KEY: {0}")]
pub struct InvalidConnection(String);

impl TemporalSettings {
    /// How a connection is made.
    ///
    /// # Errors
    /// If what the environment says about it is of no use.
    pub fn connection(&self) -> Result<ConnectionOptions, InvalidConnection> {
        // Not from the file that people keep for their own programs: a service has what it is given.
        let environment = LoadClientConfigProfileOptions::builder().disable_file(true).build();
        let (mut options, _) = ClientOptions::load_from_config(environment)
            .map_err(|error: ConfigError| InvalidConnection(error.to_string()))?;
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
