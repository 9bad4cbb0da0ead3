//! Apps that were registered from manifests, as a test sees them.

use std::collections::BTreeMap;

use secrecy::SecretString;
use url::Url;

use super::StandIn;
use crate::model::App;

/// An App that somebody has registered from a manifest.
#[derive(Clone, Debug)]
pub struct RegisteredApp {
    /// Its number.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The account that it belongs to.
    pub owner: String,
    /// May other accounts install it?
    pub is_public: bool,
    /// What it asks of whoever installs it, `issues` → `write`.
    pub permissions: BTreeMap<String, String>,
    /// What it subscribes to.
    pub events: Vec<String>,
    /// Where its deliveries would go. None are made.
    pub webhook_url: Option<Url>,
    /// What they would be signed with.
    pub webhook_secret: Option<SecretString>,
    /// Its private key (PKCS#1, PEM).
    pub private_key: SecretString,
}

impl RegisteredApp {
    fn of(app: &App) -> Self {
        Self {
            id: app.id,
            slug: app.slug.clone(),
            name: app.name.clone(),
            owner: app.owner.clone(),
            is_public: app.is_public,
            permissions: app
                .permissions
                .iter()
                .map(|(name, level)| (name.clone(), level.name().to_owned()))
                .collect(),
            events: app.events.clone(),
            webhook_url: app.webhook.as_ref().map(|webhook| webhook.url.clone()),
            webhook_secret: app.webhook.as_ref().map(|webhook| webhook.secret.clone()),
            private_key: app.keys.first_pem().into(),
        }
    }
}

impl StandIn {
    /// The Apps that were registered from manifests, oldest first.
    #[must_use]
    pub fn registered_apps(&self) -> Vec<RegisteredApp> {
        self.shared
            .read(|wire| wire.state.apps().skip(1).map(RegisteredApp::of).collect())
    }

    /// Installs one of them on all repositories of an account, and returns the installation's number;
    /// `None` if there is no such App, or it is another account's private one.
    #[must_use]
    pub fn install_app(&self, app: u64, account: &str) -> Option<u64> {
        self.shared.install_app(app, account)
    }
}
