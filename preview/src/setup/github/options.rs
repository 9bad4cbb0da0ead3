//! What one may say to `preview setup github`.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::Args;
use domain::Login;

use super::address::{GitHub, WebhookUrl};

/// Characters of an App's name, which GitHub gives no more.
const NAME_MAX: usize = 34;

/// What the App is to be, and where its secrets go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The public address of the webhook, https://hooks.example.com. The path follows, unless you give one.
    #[arg(long, value_name = "URL")]
    pub(crate) webhook_url: WebhookUrl,

    /// The organization that is to own the App. Without it, it is yours.
    #[arg(long, value_name = "LOGIN")]
    pub(crate) organization: Option<Login>,

    /// The App's name, which no other App on that GitHub may have. On GitHub's page you can still change it.
    #[arg(long, value_parser = name)]
    name: Option<String>,

    /// The GitHub to register it with; for GitHub Enterprise Server, https://HOST.
    #[arg(long, value_name = "URL", default_value = "https://github.com")]
    pub(crate) github_url: GitHub,

    /// Lets other accounts than its owner install it, too. PREVIEW_ALLOWED_OWNERS still says whom you serve.
    #[arg(long)]
    pub(crate) public: bool,

    /// Asks for the permission that GITHUB_DEPLOYMENTS needs, to show previews in GitHub's own list of
    /// deployments.
    #[arg(long)]
    pub(crate) deployments: bool,

    /// Where the page is shown, on this machine only; port 0 takes a free one. To open it from another
    /// machine, choose a port and forward it: ssh -L PORT:127.0.0.1:PORT.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = loopback)]
    pub(crate) listen: SocketAddr,

    /// Keeps the secrets in a Secret of your cluster, as the chart expects it: with private-key.pem,
    /// webhook-secret and name-key. Without this or --directory, the page shows them once.
    #[arg(long, value_name = "NAMESPACE/NAME", conflicts_with = "directory")]
    pub(crate) kubernetes_secret: Option<SecretName>,

    /// Keeps them in files of this folder that only you can read: private-key.pem, webhook-secret and app-id.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) directory: Option<PathBuf>,

    /// Replaces what is there already.
    #[arg(long)]
    pub(crate) force: bool,

    /// The context of your kubeconfig; the current one if absent.
    #[arg(long, env, value_name = "NAME")]
    pub(crate) kube_context: Option<String>,
}

/// A Secret, and the namespace that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Options {
    /// The name that is proposed.
    pub(crate) fn app_name(&self) -> String {
        let of_organization = self.organization.as_ref().map(|login| format!("{login} previews"));
        self.name
            .clone()
            .or(of_organization.filter(|name| name.len() <= NAME_MAX))
            .unwrap_or_else(|| "Deploy previews".to_owned())
    }

    #[cfg(test)]
    pub(crate) fn read(arguments: &[&str]) -> Self {
        use clap::Parser;

        #[derive(Parser)]
        struct Command {
            #[command(flatten)]
            options: Options,
        }
        let arguments = ["github"].iter().chain(arguments);
        Command::try_parse_from(arguments).expect("good options").options
    }
}

impl FromStr for SecretName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace, 63, "-") && is_name(name, 253, "-.") => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("expected NAMESPACE/NAME, such as preview-system/preview".to_owned()),
        }
    }
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// As Kubernetes names things: small letters, digits, and what else is allowed in between.
fn is_name(text: &str, longest: usize, in_between: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=longest).contains(&text.len())
        && text.chars().all(|c| is_plain(c) || in_between.contains(c))
        && text.starts_with(is_plain)
        && text.ends_with(is_plain)
}

fn name(text: &str) -> Result<String, String> {
    if (1..=NAME_MAX).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected 1 to {NAME_MAX} characters: GitHub takes no more"))
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "expected ADDRESS:PORT".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("expected an address of this machine's loopback interface, such as 127.0.0.1:8090: \
             the page must not be open to others"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_with_its_namespace() {
        let name: SecretName = "preview-system/preview".parse().expect("a name");
        assert_eq!((name.namespace.as_str(), name.name.as_str()), ("preview-system", "preview"));
        for text in ["preview", "/preview", "preview-system/", "Preview/preview", "a/b/c", "-a/b", "a.b/c"] {
            text.parse::<SecretName>().expect_err(text);
        }
    }

    #[test]
    fn the_page_is_for_this_machine_only() {
        for good in ["127.0.0.1:0", "[::1]:8090"] {
            loopback(good).expect(good);
        }
        for bad in ["0.0.0.0:8090", "10.0.0.7:8090", "8090"] {
            loopback(bad).expect_err(bad);
        }
    }

    #[test]
    fn the_app_is_called_after_its_organization_where_that_fits() {
        let webhook = "--webhook-url=https://hooks.example.com";
        let name = |arguments: &[&str]| Options::read(&[&[webhook], arguments].concat()).app_name();
        assert_eq!(name(&[]), "Deploy previews");
        assert_eq!(name(&["--organization=octo-org"]), "octo-org previews");
        assert_eq!(name(&["--organization=an-organization-of-very-many-words"]), "Deploy previews");
        assert_eq!(name(&["--organization=octo-org", "--name=Ours"]), "Ours");
    }
}
