//! The App: its settings, and the credentials of its calls.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{InstallationId, RateLimits};
use jiff::Timestamp;
use octocrab::{
    AuthState,
    auth::{AppAuth, EncodingKey},
    models::AppId,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use crate::{
    Error, ErrorKind, Observer, Operation,
    token::Tokens,
    transport::{Answer, Call, Credentials, Transport},
};

/// Who we are at which GitHub.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// The root of the REST API: `https://api.github.com`, or
    /// `https://HOST/api/v3` for GitHub Enterprise Server.
    pub api_url: Url,
    /// The App's number, from its settings page.
    pub app_id: u64,
    /// The App's RSA private key in PEM form.
    pub private_key: SecretString,
    /// Are previews to be shown in GitHub's own list of deployments? The App needs the
    /// permission `deployments: write` for that.
    pub deployments: bool,
}

/// A configuration that no request could be made with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an address of an HTTP API.
    #[error(
        "`{0}` cannot be the root of GitHub's API: expected `https://api.github.com` or `https://HOST/api/v3`"
    )]
    ApiUrl(String),
    /// The key cannot be used. What it says is never repeated.
    #[error(
        "the App's private key cannot be read: expected the PEM file that GitHub generated, beginning with `-----BEGIN RSA PRIVATE KEY-----`"
    )]
    PrivateKey,
    /// The machine knows no certificate authorities.
    #[error(
        "no certificate authorities found ({0}): install the `ca-certificates` package or set SSL_CERT_FILE"
    )]
    Certificates(io::Error),
}

/// The App at GitHub. Cheap to clone; all clones share connections and tokens.
#[derive(Clone)]
pub struct GitHubApp {
    inner: Arc<Inner>,
}

struct Inner {
    app_id: u64,
    transport: Transport,
    tokens: Tokens,
    slug: OnceCell<Option<String>>,
    /// Of all clones: what GitHub tells one of them, the others obey.
    limits: Mutex<RateLimits>,
}

impl GitHubApp {
    /// Prepares a client; nothing is sent yet. Must be called within a Tokio
    /// runtime, which drives its connections.
    ///
    /// # Errors
    /// If no request could ever be made with this configuration.
    pub fn new(config: &AppConfig) -> Result<Self, ConfigError> {
        Self::prepare(config, None)
    }

    /// The same; `observer` is told of each exchange.
    ///
    /// # Errors
    /// If no request could ever be made with this configuration.
    pub fn observed(config: &AppConfig, observer: Arc<dyn Observer>) -> Result<Self, ConfigError> {
        Self::prepare(config, Some(observer))
    }

    fn prepare(config: &AppConfig, observer: Option<Arc<dyn Observer>>) -> Result<Self, ConfigError> {
        let root = &config.api_url;
        if !matches!(root.scheme(), "http" | "https") || !root.has_host() || root.query().is_some() {
            return Err(ConfigError::ApiUrl(root.to_string()));
        }
        let app = app_auth(config.app_id, &config.private_key)?;
        Ok(Self {
            inner: Arc::new(Inner {
                app_id: config.app_id,
                transport: Transport::new(root.clone(), AuthState::App(app), observer)?,
                tokens: Tokens::new(config.deployments),
                slug: OnceCell::new(),
                limits: Mutex::default(),
            }),
        })
    }

    /// Signs with another of the App's private keys from now on, here and in all clones. Tokens that were got
    /// with the one before stay good, as GitHub has it.
    ///
    /// # Errors
    /// If it cannot be used. Then the one before counts.
    pub fn sign_with(&self, private_key: &SecretString) -> Result<(), ConfigError> {
        self.transport().sign_as(app_auth(self.inner.app_id, private_key)?);
        Ok(())
    }

    /// The App's number.
    pub(crate) fn app_id(&self) -> u64 {
        self.inner.app_id
    }

    /// The App's name in addresses; its comments are signed `<slug>[bot]`. Asked of GitHub once, then
    /// remembered. `None` if GitHub does not say: its description makes that optional.
    ///
    /// # Errors
    /// If GitHub does not answer, or does not know the App.
    pub async fn slug(&self) -> Result<Option<&str>, Error> {
        #[derive(Deserialize)]
        struct App {
            slug: Option<String>,
        }
        let transport = self.transport();
        let slug = self
            .inner
            .slug
            .get_or_try_init(|| async {
                let call = transport.call(
                    "reading the App's own description".to_owned(),
                    Operation::GetApp,
                    &["app"],
                );
                let answer = transport.send(&call, &Credentials::App).await?;
                let app: Option<App> = answer.json()?;
                Ok::<_, Error>(app.and_then(|app| app.slug))
            })
            .await?;
        Ok(slug.as_deref())
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// Sends a call for an installation, unless GitHub has told us to stay away: who goes on asking is
    /// locked out for longer.
    pub(crate) async fn send(&self, installation: InstallationId, call: &Call) -> Result<Answer, Error> {
        if let Some(wait) = self.limits().wait(installation, Timestamp::now()) {
            return Err(Error::new(&call.doing, still_limited(wait)));
        }
        let result = self.send_signed(installation, call).await;
        if let Err(error) = &result
            && let Some(wait) = error.retry_after()
        {
            self.limits().refused(installation, Timestamp::now(), wait);
        }
        result
    }

    fn limits(&self) -> MutexGuard<'_, RateLimits> {
        self.inner.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A rejected token is replaced once: GitHub may have revoked it before its time.
    async fn send_signed(&self, installation: InstallationId, call: &Call) -> Result<Answer, Error> {
        let Inner { transport, tokens, .. } = &*self.inner;
        let token = tokens.get(transport, installation).await?;
        match transport
            .send(call, &Credentials::Installation(installation, &token.secret))
            .await
        {
            Err(error) if matches!(error.kind(), ErrorKind::Unauthorized(_)) => {
                tokens.discard(installation, &token).await;
                let token = tokens.get(transport, installation).await?;
                transport
                    .send(call, &Credentials::Installation(installation, &token.secret))
                    .await
            }
            result => result,
        }
    }
}

fn app_auth(app_id: u64, private_key: &SecretString) -> Result<AppAuth, ConfigError> {
    let key = EncodingKey::from_rsa_pem(private_key.expose_secret().as_bytes())
        .map_err(|_| ConfigError::PrivateKey)?;
    Ok(AppAuth { app_id: AppId(app_id), key })
}

/// The answer that GitHub would give.
fn still_limited(wait: Duration) -> ErrorKind {
    // In whole seconds, as GitHub counts, and never too early.
    let retry_after = Duration::from_secs(wait.as_secs() + 1);
    ErrorKind::RateLimited {
        retry_after,
        message: "it has told us to stay away".to_owned(),
    }
}
