//! Asks over HTTP whether a part is up.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder};

/// The longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// A client for such questions.
pub(crate) struct HttpProbe(Client);

impl HttpProbe {
    pub(crate) fn new() -> reqwest::Result<Self> {
        Self::build(Client::builder())
    }

    /// Over TLS, with those alone whose certificate `authority`, as PEM, has signed.
    pub(crate) fn trusting(authority: &str) -> reqwest::Result<Self> {
        let authority = Certificate::from_pem(authority.as_bytes())?;
        Self::build(Client::builder().tls_certs_only([authority]))
    }

    fn build(client: ClientBuilder) -> reqwest::Result<Self> {
        client.timeout(ANSWER).no_proxy().build().map(Self)
    }

    /// Says what is missing unless a GET of `url` succeeds.
    pub(crate) async fn get(&self, url: &str) -> Result<(), String> {
        succeeds(url, self.0.get(url)).await
    }

    /// The same as somebody with a bearer token.
    pub(crate) async fn get_with_token(&self, url: &str, token: &str) -> Result<(), String> {
        succeeds(url, self.0.get(url).bearer_auth(token)).await
    }
}

async fn succeeds(url: &str, request: RequestBuilder) -> Result<(), String> {
    // As it is for developers, the error tells of its causes too.
    let response = request
        .send()
        .await
        .map_err(|error| format!("{url} does not answer ({error:?})"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let text = response.text().await.unwrap_or_default();
    Err(format!("{url} answers {status}: {}", text.trim()))
}
