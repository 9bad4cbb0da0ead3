//! How long does a pull request's workflow wait, for what, and how often does it try again?

use std::time::Duration;

use temporalio_common::Priority;
use temporalio_workflow::{
    ActivityOptions, SignalWorkflowOptions, TimerOptions, WorkflowCancellationToken,
};

use crate::{uncancelled, vocabulary::InstallationId};

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

/// On the paced queue of content writes. Each installation has its own share of it.
pub(super) fn github_write(queue: String, installation: InstallationId) -> ActivityOptions {
    let mut options = uncancelled::activity(ALL_TRIES, ONE_GITHUB_CALL, Duration::from_secs(60));
    options.task_queue = Some(queue);
    options.priority = Some(share_of(installation));
    options
}

fn share_of(installation: InstallationId) -> Priority {
    let mut share = Priority::default();
    share.fairness_key = Some(format!("installation-{installation}"));
    share
}

pub(super) fn look() -> ActivityOptions {
    uncancelled::activity(ALL_LOOKS, ONE_GITHUB_CALL, Duration::from_secs(30))
}

pub(super) fn address() -> ActivityOptions {
    uncancelled::activity(ADDRESS, ONE_ADDRESS, Duration::from_secs(2))
}

pub(super) fn signal() -> SignalWorkflowOptions {
    SignalWorkflowOptions::builder()
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
