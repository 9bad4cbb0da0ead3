//! Fetches an App that somebody has registered from a manifest.

use octocrab::AuthState;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::{
    Error, ErrorKind, Operation,
    transport::{Credentials, Transport},
};

/// An App that GitHub has made of a manifest, with its secrets, which GitHub shows this once.
#[derive(Debug, Deserialize)]
pub struct NewApp {
    /// The App's number.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its page.
    pub html_url: Url,
    /// Its RSA private key in PEM form.
    #[serde(rename = "pem")]
    pub private_key: SecretString,
    /// What its deliveries are signed with.
    pub webhook_secret: SecretString,
}

/// Exchanges the code with which GitHub has sent a browser back for the App. Not idempotent: a code is good
/// once, and for an hour.
///
/// `api_url` is as in [`AppConfig`](crate::AppConfig). Must be called within a Tokio runtime.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the code is not good, or not any more. With [`ErrorKind::Unexpected`] the App
/// exists, and its secrets are lost.
pub async fn convert_manifest(api_url: &Url, code: &str) -> Result<NewApp, Error> {
    const DOING: &str = "fetching the App that was registered";
    let transport = Transport::new(api_url.clone(), AuthState::None, None)
        .map_err(|error| Error::new(DOING, ErrorKind::Unavailable(error.to_string())))?;
    let segments = ["app-manifests", code, "conversions"];
    let call = transport.call(DOING.to_owned(), Operation::ConvertManifest, &segments);
    transport.send(&call, &Credentials::None).await?.json()
}
