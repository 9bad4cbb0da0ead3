//! Where the App's secrets are kept.

mod directory;
mod kubernetes_secret;

use std::fmt;

use github::NewApp;

use super::options::Options;
use directory::Directory;
use kubernetes_secret::KubernetesSecret;

/// A place for the secrets, which was looked at before: they can be kept there, and overwrite nothing.
pub(crate) enum Keeping {
    /// A Secret of a cluster.
    Secret(Box<KubernetesSecret>),
    /// Files.
    Directory(Directory),
    /// None: the page shows them.
    Shown,
}

impl Keeping {
    /// Looks at the place that the options name.
    ///
    /// # Errors
    /// If they could not be kept there, or only over what is there already.
    pub(crate) async fn prepare(options: &Options) -> anyhow::Result<Self> {
        Ok(match (&options.kubernetes_secret, &options.directory) {
            (Some(name), _) => {
                let context = options.kube_context.as_deref();
                Self::Secret(Box::new(KubernetesSecret::prepare(name.clone(), context, options.force).await?))
            }
            (None, Some(folder)) => Self::Directory(Directory::prepare(folder.clone(), options.force)?),
            (None, None) => Self::Shown,
        })
    }

    /// Keeps them.
    ///
    /// # Errors
    /// If that failed: they are in no other place then.
    pub(crate) async fn keep(&self, app: &NewApp) -> anyhow::Result<()> {
        match self {
            Self::Secret(secret) => secret.write(app).await,
            Self::Directory(directory) => directory.write(app),
            Self::Shown => Ok(()),
        }
    }
}

/// In a sentence: "they are kept in …".
impl fmt::Display for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(secret) => secret.fmt(f),
            Self::Directory(directory) => directory.fmt(f),
            Self::Shown => f.write_str("the page that follows, once"),
        }
    }
}

#[cfg(test)]
fn app_for_tests() -> NewApp {
    serde_json::from_value(serde_json::json!({
        "id": 7, "slug": "previews", "name": "Previews", "html_url": "https://github.com/apps/previews",
        "pem": "-----BEGIN RSA PRIVATE KEY-----\n", "webhook_secret": "hush",
    }))
    .expect("an App")
}
