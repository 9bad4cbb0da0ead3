//! What does Temporal record of an activity that failed: is it worth a retry, and what is the requester told?

use std::{error::Error, time::Duration};

use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;
use workflows::activities::Explanation;

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

/// The end of an activity, in Temporal's terms.
pub(crate) fn give_up<F: Fault>(fault: F) -> ActivityError {
    if fault.is_cancellation() {
        return ActivityError::cancelled();
    }
    let kind = fault.kind();
    let permanent = fault.is_permanent();
    tracing::warn!(kind, permanent, error = %fault, "activity failed");
    let explanation = fault.explanation();
    let retry_after = fault.retry_after();
    let failure = ApplicationFailure::builder(fault)
        .type_name(kind.to_owned())
        .non_retryable(permanent)
        .maybe_next_retry_delay(retry_after)
        .details(explanation)
        .build();
    ActivityError::application(failure)
}

/// An explanation without a log.
pub(crate) fn explain(summary: impl Into<String>) -> Explanation {
    Explanation {
        summary: summary.into(),
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
