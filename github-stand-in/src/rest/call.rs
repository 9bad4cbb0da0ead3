//! A request as the operations see it, and what they answer.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::refusal::Refusal;
use crate::{
    actions::Place,
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
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Does the client want the bytes of a file, rather than JSON with the bytes in it?
    pub(super) fn wants_raw(&self) -> bool {
        self.header("accept")
            .is_some_and(|accept| accept.contains("raw"))
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

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
    /// Instead of a JSON body, where a raw media type was asked for.
    pub(super) raw: Option<Vec<u8>>,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            raw: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(super) fn created(body: Value) -> Self {
        Self::new(StatusCode::CREATED, body)
    }

    /// The bytes of a file.
    pub(super) fn raw(content: Vec<u8>) -> Self {
        Self {
            status: StatusCode::OK,
            body: None,
            raw: Some(content),
            headers: vec![(
                "content-type",
                "application/vnd.github.raw+json; charset=utf-8".into(),
            )],
        }
    }

    pub(super) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
            raw: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
