//! How an activity fails: what Temporal records, whether it is worth a retry, and what the requester is told.

use std::{error::Error, fmt, time::Duration};

use github::ErrorKind;
use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

use crate::redact::Redacted;

/// Over so much time the retries are spread that a rate limit has held up.
const SPREAD: Duration = Duration::from_secs(10);

/// An error with two faces. Its `Display` is the operator's: it may name hosts and internals.
pub(crate) trait ActivityFailure: Error + Send + Sync + 'static {
    /// The other face, and what follows.
    fn failure(&self) -> Failure;
}

/// What follows from an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Temporal's failure type: one word for queries and metrics.
    pub(crate) kind: &'static str,
    /// The same attempt would fail again for as long as nobody changes anything.
    pub(crate) is_permanent: bool,
    /// What the requester is told, in public.
    pub(crate) explanation: Explanation,
    /// How long the other side asked us to stay away.
    pub(crate) retry_after: Option<Duration>,
    /// Not a failure at all: the activity was asked to stop, and did.
    pub(crate) is_cancellation: bool,
}

impl Failure {
    /// No retry helps.
    pub(crate) fn permanent(kind: &'static str, explanation: Explanation) -> Self {
        Self { is_permanent: true, ..Self::temporary(kind, explanation) }
    }

    /// A retry may help.
    pub(crate) fn temporary(kind: &'static str, explanation: Explanation) -> Self {
        Self {
            kind,
            is_permanent: false,
            explanation,
            retry_after: None,
            is_cancellation: false,
        }
    }

    /// The activity was asked to stop, and did.
    pub(crate) fn cancelled() -> Self {
        Self {
            is_cancellation: true,
            ..Self::temporary("Cancelled", explain("It was interrupted."))
        }
    }

    /// Of a call to GitHub.
    pub(crate) fn of_github(error: &github::Error, is_permanent: bool, explanation: Explanation) -> Self {
        Self {
            is_permanent,
            retry_after: error.retry_after(),
            ..Self::temporary(github_failure_type(error.kind()), explanation)
        }
    }
}

/// Temporal's failure type of a call to GitHub.
fn github_failure_type(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized(_) => "GitHubUnauthorized",
        ErrorKind::NotFound(_) => "GitHubNotFound",
        ErrorKind::Gone => "GitHubGone",
        ErrorKind::Forbidden(_) => "GitHubForbidden",
        ErrorKind::Locked(_) => "GitHubLocked",
        ErrorKind::RateLimited { .. } => "GitHubRateLimited",
        ErrorKind::Validation(_) => "GitHubRejects",
        ErrorKind::Unavailable(_) => "GitHubUnavailable",
        ErrorKind::Unexpected(_) => "GitHubUnexpected",
    }
}

/// What the requester is told. Whatever words it is made of, they are redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    summary: Redacted,
    log_tail: Option<Redacted>,
}

impl Explanation {
    /// With the last lines that the failing container or command printed.
    pub(crate) fn with_log(self, log_tail: Option<Redacted>) -> Self {
        Self { log_tail, ..self }
    }
}

/// Without the log.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary.fmt(f)
    }
}

impl From<Explanation> for domain::Explanation {
    fn from(explanation: Explanation) -> Self {
        Self {
            summary: explanation.summary.into_string(),
            log_tail: explanation.log_tail.map(Redacted::into_string),
        }
    }
}

/// The end of an activity, in Temporal's terms. Temporal, and our log, get the
/// error's own words redacted too.
#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
pub(crate) fn into_activity_error(error: impl ActivityFailure) -> ActivityError {
    let failure = error.failure();
    if failure.is_cancellation {
        return ActivityError::cancelled();
    }
    let Failure { kind, is_permanent, .. } = failure;
    let error = Redacted::of(&error.to_string());
    tracing::warn!(kind, is_permanent, %error, "activity failed");
    let failure = ApplicationFailure::builder(error.into_string())
        .type_name(kind.to_owned())
        .non_retryable(is_permanent)
        .maybe_next_retry_delay(failure.retry_after.map(spread))
        .details(domain::Explanation::from(failure.explanation))
        .build();
    ActivityError::application(failure)
}

/// Whatever waits for the end of a limit must not come back in one second.
fn spread(wait: Duration) -> Duration {
    wait + Duration::from_secs_f64(SPREAD.as_secs_f64() * fastrand::f64())
}

/// An explanation without a log.
pub(crate) fn explain(summary: impl AsRef<str>) -> Explanation {
    Explanation { summary: Redacted::of(summary.as_ref()), log_tail: None }
}

/// An error and everything that caused it, on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let message = deeper.to_string();
        // Many errors repeat their cause in their own message.
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the event says: postgres://app:hunter2@db/app is not there")]
    struct Talkative;

    impl ActivityFailure for Talkative {
        fn failure(&self) -> Failure {
            let explanation = explain("It cannot be started: DB_PASS=hunter2 is wrong.")
                .with_log(Redacted::of("token=hunter2").tail(1, 100));
            Failure::permanent("Talkative", explanation)
        }
    }

    #[test]
    fn whatever_an_error_says_temporal_gets_it_redacted() {
        let ActivityError::Application(failure) = into_activity_error(Talkative) else {
            panic!("a failure");
        };
        assert_eq!(failure.to_string(), "the event says: postgres://[hidden]@db/app is not there");
        let explanation = domain::Explanation::from(Talkative.failure().explanation);
        assert_eq!(explanation.summary, "It cannot be started: DB_PASS=[hidden] is wrong.");
        assert_eq!(explanation.log_tail.as_deref(), Some("token=[hidden]"));
    }
}
