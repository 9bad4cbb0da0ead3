//! The domain below which previews answer.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Longest host name DNS allows, less the longest first label we put before the domain and its dot.
const DOMAIN_MAX: usize = 253 - 63 - 1;

/// The wildcard domain whose subdomains are previews, with scheme and port:
/// `https://previews.example.com`, `http://preview.localhost:8088`.
#[derive(Clone, Debug, PartialEq, Eq, SerializeDisplay, DeserializeFromStr)]
pub struct PreviewDomain {
    secure: bool,
    domain: String,
    port: Option<u16>,
}

/// The text is not an address that previews can live under.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot hold previews: expected `http(s)://domain[:port]`, for example `https://previews.example.com`"
)]
pub struct InvalidPreviewDomain(String);

impl PreviewDomain {
    /// The host name that begins with this label.
    #[must_use]
    pub fn host(&self, label: &str) -> String {
        format!("{label}.{}", self.domain)
    }

    /// Is it opened with TLS?
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The address of a host below the domain, as a person opens it.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}/"),
            None => format!("{scheme}://{host}/"),
        }
    }
}

impl FromStr for PreviewDomain {
    type Err = InvalidPreviewDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (secure, rest) = match text.split_once("://")? {
                ("https", rest) => (true, rest),
                ("http", rest) => (false, rest),
                _ => return None,
            };
            let rest = rest.trim_end_matches('/');
            let (domain, port) = match rest.split_once(':') {
                Some((domain, port)) => (domain, Some(port.parse().ok()?)),
                None => (rest, None),
            };
            let label_is_legal = |label: &str| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            };
            (domain.len() <= DOMAIN_MAX && domain.split('.').all(label_is_legal)).then(|| Self {
                secure,
                domain: domain.to_ascii_lowercase(),
                port,
            })
        };
        parse().ok_or_else(|| InvalidPreviewDomain(text.to_owned()))
    }
}

impl fmt::Display for PreviewDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.domain)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_lives_below_the_domain() {
        for (text, url) in [
            ("http://preview.localhost:8088", "http://pr-1.preview.localhost:8088/"),
            ("https://previews.example.com/", "https://pr-1.previews.example.com/"),
        ] {
            let domain: PreviewDomain = text.parse().expect("a domain");
            assert_eq!(domain.url(&domain.host("pr-1")), url);
            assert_eq!(domain.to_string().parse(), Ok(domain));
        }
    }

    #[test]
    fn an_address_that_cannot_hold_previews_is_refused() {
        for text in [
            "",
            "previews.example.com",
            "ftp://a",
            "https://",
            "https://a..b",
            "https://a:port",
            "https://-a.b",
            "https://a/b",
        ] {
            assert!(text.parse::<PreviewDomain>().is_err(), "{text}");
        }
    }
}
