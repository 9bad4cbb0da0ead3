//! Addresses: GitHub's own, and that of the webhook.

use std::{fmt, str::FromStr};

use domain::Login;
use url::Url;

/// Where the webhook takes deliveries, wherever it is installed.
const WEBHOOK_PATH: &str = "/api/github/webhooks";

const GITHUB_COM: &str = "github.com";

/// One GitHub: github.com, GitHub Enterprise Cloud with data residency, or a GitHub Enterprise Server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitHub {
    /// Of its pages, without a path.
    root: Url,
}

/// Where GitHub is to send deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookUrl(Url);

impl GitHub {
    /// What people call it: `github.com`.
    pub(crate) fn host(&self) -> &str {
        self.root.host_str().unwrap_or_default()
    }

    /// The one that needs no telling.
    pub(crate) fn is_github_com(&self) -> bool {
        self.host() == GITHUB_COM
    }

    /// Where its REST API is, as the worker's GITHUB_API_URL says it.
    pub(crate) fn api_url(&self) -> Url {
        let mut api = self.root.clone();
        let host = self.host().to_owned();
        if self.is_github_com() || host.ends_with(".ghe.com") {
            // It was a host before, and is one with a name in front.
            let _ = api.set_host(Some(&format!("api.{host}")));
        } else {
            api.set_path("/api/v3");
        }
        api
    }

    /// Where a manifest is posted to, for an organization or for whoever is signed in.
    pub(crate) fn new_app_url(&self, organization: Option<&Login>, state: &str) -> Url {
        let mut url = self.root.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            if let Some(organization) = organization {
                path.extend(["organizations", organization.as_str()]);
            }
            path.extend(["settings", "apps", "new"]);
        }
        url.query_pairs_mut().append_pair("state", state);
        url
    }
}

impl FromStr for GitHub {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let root = web_address(text)?;
        if root.path() == "/" && root.query().is_none() {
            Ok(Self { root })
        } else {
            Err("expected GitHub's address without a path, such as https://github.example.com".to_owned())
        }
    }
}

impl WebhookUrl {
    /// The host alone, where people know nothing else of the service.
    pub(crate) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl FromStr for WebhookUrl {
    type Err = String;

    /// A host alone is enough: the path is known. Another path is taken as it is: a proxy may rewrite it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url = web_address(text)?;
        if url.path() == "/" {
            url.set_path(WEBHOOK_PATH);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn web_address(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}; expected https://HOST"))?;
    let is_usable = matches!(url.scheme(), "https" | "http")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if is_usable {
        Ok(url)
    } else {
        Err("expected https://HOST".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_kind_of_github_has_it() {
        for (root, api) in [
            ("https://github.com", "https://api.github.com/"),
            ("https://octo.ghe.com/", "https://api.octo.ghe.com/"),
            ("https://github.example.com", "https://github.example.com/api/v3"),
            ("http://127.0.0.1:4100", "http://127.0.0.1:4100/api/v3"),
        ] {
            let github: GitHub = root.parse().expect(root);
            assert_eq!(github.api_url().as_str(), api, "{root}");
        }
    }

    #[test]
    fn an_app_is_registered_for_an_organization_or_for_oneself() {
        let github: GitHub = "https://github.com".parse().expect("GitHub");
        let organization = "octo-org".parse().expect("a login");
        assert_eq!(github.new_app_url(None, "s").as_str(), "https://github.com/settings/apps/new?state=s");
        assert_eq!(
            github.new_app_url(Some(&organization), "s").as_str(),
            "https://github.com/organizations/octo-org/settings/apps/new?state=s"
        );
    }

    #[test]
    fn what_is_no_github_is_refused() {
        for text in
            ["github.com", "https://github.com/octo-org", "ftp://github.com", "https://mona@github.com"]
        {
            text.parse::<GitHub>().expect_err(text);
        }
    }

    #[test]
    fn a_webhook_needs_a_host_only() {
        for (text, expected) in [
            ("https://hooks.example.com", "https://hooks.example.com/api/github/webhooks"),
            ("https://hooks.example.com/", "https://hooks.example.com/api/github/webhooks"),
            ("https://example.com/previews/hook", "https://example.com/previews/hook"),
        ] {
            let url: WebhookUrl = text.parse().expect(text);
            assert_eq!(url.to_string(), expected);
        }
        "hooks.example.com".parse::<WebhookUrl>().expect_err("no scheme");
    }

    #[test]
    fn deliveries_go_where_the_webhook_takes_them() {
        assert_eq!(WEBHOOK_PATH, webhook::router::WEBHOOK_PATH);
    }
}
