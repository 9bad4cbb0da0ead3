//! The errors of calls to GitHub: what happened, whether a retry helps, and when.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

/// How long to wait when GitHub limits us without saying for how long. GitHub asks for "at least one minute".
const UNTOLD_WAIT: Duration = Duration::from_secs(60);
/// Longest wait we believe. Primary limits are reset hourly; a secondary one may last longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// How GitHub says that a conversation is locked.
const LOCKED: &str = "issue is locked";
/// How much of GitHub's own words an error repeats, in characters.
const MESSAGE_MAX: usize = 300;

/// A call to GitHub that did not do what it was meant to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing} failed: {kind}")]
pub struct Error {
    doing: String,
    kind: ErrorKind,
}

/// The ways in which a call fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// 401, also with a fresh token.
    #[error(
        "GitHub does not accept our credentials ({0}); check GITHUB_APP_ID, the private key and this machine's clock"
    )]
    Unauthorized(String),
    /// 404: it does not exist, or the installation may not see it.
    #[error(
        "GitHub finds nothing there ({0}); it was deleted, or the App is not installed on that repository"
    )]
    NotFound(String),
    /// 404 or 410 for something that we know has existed.
    #[error("it was deleted on GitHub")]
    Gone,
    /// 403 for a reason that waiting does not change.
    #[error(
        "GitHub does not allow it ({0}); check the App's permissions and that its installation is not suspended"
    )]
    Forbidden(String),
    /// 403: the conversation is locked, for Apps too.
    #[error("the conversation is locked ({0})")]
    Locked(String),
    /// 403 or 429 because of too many requests, under the primary or a secondary limit.
    #[error("GitHub limits our requests ({message}); try again in {} s", retry_after.as_secs())]
    RateLimited {
        /// How long GitHub wants us to stay away: at least a second, at most a day.
        retry_after: Duration,
        /// GitHub's own words.
        message: String,
    },
    /// 422 and the other refusals of a request that is wrong in itself.
    #[error("GitHub rejects the request ({0}); repeating it unchanged will not help")]
    Validation(String),
    /// 5xx, no connection, or no answer in time.
    #[error("GitHub cannot be reached or is out of order ({0}); try again later")]
    Unavailable(String),
    /// An answer that GitHub's description does not foresee.
    #[error("GitHub's answer is not the documented one ({0}); check GITHUB_API_URL")]
    Unexpected(String),
}

impl Error {
    pub(crate) fn new(doing: &str, kind: ErrorKind) -> Self {
        Self { doing: doing.to_owned(), kind }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Could the same call succeed later? Limits and outages pass; keys are rotated, permissions
    /// granted, clocks set right; what was made a moment ago is found a moment later. Only what is
    /// wrong in itself, locked or deleted stays so.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self.kind, ErrorKind::Validation(_) | ErrorKind::Gone | ErrorKind::Locked(_))
    }

    /// How long GitHub asked us to wait, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            ErrorKind::RateLimited { retry_after, .. } => Some(retry_after),
            _ => None,
        }
    }

    /// Did the thing exist once, and does not any more?
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.kind == ErrorKind::Gone
    }

    /// Does GitHub find nothing where we looked?
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound(_))
    }

    /// Every [label](Self::label) there is.
    pub const LABELS: &[&str] = &[
        "unauthorized",
        "not_found",
        "gone",
        "forbidden",
        "locked",
        "rate_limited",
        "validation",
        "unavailable",
        "unexpected",
    ];

    /// The kind as one word, for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.kind {
            ErrorKind::Unauthorized(_) => "unauthorized",
            ErrorKind::NotFound(_) => "not_found",
            ErrorKind::Gone => "gone",
            ErrorKind::Forbidden(_) => "forbidden",
            ErrorKind::Locked(_) => "locked",
            ErrorKind::RateLimited { .. } => "rate_limited",
            ErrorKind::Validation(_) => "validation",
            ErrorKind::Unavailable(_) => "unavailable",
            ErrorKind::Unexpected(_) => "unexpected",
        }
    }

    /// The same failure of something that we know has existed:
    /// [`ErrorKind::NotFound`] becomes [`ErrorKind::Gone`].
    pub(crate) fn not_found_means_gone(mut self) -> Self {
        if self.is_not_found() {
            self.kind = ErrorKind::Gone;
        }
        self
    }
}

impl ErrorKind {
    /// Reads a kind from an answer that is not a success.
    pub(crate) fn of_response(status: StatusCode, headers: &HeaderMap, body: &str, now: Timestamp) -> Self {
        let message = message(status, body);
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized(message),
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                match wait(status, headers, &message, now) {
                    Some(retry_after) => Self::RateLimited { retry_after, message },
                    None if message.contains(LOCKED) => Self::Locked(message),
                    None => Self::Forbidden(message),
                }
            }
            StatusCode::NOT_FOUND => Self::NotFound(message),
            StatusCode::GONE => Self::Gone,
            StatusCode::REQUEST_TIMEOUT => Self::Unavailable(message),
            _ if status.is_server_error() => Self::Unavailable(message),
            _ if status.is_client_error() => Self::Validation(message),
            _ => Self::Unexpected(message),
        }
    }
}

