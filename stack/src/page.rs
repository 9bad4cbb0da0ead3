//! Opens a preview's URL through the stack's ingress.

use std::{net::SocketAddr, time::Duration};

use url::Url;

/// For one HTTP exchange.
const PATIENCE: Duration = Duration::from_secs(20);

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

impl Page {
    /// Opens a URL, as a browser would.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn open(url: &Url, ingress: SocketAddr) -> Result<Self, reqwest::Error> {
        // Browsers know that names under .localhost are this machine; the system's resolver may not.
        let client = reqwest::Client::builder()
            .resolve(url.host_str().unwrap_or_default(), ingress)
            .timeout(PATIENCE)
            .no_proxy()
            .build()?;
        let answer = client.get(url.clone()).send().await?;
        let commit = answer
            .headers()
            .get("x-preview-commit")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Self {
            status: answer.status().as_u16(),
            commit,
            body: answer.text().await?,
        })
    }
}
