//! How long a preview waits for each of its activities, and how often it tries again.
//!
//! Every activity gets a cancellation token of its own: the SDK's default token would keep the whole workflow in memory after an eviction.

use std::time::Duration;

use temporalio_workflow::{
    ActivityCancellationType, ActivityOptions, TimerOptions, WorkflowCancellationToken,
};

use crate::uncancelled::{self, retries};

/// A worker that has not been heard of for this long is taken for dead, and its activity is given to another.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// One call to Temporal.
const ONE_REPORT: Duration = Duration::from_secs(10);
/// Making a namespace takes a second, unless its predecessor of the same name is still being deleted.
const NAMESPACE: Duration = Duration::from_secs(180);
/// Helm talks to the API server only; it does not wait for pods.
const INSTALL: Duration = Duration::from_secs(300);
/// Longer than the activity's own bounds for readiness and for a missing image together, which give the better reason.
const READINESS: Duration = Duration::from_secs(3600);
/// One attempt at removing everything; attempts are not limited, because leaving things behind is not an option.
const TEARDOWN: Duration = Duration::from_secs(600);

/// Tries of a stage that a person waits for: 1 s, 2 s, 4 s, … between them.
const STAGE_ATTEMPTS: u32 = 5;

fn stage(attempt: Duration, token: &WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(attempt)
        .heartbeat_timeout(HEARTBEAT)
        // Otherwise the teardown would start while the cancelled Helm is still running.
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        // Not a child of it: nobody would hold the child, and a token reaches only children that somebody holds.
        .cancellation_token(token.clone())
        .retry_policy(retries(STAGE_ATTEMPTS, Duration::from_secs(10)))
        .build()
}

pub(super) fn namespace(token: &WorkflowCancellationToken) -> ActivityOptions {
    stage(NAMESPACE, token)
}

pub(super) fn install(token: &WorkflowCancellationToken) -> ActivityOptions {
    stage(INSTALL, token)
}

pub(super) fn readiness(token: &WorkflowCancellationToken) -> ActivityOptions {
    stage(READINESS, token)
}

/// Runs whatever happened to the workflow: nothing cancels it.
pub(super) fn teardown() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(TEARDOWN)
        .heartbeat_timeout(HEARTBEAT)
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(0, Duration::from_secs(60)))
        .build()
}

/// The pause after a teardown that failed beyond retrying: long, because only a person can mend it, and each round grows the history.
pub(super) fn until_next_teardown() -> TimerOptions {
    TimerOptions::builder(Duration::from_secs(900))
        .cancellation_token(WorkflowCancellationToken::new())
        .summary("until the next teardown".to_owned())
        .build()
}

/// Nothing cancels it, because the truth is owed also to whoever cancelled.
pub(super) fn report() -> ActivityOptions {
    uncancelled::endless_activity(
        ONE_REPORT,
        Duration::from_secs(30),
        &WorkflowCancellationToken::new(),
    )
}
