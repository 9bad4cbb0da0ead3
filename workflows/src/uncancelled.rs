//! What goes on although somebody has cancelled the workflow.
//!
//! Whoever cancels is owed the removal of what was made, and the truth about it. Nothing here is cancelled
//! with the workflow: a token is made here or given, and is never a child of the workflow's. (The SDK's
//! default token would also keep the whole workflow in memory after an eviction.)

use std::time::Duration;

use futures_util::{FutureExt, future::FusedFuture};
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityOptions, RetryPolicy, WaitConditionOptions, WorkflowCancellationToken,
    WorkflowContext,
};

/// Waits until the workflow's state is as wanted.
pub(crate) fn until<'a, W>(
    ctx: &'a WorkflowContext<W>,
    wanted: impl FnMut(&W) -> bool + 'a,
) -> impl FusedFuture<Output = ()> + 'a {
    let options = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    // An error would be a cancellation, which cannot be.
    ctx.wait_condition_with_options(wanted, options).map(|_| ())
}

/// An activity that is tried again and again, for as long as `all_tries` in all.
pub(crate) fn activity(all_tries: Duration, one_try: Duration, longest_pause: Duration) -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: all_tries,
        start_to_close: one_try,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(0, longest_pause))
        .build()
}

/// An activity that is tried again and again, for as long as its token is not cancelled.
pub(crate) fn endless_activity(
    one_try: Duration,
    longest_pause: Duration,
    token: &WorkflowCancellationToken,
) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(one_try)
        .cancellation_token(token.clone())
        .retry_policy(retries(0, longest_pause))
        .build()
}

/// A second between the first two tries, then ever longer pauses. 0 attempts are as many as it takes.
pub(crate) fn retries(maximum_attempts: u32, longest_pause: Duration) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .maximum_interval(longest_pause)
        .maximum_attempts(maximum_attempts)
        .build()
}
