//! Reads a request as a delivery from GitHub, if it is one.
//!
//! The checks come in this order, and the first that fails is the answer: size, signature, content type,
//! GitHub's two headers. Whoever cannot sign learns nothing about what comes after.
//!
//! The signature is computed while the body comes in. Of events that nobody reads, nothing of the body is
//! kept; what is kept before it is verified counts against a limit that all callers share.

use std::{fmt, time::Duration};

use axum::{
    body::{BodyDataStream, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use futures::StreamExt;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    limit::{Evicted, Holder, Limit},
    signature::{Check, Secrets, Signature, SignatureError},
};

/// The largest body GitHub sends, in bytes.
pub const BODY_MAX: usize = 25 * 1024 * 1024;
/// The largest body of an event that is read, in bytes. GitHub's largest comment has 256 KiB,
/// and 1.5 MiB when JSON escapes all of it.
pub const READ_MAX: usize = 4 * 1024 * 1024;
/// How much of a body that is rejected anyway is still taken off the wire, in bytes.
const DISCARDED_MAX: usize = 2 * BODY_MAX;
/// Longest value among the headers we read, in bytes: a signature's. GitHub's event
/// names and delivery numbers have at most 40.
const HEADER_MAX: usize = "sha256=".len() + 64;

/// An authentic delivery.
#[derive(Debug)]
pub struct Delivery {
    /// GitHub's number for it; the same again when it is redelivered.
    pub id: DeliveryId,
    /// The name of the event: `issue_comment`.
    pub event: String,
    /// The body, byte for byte; empty for events that are not read.
    pub body: Bytes,
}

/// `X-GitHub-Delivery`, a GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryId(String);

/// What it takes to read a delivery.
pub struct Reader {
    /// What deliveries are signed with.
    pub secrets: watch::Receiver<Secrets>,
    /// For the bytes of bodies that are not verified yet.
    pub unverified_bytes: Limit,
    /// Longest time for a body.
    pub timeout: Duration,
}

/// Why a request is not a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 413
    #[error("the body is larger than {} MiB, the most that is taken for this event", .at_most / 1024 / 1024)]
    TooLarge {
        /// In bytes.
        at_most: usize,
    },
    /// 408
    #[error("the body was not there within {0:?}")]
    TooSlow(Duration),
    /// 503: this was the oldest of the unverified bodies when they were too large together.
    #[error("unverified bodies take more than WEBHOOK_UNVERIFIED_MIB, and this one took longest")]
    Crowded,
    /// 400: the sender gave up half-way.
    #[error("the body ended early")]
    Interrupted,
    /// 401
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// 415
    #[error("the content type is not JSON; choose `application/json` in the App's webhook settings")]
    ContentType,
    /// 400
    #[error("the header {0} is missing or is not what GitHub sends")]
    Header(&'static str),
    /// 400: not JSON, or not the JSON that GitHub documents for this event.
    /// Tells the place, never the content.
    #[error("the body is not the documented JSON: {0}")]
    Json(String),
}

impl Reader {
    /// Reads the request as far as its checks go.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn read(&self, request: Request) -> Result<Delivery, Rejection> {
        let deadline = Instant::now() + self.timeout;
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        let mut body = body.into_data_stream();
        let read = timeout_at(deadline, self.verified(&headers, &mut body)).await;
        let body = match read.unwrap_or(Err(Rejection::TooSlow(self.timeout))) {
            Ok(body) => body,
            Err(Rejection::Crowded) => return Err(Rejection::Crowded),
            Err(rejection) => {
                // The answer stays the same, whether or not there is time for more.
                let _ = timeout_at(deadline, discard(&mut body)).await;
                return Err(rejection);
            }
        };
        if !is_json(&headers) {
            return Err(Rejection::ContentType);
        }
        let event = event(&headers).ok_or(Rejection::Header("X-GitHub-Event"))?;
        let id = DeliveryId::of(&headers).ok_or(Rejection::Header("X-GitHub-Delivery"))?;
        Ok(Delivery { id, event: event.to_owned(), body })
    }

    /// The body, once its signature is known to be good.
    async fn verified(&self, headers: &HeaderMap, body: &mut BodyDataStream) -> Result<Bytes, Rejection> {
        let is_kept = event(headers).is_some_and(is_read);
        let at_most = if is_kept { READ_MAX } else { BODY_MAX };
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<u64>().ok());
        if announced.is_some_and(|length| length > at_most as u64) {
            return Err(Rejection::TooLarge { at_most });
        }
        let signature = single(headers, "x-hub-signature-256")
            .ok_or(SignatureError::Malformed)
            .and_then(|value| Signature::parse(value.as_bytes()))?;
        let check = self.secrets.borrow().check();
        if is_kept {
            let holder = self.unverified_bytes.holder();
            let mut kept = Kept::new(&holder);
            let received = tokio::select! {
                () = holder.evicted() => Err(Rejection::Crowded),
                received = receive(body, check, at_most, |part| kept.push(part)) => received,
            };
            received?.finish(&signature)?;
            Ok(kept.bytes.into())
        } else {
            let received = receive(body, check, at_most, |_| Ok(())).await;
            received?.finish(&signature)?;
            Ok(Bytes::new())
        }
    }
}

/// Feeds a body to its signature's check, and to `keep`, part by part.
async fn receive(
    body: &mut BodyDataStream,
    mut check: Check,
    at_most: usize,
    mut keep: impl FnMut(&[u8]) -> Result<(), Evicted>,
) -> Result<Check, Rejection> {
    let mut length = 0;
    while let Some(part) = body.next().await {
        let part = part.map_err(|_| Rejection::Interrupted)?;
        length += part.len();
        if length > at_most {
            return Err(Rejection::TooLarge { at_most });
        }
        keep(&part).map_err(|Evicted| Rejection::Crowded)?;
        check.update(&part);
    }
    Ok(check)
}

/// A body that takes no more memory than its holder holds.
struct Kept<'a> {
    bytes: Vec<u8>,
    holder: &'a Holder,
}

impl<'a> Kept<'a> {
    fn new(holder: &'a Holder) -> Self {
        Self { bytes: Vec::new(), holder }
    }

    fn push(&mut self, part: &[u8]) -> Result<(), Evicted> {
        let length = self.bytes.len() + part.len();
        let capacity = self.bytes.capacity();
        if length > capacity {
            let larger = length.max(2 * capacity).min(READ_MAX);
            self.holder.hold(larger - capacity)?;
            self.bytes.reserve_exact(larger - self.bytes.len());
        }
        self.bytes.extend_from_slice(part);
        Ok(())
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

/// Is the body of such an event ever looked at?
#[must_use]
pub fn is_read(event: &str) -> bool {
    matches!(event, "issue_comment" | "pull_request")
}

/// A header's value, if it is there once, is text, and is neither empty nor unreasonably long.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && (1..=HEADER_MAX).contains(&value.len())).then_some(value)
}

/// What the sender calls the event: nothing that can be relied on before the
/// signature is verified, which does not cover it.
fn event(headers: &HeaderMap) -> Option<&str> {
    single(headers, "x-github-event").filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
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
