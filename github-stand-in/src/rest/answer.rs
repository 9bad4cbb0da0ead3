//! What the operations answer.

use axum::http::StatusCode;
use serde_json::Value;

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
        Self { status, body: Some(body), raw: None, headers: Vec::new() }
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
            headers: vec![("content-type", "application/vnd.github.raw+json; charset=utf-8".into())],
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
