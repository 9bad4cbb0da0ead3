//! GitHub Apps, where they are installed, and the tokens they hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use super::Repository;
use crate::keys::AppKeys;

/// An App.
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) homepage: String,
    pub(crate) owner: String,
    /// May accounts other than the owner install it?
    pub(crate) is_public: bool,
    /// What it asks of whoever installs it.
    pub(crate) permissions: Permissions,
    pub(crate) events: Vec<String>,
    pub(crate) keys: AppKeys,
    /// Of an App that was registered from a manifest, if that names a webhook; the courier has the first
    /// App's.
    pub(crate) webhook: Option<AppWebhook>,
    pub(crate) created_at: Timestamp,
}

/// Where an App wants its deliveries.
#[derive(Clone)]
pub(crate) struct AppWebhook {
    pub(crate) url: Url,
    pub(crate) secret: SecretString,
}

impl App {
    /// What the first App subscribes to.
    pub(crate) const USUAL_EVENTS: &[&str] = &["issue_comment", "pull_request"];

    /// The login under which the App comments.
    pub(crate) fn bot_login(&self) -> String {
        format!("{}[bot]", self.slug)
    }

    pub(crate) fn client_id(&self) -> String {
        format!("Iv23li{:014x}", self.id)
    }
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Read,
    Write,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            _ => None,
        }
    }
}

/// Permissions by GitHub's name, `issues` → write.
pub(crate) type Permissions = BTreeMap<String, Level>;

/// Which repositories an installation or token covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Only(BTreeSet<u64>),
}

impl Selection {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Only(_) => "selected",
        }
    }

    pub(crate) fn contains(&self, repository_id: u64) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&repository_id),
        }
    }
}

/// An App on one account.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    /// The App's number.
    pub(crate) app: u64,
    pub(crate) account: String,
    pub(crate) selection: Selection,
    pub(crate) permissions: Permissions,
    pub(crate) created_at: Timestamp,
}

impl Installation {
    /// What a deploy-preview app asks for. Comments on pull requests need both `issues` and `pull_requests`
    /// (the documentation says either; GitHub refuses with only one: github/rest-api-description#6994).
    pub(crate) fn usual_permissions() -> Permissions {
        [
            ("contents", Level::Read),
            ("deployments", Level::Write),
            ("issues", Level::Write),
            ("metadata", Level::Read),
            ("pull_requests", Level::Write),
        ]
        .map(|(name, level)| (name.to_owned(), level))
        .into()
    }

    pub(crate) fn covers(&self, repository: &Repository) -> bool {
        self.account.eq_ignore_ascii_case(&repository.owner) && self.selection.contains(repository.id)
    }
}

/// An installation access token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// Number of the App.
    pub(crate) app: u64,
    pub(crate) installation: u64,
    pub(crate) expires_at: Timestamp,
    pub(crate) selection: Selection,
    pub(crate) permissions: Permissions,
}
