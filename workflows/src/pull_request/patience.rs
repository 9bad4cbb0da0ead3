//! How long does a pull request's workflow wait, for what, and how often does it try again?
//!
//! Every activity, timer and signal gets a cancellation token of its own: whoever cancels this workflow is owed the removal of its previews and the
//! last word on the pull request. (The SDK's default token would also keep the whole workflow in memory after an eviction.)

use std::time::Duration;

use temporalio_common::Priority;
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityOptions, RetryPolicy, SignalWorkflowOptions, TimerOptions,
    WaitConditionOptions, WorkflowCancellationToken,
};

use crate::vocabulary::InstallationId;

/// GitHub delivers again what failed for three days, and only by hand. Whoever forgets earlier would carry out old commands anew.
const REMEMBERED: Duration = Duration::from_secs(4 * 24 * 3600);
/// One call to GitHub, with its own time-outs inside.
const ONE_GITHUB_CALL: Duration = Duration::from_secs(30);
/// The final truth is worth trying for longer than the hour that GitHub may ask us to be silent for; then the workflow goes on without it.
const ALL_TRIES: Duration = Duration::from_secs(2 * 3600);
/// Progress that has waited longer for its turn is behind what it was meant to tell. GitHub's content writes are few: the next milestone says it all.
/// Long enough that fifty people who ask in the same second all get a first answer.
pub(super) const LATE: Duration = Duration::from_secs(45);
/// A command that nobody could look into for this long is no longer what the person is waiting for.
const ALL_LOOKS: Duration = Duration::from_secs(1800);
/// One try to lead the pull request's own address.
const ONE_ADDRESS: Duration = Duration::from_secs(10);
/// That address is a convenience: the preview's own is published without it after this time.
const ADDRESS: Duration = Duration::from_secs(20);
/// A preview reports within a second what a signal has changed.
const REPORTING: Duration = Duration::from_secs(3);
/// A run whose end was reported is closed a moment later.
const CLOSING: Duration = Duration::from_secs(1);

fn retries(longest_pause: Duration) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .maximum_interval(longest_pause)
        .build()
}

/// On the paced queue of content writes. Each installation has its own share of it.
pub(super) fn github_write(queue: String, installation: InstallationId) -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: ALL_TRIES,
        start_to_close: ONE_GITHUB_CALL,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .task_queue(queue)
        .priority(share_of(installation))
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(Duration::from_secs(60)))
        .build()
}

fn share_of(installation: InstallationId) -> Priority {
    let mut share = Priority::default();
    share.fairness_key = Some(format!("installation-{installation}"));
    share
}

pub(super) fn look() -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: ALL_LOOKS,
        start_to_close: ONE_GITHUB_CALL,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(Duration::from_secs(30)))
        .build()
}

pub(super) fn address() -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: ADDRESS,
        start_to_close: ONE_ADDRESS,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(Duration::from_secs(2)))
        .build()
}

pub(super) fn signal() -> SignalWorkflowOptions {
    SignalWorkflowOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// A wait that whoever cancels the workflow does not end.
pub(super) fn patiently() -> WaitConditionOptions {
    WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

pub(super) fn until_forgotten(token: &WorkflowCancellationToken) -> TimerOptions {
    TimerOptions::builder(REMEMBERED)
        .cancellation_token(token.clone())
        .summary("until nothing can come again".to_owned())
        .build()
}

pub(super) fn until_reported(token: &WorkflowCancellationToken) -> TimerOptions {
    TimerOptions::builder(REPORTING)
        .cancellation_token(token.clone())
        .build()
}

pub(super) fn until_closed() -> TimerOptions {
    TimerOptions::builder(CLOSING)
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}
