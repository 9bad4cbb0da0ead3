//! Asks over HTTP whether a part is up.

use std::time::Duration;

use crate::error::StackError;

/// The longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// A client for such questions.
pub(crate) struct HttpProbe(reqwest::Client);

impl HttpProbe {
    pub(crate) fn new() -> Result<Self, StackError> {
        let client = reqwest::Client::builder().timeout(ANSWER).no_proxy().build();
        client.map(Self).map_err(StackError::Client)
    }

    /// Says what is missing unless a GET of `url` succeeds.
    pub(crate) async fn get(&self, url: &str) -> Result<(), String> {
        match self.0.get(url).send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("{url} answers {}", response.status())),
            Err(error) => Err(format!("{url} does not answer ({error})")),
        }
    }
}
