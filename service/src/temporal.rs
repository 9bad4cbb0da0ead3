//! Where is Temporal, and on which queue do webhook and worker meet?

use clap::Args;
use url::Url;

/// What both have to be told alike.
#[derive(Debug, Args)]
pub struct TemporalSettings {
    /// Temporal's frontend: host:port, or a URL.
    #[arg(long, env, default_value = "127.0.0.1:7233", value_parser = temporal_address)]
    pub temporal_address: Url,

    /// The namespace in Temporal.
    #[arg(long, env, default_value = "default")]
    pub temporal_namespace: String,

    /// The task queue on which previews wait for a worker. GitHub's is beside it, with `-github` behind its name.
    #[arg(long, env, default_value = "previews")]
    pub preview_task_queue: String,
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
            assert_eq!(
                temporal_address(text).map(String::from).as_deref(),
                Ok(url),
                "{text}"
            );
        }
        for text in ["", "::", "ftp://frontend:7233"] {
            assert!(temporal_address(text).is_err(), "{text}");
        }
    }
}
