//! Reads what GitHub knows of the App itself, and of who has installed it.

use std::collections::BTreeMap;

use domain::InstallationId;
use serde::Deserialize;

use crate::{Error, GitHubApp, Operation, transport::Credentials};

/// As many installations are read.
const INSTALLATIONS_MAX: &str = "100";

/// The App, as its settings page has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Registration {
    /// Its name in addresses, if GitHub says it.
    pub slug: Option<String>,
    /// By GitHub's names: `issues`: `write`.
    pub permissions: BTreeMap<String, String>,
    /// What GitHub tells the webhook of.
    pub events: Vec<String>,
}

/// The App on one account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct Installation {
    /// What tokens are asked of.
    pub id: InstallationId,
    /// Whose.
    pub account: String,
    /// What the account has granted, which may lag behind what the App asks for.
    pub permissions: BTreeMap<String, String>,
    /// It does nothing for the time being.
    pub is_suspended: bool,
}

#[derive(Deserialize)]
struct Wire {
    id: InstallationId,
    account: Option<Account>,
    permissions: BTreeMap<String, String>,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    /// An enterprise has a slug in its place.
    login: Option<String>,
    slug: Option<String>,
}

impl From<Wire> for Installation {
    fn from(wire: Wire) -> Self {
        let account = wire.account.and_then(|account| account.login.or(account.slug));
        Self {
            id: wire.id,
            account: account.unwrap_or_else(|| "an account that is gone".to_owned()),
            permissions: wire.permissions,
            is_suspended: wire.suspended_at.is_some(),
        }
    }
}

impl GitHubApp {
    /// Reads the App's own description.
    ///
    /// # Errors
    /// If GitHub does not answer, or does not know the App, or its key.
    pub async fn registration(&self) -> Result<Registration, Error> {
        let transport = self.transport();
        let call =
            transport.call("reading the App's own description".to_owned(), Operation::GetApp, &["app"]);
        transport.send(&call, &Credentials::App).await?.json()
    }

    /// Reads who has installed the App: up to 100 accounts.
    ///
    /// # Errors
    /// As above.
    pub async fn installations(&self) -> Result<Vec<Installation>, Error> {
        let transport = self.transport();
        let call = transport
            .call(
                "listing the App's installations".to_owned(),
                Operation::ListInstallations,
                &["app", "installations"],
            )
            .query(&[("per_page", INSTALLATIONS_MAX)]);
        transport.send(&call, &Credentials::App).await?.json()
    }
}
