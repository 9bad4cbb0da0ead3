//! Is this request a delivery from GitHub that can be read at all?
//!
//! The checks come in this order, and the first that fails is the answer: size, signature, content type, GitHub's two headers. Whoever cannot
//! sign learns nothing about what comes after.

use std::fmt;

use axum::{
    body::{BodyDataStream, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use futures::StreamExt;

use crate::signature::{Secrets, Signature, SignatureError};

/// The largest body GitHub sends, in bytes.
pub const BODY_MAX: usize = 25 * 1024 * 1024;
/// How much of a body that is rejected anyway is still taken off the wire, in bytes.
const DISCARDED_MAX: usize = 2 * BODY_MAX;
/// Longest value among the headers we read, in bytes: a signature's. GitHub's event names and delivery numbers have at most 40.
const HEADER_MAX: usize = "sha256=".len() + 64;

/// An authentic delivery.
#[derive(Debug)]
pub struct Delivery {
    /// GitHub's number for it; the same again when it is redelivered.
    pub id: DeliveryId,
    /// The name of the event: `issue_comment`.
    pub event: String,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// `X-GitHub-Delivery`, a GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId(String);

/// Why a request is not a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 413
    #[error("the body is larger than {} MiB, the most that GitHub sends", BODY_MAX / 1024 / 1024)]
    TooLarge,
    /// 400: the sender gave up half-way.
    #[error("the body ended early")]
    Interrupted,
    /// 401
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// 415
    #[error(
        "the content type is not JSON; choose `application/json` in the App's webhook settings"
    )]
    ContentType,
    /// 400
    #[error("the header {0} is missing or is not what GitHub sends")]
    Header(&'static str),
    /// 400: not JSON, or not the JSON that GitHub documents for this event. Tells the place, never the content.
    #[error("the body is not the documented JSON: {0}")]
    Json(String),
}

impl Delivery {
    /// Reads the request as far as its checks go.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn read(request: Request, secrets: &Secrets) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<u64>().ok());
        // Told by the headers alone: such a body is not worth the memory.
        let signature = if announced.is_some_and(|length| length > BODY_MAX as u64) {
            Err(Rejection::TooLarge)
        } else {
            single(&headers, "x-hub-signature-256")
                .ok_or(SignatureError::Malformed)
                .and_then(|value| Signature::parse(value.as_bytes()))
                .map_err(Rejection::from)
        };
        let mut body = body.into_data_stream();
        let signature = match signature {
            Ok(signature) => signature,
            Err(rejection) => {
                discard(&mut body).await;
                return Err(rejection);
            }
        };
        let body = read_whole(body).await?;
        secrets.verify(&signature, &body)?;
        if !is_json(&headers) {
            return Err(Rejection::ContentType);
        }
        let event = single(&headers, "x-github-event")
            .filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            .ok_or(Rejection::Header("X-GitHub-Event"))?;
        let id = DeliveryId::of(&headers).ok_or(Rejection::Header("X-GitHub-Delivery"))?;
        Ok(Self {
            id,
            event: event.to_owned(),
            body,
        })
    }
}

impl DeliveryId {
    /// The delivery's number, if the headers have one that looks like GitHub's.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        single(headers, "x-github-delivery")
            .filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
            .map(|id| Self(id.to_owned()))
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A header's value, if it is there once, is text, and is neither empty nor unreasonably long.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && (1..=HEADER_MAX).contains(&value.len())).then_some(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

async fn read_whole(mut body: BodyDataStream) -> Result<Bytes, Rejection> {
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Rejection::Interrupted)?;
        if whole.len() + chunk.len() > BODY_MAX {
            drop(whole);
            discard(&mut body).await;
            return Err(Rejection::TooLarge);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// Reads on, within bounds: a sender that is cut off while it sends never gets to see why.
async fn discard(body: &mut BodyDataStream) {
    let mut discarded = 0;
    while let Some(Ok(chunk)) = body.next().await {
        discarded += chunk.len();
        if discarded > DISCARDED_MAX {
            return;
        }
    }
}
