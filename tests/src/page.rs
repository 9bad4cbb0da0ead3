//! What does a URL of a preview answer?

use std::net::SocketAddr;

use anyhow::Result;
use url::Url;

use crate::{patience::HTTP, stack::SharedStack};

/// What a URL answered.
#[derive(Clone, Debug)]
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// `X-Preview-Commit`.
    pub commit: Option<String>,
    /// The body.
    pub body: String,
}

impl SharedStack {
    /// Opens a URL through the stack's ingress, as a browser would.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn open(&self, url: &Url) -> Result<Page> {
        // `getaddrinfo` need not know the names under .localhost, as browsers do.
        let ingress: SocketAddr = self.env.preview_ingress_address.parse()?;
        let client = reqwest::Client::builder()
            .resolve(url.host_str().unwrap_or_default(), ingress)
            .timeout(HTTP)
            .no_proxy()
            .build()?;
        let answer = client.get(url.clone()).send().await?;
        let commit = answer
            .headers()
            .get("x-preview-commit")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Page {
            status: answer.status().as_u16(),
            commit,
            body: answer.text().await?,
        })
    }
}
