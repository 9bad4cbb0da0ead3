//! Registering an App from a manifest, fetching it once, and installing it.

use std::sync::Arc;

use jiff::SignedDuration;
use secrecy::SecretString;

use crate::{
    User,
    keys::{AppKey, AppKeys, random_hex},
    manifest::{self, Manifest},
    model::{AccountKind, App, AppWebhook, Installation, Selection, State},
    shared::Shared,
};

/// How long an App that was registered can be fetched.
const CONVERSION_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Whose App it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The person's who is at the page.
    Personal,
    /// An organisation's.
    Organization(String),
}

/// Why an App was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegistrationRefused {
    #[error("There is no such organization.")]
    NoSuchOrganization,
    #[error("Name is invalid: an App's name has letters or digits, and 34 characters at most.")]
    BadName,
    #[error("Name is already taken.")]
    NameTaken,
}

impl Account {
    /// The login, if there is such an account.
    pub(crate) fn login(&self, state: &State) -> Option<String> {
        match self {
            Self::Personal => Some(User::admin().login().to_owned()),
            Self::Organization(login) => {
                let account = state.account(login);
                let organization = account.filter(|account| account.kind == AccountKind::Organization);
                organization.map(|account| account.login.clone())
            }
        }
    }
}

impl Shared {
    /// Registers an App and returns the code that it can be fetched with.
    pub(crate) fn register(
        &self,
        account: &Account,
        name: &str,
        manifest: Manifest,
        key: AppKey,
    ) -> Result<String, RegistrationRefused> {
        let slug = manifest::slug(name).ok_or(RegistrationRefused::BadName)?;
        let now = self.clock.now();
        self.change(|state| {
            let owner = account.login(state).ok_or(RegistrationRefused::NoSuchOrganization)?;
            if state.app_by_slug(&slug).is_some() {
                return Err(RegistrationRefused::NameTaken);
            }
            let id = state.next_id();
            state.register(App {
                id,
                slug,
                name: name.to_owned(),
                description: manifest.description,
                homepage: manifest.homepage.into(),
                owner,
                is_public: manifest.is_public,
                permissions: manifest.permissions,
                events: manifest.events,
                keys: AppKeys::of(Arc::new(key)),
                webhook: manifest
                    .webhook
                    .map(|url| AppWebhook { url, secret: SecretString::from(random_hex(40)) }),
                created_at: now,
            });
            let code = random_hex(40);
            state.conversion_codes.insert(code.clone(), (id, now + CONVERSION_LIFE));
            Ok(code)
        })
    }

    /// The number of the App that a code stands for; a code is good once, and for an hour.
    pub(crate) fn redeem(&self, code: &str) -> Option<u64> {
        let (app, until) = self.change(|state| state.conversion_codes.remove(code))?;
        (self.clock.now() < until).then_some(app)
    }

    /// Installs the first App on all repositories of an owner, unless it is.
    pub(crate) fn install(&self, owner: &str) {
        let app = self.read(|wire| wire.state.app.id);
        self.install_app(app, owner);
    }

    /// Installs an App on all repositories of an account, unless it is, and returns the installation's
    /// number; `None` if there is no such App, or it is another account's private one.
    pub(crate) fn install_app(&self, app: u64, account: &str) -> Option<u64> {
        let now = self.clock.now();
        self.change(|state| {
            if let Some(there) = state.installation_on(app, account) {
                return Some(there.id);
            }
            let asked = state.app_by_id(app)?;
            if !asked.is_public && !asked.owner.eq_ignore_ascii_case(account) {
                return None;
            }
            let permissions = asked.permissions.clone();
            let id = state.next_id();
            state.installations.insert(
                id,
                Installation {
                    id,
                    app,
                    account: account.to_owned(),
                    selection: Selection::All,
                    permissions,
                    created_at: now,
                },
            );
            Some(id)
        })
    }
}
