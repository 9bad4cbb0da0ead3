//! How addresses are asked.

use std::{error::Error, time::Duration};

use reqwest::{Client, redirect};

/// For one exchange.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that goes where it is told, and no further.
///
/// # Errors
/// If this machine cannot make HTTP requests at all.
pub(super) fn client() -> reqwest::Result<Client> {
    builder().build()
}

/// The same, with more to be chosen.
pub(super) fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("preview/", env!("CARGO_PKG_VERSION")))
}

/// An error and its causes in one line, without the address, which is said anyway.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let message = deeper.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = deeper.source();
    }
    text
}
