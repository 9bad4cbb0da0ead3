//! How long a pull request's workflow waits, for what, and how often it tries again.

use std::time::Duration;

use domain::InstallationId;
use temporalio_common::Priority;
use temporalio_workflow::{ActivityOptions, SignalWorkflowOptions, TimerOptions, WorkflowCancellationToken};

use crate::{
    contract::timeouts::{CALL_GITHUB, FIND_PREVIEWS, POINT_STABLE_URL, POINT_STABLE_URL_IN_ALL},
    uncancelled,
};

/// GitHub delivers again what failed for three days, and only by hand. Whoever forgets
/// earlier would carry out old commands anew.
const REMEMBERED: Duration = Duration::from_secs(4 * 24 * 3600);
/// What was heard is answered for as long as the pull request is attended to. A bound in time would end it at
/// once where GitHub asks us to stay away for longer than is left of it.
const WRITES_EVERY: Duration = Duration::from_secs(120);
/// Between two lookups that GitHub does not answer.
const LOOKUPS_EVERY: Duration = Duration::from_secs(60);
/// Progress that has waited longer for its turn is behind what it was meant to tell. GitHub's
/// content writes are few: the next milestone says it all. Long enough that fifty people who ask
/// in the same second all get a first answer.
pub(super) const LATE: Duration = Duration::from_secs(45);
/// A preview reports within a second what a signal has changed.
const REPORTING: Duration = Duration::from_secs(3);
/// How soon it is noticed that a run was terminated which this run has not started.
pub(super) const LOOKED_FOR_EVERY: Duration = Duration::from_secs(300);
/// A run whose end was reported is closed a moment later.
pub(super) const CLOSING: Duration = Duration::from_secs(1);

/// On the paced queue of content writes. Each installation has its own share of it.
pub(super) fn github_write(
    queue: String,
    installation: InstallationId,
    token: &WorkflowCancellationToken,
) -> ActivityOptions {
    let mut options = uncancelled::endless_activity(CALL_GITHUB, WRITES_EVERY, token);
    options.task_queue = Some(queue);
    options.priority = Some(share_of(installation));
    options
}

fn share_of(installation: InstallationId) -> Priority {
    let mut share = Priority::default();
    share.fairness_key = Some(format!("installation-{installation}"));
    share
}

pub(super) fn lookup(token: &WorkflowCancellationToken) -> ActivityOptions {
    uncancelled::endless_activity(CALL_GITHUB, LOOKUPS_EVERY, token)
}

pub(super) fn finding() -> ActivityOptions {
    uncancelled::endless_activity(FIND_PREVIEWS, Duration::from_secs(10), &WorkflowCancellationToken::new())
}

pub(super) fn stable_url() -> ActivityOptions {
    uncancelled::activity(POINT_STABLE_URL_IN_ALL, POINT_STABLE_URL, Duration::from_secs(2))
}

pub(super) fn signal() -> SignalWorkflowOptions {
    SignalWorkflowOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}

/// Until something is obeyed unchecked, if something waits that can be; else until nothing can come again.
pub(super) fn until_forgotten(
    unchecked: Option<Duration>,
    token: &WorkflowCancellationToken,
) -> TimerOptions {
    let summary = match unchecked {
        Some(_) => "until it is obeyed without GitHub's answer",
        None => "until nothing can come again",
    };
    TimerOptions::builder(unchecked.unwrap_or(REMEMBERED))
        .cancellation_token(token.clone())
        .summary(summary.to_owned())
        .build()
}

pub(super) fn until_reported(token: &WorkflowCancellationToken) -> TimerOptions {
    TimerOptions::builder(REPORTING).cancellation_token(token.clone()).build()
}

pub(super) fn until_confirmed(pause: Duration, token: &WorkflowCancellationToken) -> TimerOptions {
    TimerOptions::builder(pause)
        .cancellation_token(token.clone())
        .summary("until the comment is looked at again".to_owned())
        .build()
}

/// Until the previews are looked after, though nothing has happened.
pub(super) fn until_looked_after(
    pause: Duration,
    what: &'static str,
    token: &WorkflowCancellationToken,
) -> TimerOptions {
    TimerOptions::builder(pause)
        .cancellation_token(token.clone())
        .summary(format!("until {what}"))
        .build()
}
