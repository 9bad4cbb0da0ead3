//! What does Temporal record of an activity that failed: is it worth a retry, and what is the requester told?

use std::{error::Error, fmt, time::Duration};

use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;
use workflows::activities;

use crate::redact::Redacted;

/// An error with two faces. Its `Display` is the operator's: it may name hosts and internals.
pub(crate) trait Fault: Error + Send + Sync + 'static {
    /// One word for queries and metrics: Temporal's failure type.
    fn kind(&self) -> &'static str;

    /// Would the same attempt fail again for as long as nobody changes anything?
    fn is_permanent(&self) -> bool;

    /// What the requester is told, in public.
    fn explanation(&self) -> Explanation;

    /// How long the other side asked us to stay away.
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Not a failure at all: the activity was asked to stop, and did.
    fn is_cancellation(&self) -> bool {
        false
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

impl From<Explanation> for activities::Explanation {
    fn from(explanation: Explanation) -> Self {
        Self {
            summary: explanation.summary.into_string(),
            log_tail: explanation.log_tail.map(Redacted::into_string),
        }
    }
}

/// The end of an activity, in Temporal's terms. Temporal, and our log, get the error's own words redacted too.
#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
pub(crate) fn give_up(fault: impl Fault) -> ActivityError {
    if fault.is_cancellation() {
        return ActivityError::cancelled();
    }
    let kind = fault.kind();
    let permanent = fault.is_permanent();
    let error = Redacted::of(&fault.to_string());
    tracing::warn!(kind, permanent, %error, "activity failed");
    let explanation = activities::Explanation::from(fault.explanation());
    let retry_after = fault.retry_after();
    let failure = ApplicationFailure::builder(error.into_string())
        .type_name(kind.to_owned())
        .non_retryable(permanent)
        .maybe_next_retry_delay(retry_after)
        .details(explanation)
        .build();
    ActivityError::application(failure)
}

/// An explanation without a log.
pub(crate) fn explain(summary: impl AsRef<str>) -> Explanation {
    Explanation {
        summary: Redacted::of(summary.as_ref()),
        log_tail: None,
    }
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

    impl Fault for Talkative {
        fn kind(&self) -> &'static str {
            "Talkative"
        }

        fn is_permanent(&self) -> bool {
            true
        }

        fn explanation(&self) -> Explanation {
            explain("It cannot be started: DB_PASS=hunter2 is wrong.")
                .with_log(Redacted::of("token=hunter2").tail(1, 100))
        }
    }

    #[test]
    fn whatever_an_error_says_temporal_gets_it_redacted() {
        let ActivityError::Application(failure) = give_up(Talkative) else {
            panic!("a failure");
        };
        assert_eq!(
            failure.to_string(),
            "the event says: postgres://[hidden]@db/app is not there"
        );
        let explanation = activities::Explanation::from(Talkative.explanation());
        assert_eq!(
            explanation.summary,
            "It cannot be started: DB_PASS=[hidden] is wrong."
        );
        assert_eq!(explanation.log_tail.as_deref(), Some("token=[hidden]"));
    }
}
