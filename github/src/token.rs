//! Installation tokens, cached until shortly before they expire.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::InstallationId;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    transport::{Credentials, Transport},
};

/// A token is replaced when it has less than this left, so that no request leaves with one that
/// expires on the way. Tokens live an hour.
const REFRESH_MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// What our tokens may do: exactly what the calls of this crate need, however
/// much the installation would grant.
const PERMISSIONS: Permissions = Permissions {
    // The repository's own configuration, and a chart that lies in it.
    contents: "read",
    deployments: None,
    issues: "write",
    metadata: "read",
    // A comment on a pull request takes this besides `issues`, whatever the documentation
    // says (github/rest-api-description#6994).
    pull_requests: "write",
};

#[derive(Clone, Copy, Serialize)]
struct Permissions {
    contents: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployments: Option<&'static str>,
    issues: &'static str,
    metadata: &'static str,
    pull_requests: &'static str,
}

/// An installation's token. [`SecretString`] keeps it out of every `Debug`.
#[derive(Clone, Deserialize)]
pub(crate) struct Token {
    #[serde(rename = "token")]
    pub(crate) secret: SecretString,
    expires_at: Timestamp,
    /// Tells a token from its successor without comparing secrets.
    #[serde(skip)]
    generation: u64,
}

/// The tokens in use, one per installation.
pub(crate) struct Tokens {
    permissions: Permissions,
    slots: Mutex<HashMap<InstallationId, Arc<Slot>>>,
}

/// One installation's token. The lock is held while a new one is minted:
/// whoever else needs it waits for that one.
type Slot = tokio::sync::Mutex<Option<Token>>;

impl Tokens {
    /// None yet. Those to come may write deployments only if that is wanted: GitHub refuses to
    /// mint a token that may do more than the App.
    pub(crate) fn new(with_deployments: bool) -> Self {
        Self {
            permissions: Permissions {
                deployments: with_deployments.then_some("write"),
                ..PERMISSIONS
            },
            slots: Mutex::default(),
        }
    }

    /// The installation's token, minted if there is none that lasts.
    pub(crate) async fn get(
        &self,
        transport: &Transport,
        installation: InstallationId,
    ) -> Result<Token, Error> {
        let slot = self.slot(installation);
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref().filter(|token| token.lasts(Timestamp::now())) {
            return Ok(token.clone());
        }
        let mut token = mint(transport, installation, self.permissions).await?;
        token.generation = slot.as_ref().map_or(0, |previous| previous.generation.wrapping_add(1));
        *slot = Some(token.clone());
        Ok(token)
    }

    /// GitHub rejected `token`: nobody shall use it again. A successor that
    /// someone has minted meanwhile stays.
    pub(crate) async fn discard(&self, installation: InstallationId, token: &Token) {
        let slot = self.slot(installation);
        let mut slot = slot.lock().await;
        if let Some(current) = slot.as_mut().filter(|current| current.generation == token.generation) {
            // Expired rather than removed: the next generation counts on from this one.
            current.expires_at = Timestamp::MIN;
        }
    }

    fn slot(&self, installation: InstallationId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(installation).or_default())
    }
}

impl Token {
    fn lasts(&self, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) > REFRESH_MARGIN
    }
}

async fn mint(
    transport: &Transport,
    installation: InstallationId,
    permissions: Permissions,
) -> Result<Token, Error> {
    #[derive(Serialize)]
    struct Body {
        permissions: Permissions,
    }
    let id = installation.to_string();
    let call = transport
        .call(
            format!("getting an access token for installation {installation}"),
            Method::POST,
            &["app", "installations", &id, "access_tokens"],
        )
        .json(&Body { permissions });
    transport.send(&call, &Credentials::App).await?.json()
}
