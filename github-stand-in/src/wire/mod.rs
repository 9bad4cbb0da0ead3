//! How the model looks in GitHub's JSON: the same objects in REST answers and webhook payloads.

mod app;
mod deployment;
mod event;
mod issue;
mod repository;
mod user;

use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::model::State;

pub(crate) use event::Event;

/// Where the stand-in is reached.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    /// Without a slash at the end.
    pub(crate) page: String,
    /// Without a slash at the end.
    pub(crate) api: String,
}

impl Urls {
    /// As GitHub Enterprise Server does: the API is a folder of the host that serves the pages.
    pub(crate) const API_ROOT: &str = "/api/v3";

    /// Where it listens, or what others call that.
    pub(crate) fn of(listener: std::net::SocketAddr, page: Option<&Url>, api: Option<&Url>) -> Self {
        let listens = format!("http://{listener}");
        let bare = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        Self {
            api: api.map_or_else(|| format!("{listens}{}", Self::API_ROOT), bare),
            page: page.map_or(listens, bare),
        }
    }

    pub(crate) fn page_url(&self) -> Url {
        self.page.parse().expect("made from an address or a URL")
    }

    pub(crate) fn api_url(&self) -> Url {
        self.api.parse().expect("made from an address or a URL")
    }
}

/// Writes objects of one state.
#[derive(Clone, Copy)]
pub(crate) struct Wire<'a> {
    pub(crate) state: &'a State,
    pub(crate) urls: &'a Urls,
}

/// GitHub's time format: UTC, whole seconds.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An opaque global identifier, as GraphQL wants it.
fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_{id:x}")
}

fn href(url: &str) -> Value {
    json!({ "href": url })
}
