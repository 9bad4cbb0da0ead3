//! How long a preview waits for each of its activities, and how often it tries again.
//!
//! No activity is left to the SDK's default cancellation token, which would keep the whole workflow in
//! memory after an eviction.

use std::time::Duration;

use temporalio_workflow::{
    ActivityCancellationType, ActivityOptions, TimerOptions, WorkflowCancellationToken,
};

use crate::{
    contract::timeouts::{HEARTBEAT_TIMEOUT, REPORT_PREVIEW, TEAR_DOWN},
    uncancelled::{self, retries},
};

/// Tries of a stage that a person waits for: 1 s, 2 s, 4 s, … between them.
const STAGE_ATTEMPTS: u32 = 5;

/// One stage of a deployment, which a `stop` or a cancellation interrupts. `attempt` is the time of one try.
pub(super) fn stage(attempt: Duration, token: &WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(attempt)
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        // Otherwise the teardown would start while the cancelled Helm is still running.
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        // Not a child of it: nobody would hold the child, and a token reaches
        // only children that somebody holds.
        .cancellation_token(token.clone())
        .retry_policy(retries(STAGE_ATTEMPTS, Duration::from_secs(10)))
        .build()
}

/// Until an image is looked for again: nobody waits meanwhile but the workflow.
pub(super) fn until_next_pull(pause: Duration, token: &WorkflowCancellationToken) -> TimerOptions {
    TimerOptions::builder(pause)
        .cancellation_token(token.clone())
        .summary("until the image is looked for again".to_owned())
        .build()
}

/// Runs whatever happened to the workflow: nothing cancels it.
pub(super) fn teardown() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(TEAR_DOWN)
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(0, Duration::from_secs(60)))
        .build()
}

/// A removal that takes no longer than this is told together with its end.
pub(super) fn until_slow(token: &WorkflowCancellationToken) -> TimerOptions {
    TimerOptions::builder(Duration::from_secs(15))
        .cancellation_token(token.clone())
        .summary("until the removal is slow".to_owned())
        .build()
}

/// The pause after a teardown that failed beyond retrying: long, because only a person can
/// mend it, and each round grows the history.
pub(super) fn until_next_teardown() -> TimerOptions {
    TimerOptions::builder(Duration::from_secs(900))
        .cancellation_token(WorkflowCancellationToken::new())
        .summary("until the next teardown".to_owned())
        .build()
}

/// Nothing cancels it, because the truth is owed also to whoever cancelled.
pub(super) fn report() -> ActivityOptions {
    uncancelled::endless_activity(REPORT_PREVIEW, Duration::from_secs(30), &WorkflowCancellationToken::new())
}