/// How long we have to stay away, if this refusal is about the number of our requests at all.
///
/// GitHub marks limits in three ways: `retry-after` (secondary), `x-ratelimit-remaining: 0` with
/// `x-ratelimit-reset` (primary), and words.
fn wait(status: StatusCode, headers: &HeaderMap, message: &str, now: Timestamp) -> Option<Duration> {
    let number = |name: &str| -> Option<i64> { headers.get(name)?.to_str().ok()?.parse().ok() };
    let seconds = if let Some(seconds) = number("retry-after") {
        seconds
    } else if number("x-ratelimit-remaining") == Some(0) {
        match number("x-ratelimit-reset") {
            Some(reset) => reset.saturating_sub(now.as_second()),
            None => UNTOLD_WAIT.as_secs().cast_signed(),
        }
    } else {
        let words = message.to_ascii_lowercase();
        let limited = words.contains("rate limit") || words.contains("abuse detection");
        if !limited && status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        UNTOLD_WAIT.as_secs().cast_signed()
    };
    let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    Some(wait.clamp(Duration::from_secs(1), LONGEST_WAIT))
}

/// GitHub's own words about a refusal: its `message` and the first of its `errors`.
fn message(status: StatusCode, body: &str) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        errors: Vec<serde_json::Value>,
    }
    let text = match serde_json::from_str::<Body>(body) {
        Ok(Body { message, errors }) => match errors.first() {
            Some(error) => format!("{status}: {message}: {error}"),
            None => format!("{status}: {message}"),
        },
        // Not GitHub's form: a proxy's page, most likely. Its markup helps nobody.
        Err(_) => status.to_string(),
    };
    text.chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn kind(status: u16, headers: &[(&str, &str)], message: &str) -> ErrorKind {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<http::HeaderName>().expect("a header name"),
                    value.parse().expect("a header value"),
                )
            })
            .collect();
        ErrorKind::of_response(
            StatusCode::from_u16(status).expect("a status"),
            &headers,
            &serde_json::json!({ "message": message }).to_string(),
            Timestamp::from_second(NOW).expect("a time"),
        )
    }

    fn wait_of(kind: &ErrorKind) -> Option<u64> {
        match kind {
            ErrorKind::RateLimited { retry_after, .. } => Some(retry_after.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn every_form_of_rate_limit_is_seen() {
        let reset = (NOW + 90).to_string();
        let past = (NOW - 90).to_string();
        let far = (NOW + 90_000).to_string();
        let remaining_none = ("x-ratelimit-remaining", "0");
        for (status, headers, message, seconds) in [
            (403, vec![("retry-after", "17"), remaining_none], "slow down", 17),
            (429, vec![("retry-after", "0")], "slow down", 1),
            (403, vec![remaining_none, ("x-ratelimit-reset", &reset)], "API rate limit exceeded", 90),
            (403, vec![remaining_none, ("x-ratelimit-reset", &past)], "API rate limit exceeded", 1),
            (403, vec![remaining_none, ("x-ratelimit-reset", &far)], "API rate limit exceeded", 86_400),
            (403, vec![], "You have exceeded a secondary rate limit. Please wait a few minutes", 60),
            (403, vec![], "You have triggered an abuse detection mechanism", 60),
            (429, vec![], "whatever", 60),
        ] {
            let kind = kind(status, &headers, message);
            assert_eq!(wait_of(&kind), Some(seconds), "{status} {headers:?} {message}");
        }
    }

    #[test]
    fn a_refusal_with_requests_left_is_no_rate_limit() {
        let refused =
            kind(403, &[("x-ratelimit-remaining", "4999")], "Resource not accessible by integration");
        assert!(matches!(refused, ErrorKind::Forbidden(_)), "{refused:?}");
    }

    #[test]
    fn only_what_nothing_heals_is_not_retryable() {
        for (status, label, retryable) in [
            (401, "unauthorized", true),
            (403, "forbidden", true),
            (404, "not_found", true),
            (408, "unavailable", true),
            (410, "gone", false),
            (422, "validation", false),
            (429, "rate_limited", true),
            (301, "unexpected", true),
            (500, "unavailable", true),
            (503, "unavailable", true),
        ] {
            let error = Error::new("reading", kind(status, &[], "no"));
            assert!(Error::LABELS.contains(&error.label()), "{error}");
            assert_eq!((error.label(), error.is_retryable()), (label, retryable), "{status}");
        }
    }

    #[test]
    fn an_error_names_what_happened_to_what_and_what_to_do() {
        let error = Error::new("reading pull request octo-org/hello-world#12", kind(404, &[], "Not Found"));
        assert_eq!(
            error.to_string(),
            "reading pull request octo-org/hello-world#12 failed: GitHub finds nothing there (404 Not Found: Not Found); \
             it was deleted, or the App is not installed on that repository"
        );
    }

    #[test]
    fn a_page_of_markup_is_not_repeated() {
        let status = StatusCode::BAD_GATEWAY;
        let page = "<html>".repeat(10_000);
        assert_eq!(
            ErrorKind::of_response(status, &HeaderMap::new(), &page, Timestamp::UNIX_EPOCH),
            ErrorKind::Unavailable("502 Bad Gateway".to_owned())
        );
    }
}
