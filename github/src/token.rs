//! Installation tokens, cached until shortly before they expire.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::InstallationId;
use jiff::{SignedDuration, Timestamp};
use moka::{Expiry, future::Cache, ops::compute::Op};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Level, Operation, Permission, app_permissions,
    transport::{Credentials, Transport},
};

/// A token is replaced when it has less than this left, so that no request leaves with one that
/// expires on the way. Tokens live an hour.
const REFRESH_MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// An installation's token. [`SecretString`] keeps it out of every `Debug`.
#[derive(Clone, Deserialize)]
pub(crate) struct Token {
    #[serde(rename = "token")]
    pub(crate) secret: SecretString,
    expires_at: Timestamp,
}

/// The tokens in use, one per installation. Whoever needs one that is being minted waits for that one.
pub(crate) struct Tokens {
    /// What they may do: exactly what the calls of this crate need, however much the installation
    /// would grant.
    permissions: BTreeMap<Permission, Level>,
    cache: Cache<InstallationId, Token>,
}

/// Each token is kept until shortly before it expires.
struct RefreshBeforeExpiry;

impl Expiry<InstallationId, Token> for RefreshBeforeExpiry {
    fn expire_after_create(&self, _: &InstallationId, token: &Token, _: Instant) -> Option<Duration> {
        let left = Timestamp::now().duration_until(token.expires_at) - REFRESH_MARGIN;
        Some(left.max(SignedDuration::ZERO).unsigned_abs())
    }
}

impl Tokens {
    /// None yet. Those to come may write deployments only if that is wanted: GitHub refuses to
    /// mint a token that may do more than the App.
    pub(crate) fn new(with_deployments: bool) -> Self {
        Self {
            permissions: app_permissions(with_deployments),
            cache: Cache::builder().expire_after(RefreshBeforeExpiry).build(),
        }
    }

    /// The installation's token, minted if there is none that lasts.
    pub(crate) async fn get(
        &self,
        transport: &Transport,
        installation: InstallationId,
    ) -> Result<Token, Error> {
        let mint = mint(transport, installation, &self.permissions);
        let token = Box::pin(self.cache.try_get_with(installation, mint)).await;
        token.map_err(|error: Arc<Error>| Error::clone(&error))
    }

    /// GitHub rejected `token`: nobody shall use it again. A successor that
    /// someone has minted meanwhile stays.
    pub(crate) async fn discard(&self, installation: InstallationId, token: &Token) {
        let rejected = token.secret.expose_secret();
        let is_rejected = |current: &Token| current.secret.expose_secret() == rejected;
        self.cache
            .entry(installation)
            .and_compute_with(async |current| match current {
                Some(entry) if is_rejected(entry.value()) => Op::Remove,
                _ => Op::Nop,
            })
            .await;
    }
}

async fn mint(
    transport: &Transport,
    installation: InstallationId,
    permissions: &BTreeMap<Permission, Level>,
) -> Result<Token, Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        permissions: &'a BTreeMap<Permission, Level>,
    }
    let id = installation.to_string();
    let call = transport
        .call(
            format!("getting an access token for installation {installation}"),
            Operation::CreateToken,
            &["app", "installations", &id, "access_tokens"],
        )
        .json(&Body { permissions });
    transport.send(&call, &Credentials::App).await?.json()
}
