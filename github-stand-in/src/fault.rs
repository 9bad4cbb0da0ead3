//! What a test wants to happen instead of the usual answer.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;

/// An answer of a test's own making. It is given as it is, whatever GitHub's description says of it.
#[derive(Clone, Debug)]
pub struct CannedAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl CannedAnswer {
    /// A status with a body of any form.
    ///
    /// # Panics
    /// When there is no such status.
    #[must_use]
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status: StatusCode::from_u16(status).expect("a status"),
            headers,
            body: body.into(),
        }
    }

    /// A status with a JSON body.
    ///
    /// # Panics
    /// When there is no such status.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// What happens instead of the usual answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// An error in GitHub's form.
    Error {
        status: u16,
        /// What the answer says about when to ask again, in seconds.
        retry_after: Option<u64>,
    },
    /// An answer of the test's own.
    Answer(CannedAnswer),
}

/// A fault, and how often it is still to happen.
#[derive(Clone, Debug)]
pub(crate) struct PlannedFault {
    pub(crate) fault: Fault,
    pub(crate) times: usize,
}
