//! A request as the operations see it.

use axum::http::HeaderMap;
use serde_json::Value;

use super::refusal::Refusal;
use crate::{
    actions::{Actor, Place},
    description::{Operation, PathParameters},
    model::Repository,
    shared::Shared,
    wire::Wire,
};

/// A request for a known operation.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) operation: &'a Operation,
    pub(super) path: PathParameters,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: &'a HeaderMap,
    /// The number of the App that asks, itself or by one of its installations; 0 if none does.
    pub(super) app: u64,
    /// Null without a body. Its shape was checked against the description.
    pub(super) body: Value,
}

impl Call<'_> {
    /// A variable of the path; empty if the operation has no such variable.
    pub(super) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A number in the path. What is no number names nothing.
    pub(super) fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.path(name).parse().map_err(|_| Refusal::not_found())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Does the client want the bytes of a file, rather than JSON with the bytes in it?
    pub(super) fn wants_raw(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("raw"))
    }

    /// Who writes what is to be written.
    pub(super) fn actor(&self) -> Actor {
        Actor::App(self.app)
    }

    /// A text of the body; empty if absent.
    pub(super) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    pub(super) fn owner(&self) -> &str {
        self.path("owner")
    }

    pub(super) fn repo(&self) -> &str {
        self.path("repo")
    }

    pub(super) fn place(&self, number: u64) -> Place {
        Place {
            owner: self.owner().to_owned(),
            repo: self.repo().to_owned(),
            number,
        }
    }

    /// Looks at the repository that the path names.
    pub(super) fn in_repository<T>(
        &self,
        look: impl FnOnce(&Wire<'_>, &Repository) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.shared.read(|wire| {
            let repository = wire
                .state
                .repository(self.owner(), self.repo())
                .ok_or_else(Refusal::not_found)?;
            look(wire, repository)
        })
    }
}
