//! Error answers, in GitHub's words.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::{actions::Refused, git::GitError};

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// The entries of `errors`, for 422.
    errors: Vec<Value>,
    documentation_url: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
            documentation_url: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message).documented_at("https://docs.github.com/rest")
    }

    /// The token lacks a permission; `accepted` is what would do, as in `issues=write`.
    pub(super) fn not_accessible(accepted: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Resource not accessible by integration")
            .with_header("x-accepted-github-permissions", accepted)
    }

    pub(super) fn invalid(resource: &str, field: &str, message: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed");
        refusal
            .errors
            .push(json!({"resource": resource, "code": "unprocessable", "field": field, "message": message}));
        refusal
    }

    pub(super) fn documented_at(mut self, url: &'static str) -> Self {
        self.documentation_url = Some(url);
        self
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_answer(self, documentation_url: &str) -> Answer {
        let mut body = json!({
            "message": self.message,
            "documentation_url": self.documentation_url.unwrap_or(documentation_url),
            "status": self.status.as_str(),
        });
        if !self.errors.is_empty() {
            body["errors"] = self.errors.into();
        }
        Answer {
            status: self.status,
            body: Some(body),
            raw: None,
            headers: self.headers,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match &refused {
            Refused::NotFound => Self::not_found(),
            Refused::Forbidden(reason) => Self::new(StatusCode::FORBIDDEN, reason),
            Refused::Locked => Self::new(StatusCode::FORBIDDEN, refused.to_string())
                .documented_at("https://docs.github.com/articles/locking-conversations/"),
            Refused::Invalid { resource, field, message } => Self::invalid(resource, field, message),
            Refused::Git(error) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

impl From<GitError> for Refusal {
    fn from(error: GitError) -> Self {
        Refused::Git(error).into()
    }
}
