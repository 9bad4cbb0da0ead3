//! Heartbeats of running activities, and their cancellation.

use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};
use workflows::contract::timeouts::{HEARTBEAT_TIMEOUT, Heartbeat};

use crate::{
    failure::{ActivityFailure, into_activity_error},
    redact::Redacted,
};

/// What an activity is busy with, redacted: sent along with its heartbeats, and shown by
/// Temporal's UI among the pending activities.
pub(crate) struct Progress(watch::Sender<String>);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(String::new()))
    }

    pub(crate) fn report(&self, doing: impl AsRef<str>) {
        self.0.send_replace(Redacted::of(doing.as_ref()).into_string());
    }
}

/// Heartbeats while `work` runs; drops it when the activity is cancelled.
///
/// A worker that shuts down looks like a cancellation here. That is why `work` must be something that can be
/// left half-done: the next attempt, or the teardown, finds and completes it.
pub(crate) async fn run_cancellable<T, F: ActivityFailure>(
    ctx: &ActivityContext,
    progress: &Progress,
    work: impl Future<Output = Result<T, F>>,
) -> Result<T, ActivityError> {
    tokio::select! {
        result = run_to_completion(ctx, progress, work) => result,
        () = ctx.cancelled() => Err(ActivityError::cancelled()),
    }
}

/// Heartbeats while `work` runs, which looks after a cancellation by itself.
pub(crate) async fn run_to_completion<T, F: ActivityFailure>(
    ctx: &ActivityContext,
    progress: &Progress,
    work: impl Future<Output = Result<T, F>>,
) -> Result<T, ActivityError> {
    let mut work = std::pin::pin!(work);
    // The start itself says that the activity is alive: what is done sooner needs no heartbeat, which is
    // paid for in Temporal Cloud.
    let timeout = ctx.info().heartbeat_timeout.unwrap_or(HEARTBEAT_TIMEOUT);
    let every = Heartbeat::of_timeout(timeout).interval();
    let mut beat = interval_at(Instant::now() + every, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            result = &mut work => return result.map_err(into_activity_error),
            _ = beat.tick() => {
                let doing = progress.0.borrow().clone();
                // Cannot fail: a string always encodes. And if it did, the
                // missing heartbeat would be noticed.
                let _ = ctx.record_heartbeat(doing).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_tell_nothing_secret() {
        let progress = Progress::new();
        progress.report("The cluster refuses to create the pods: DB_PASS=hunter2 is refused");
        assert_eq!(
            *progress.0.borrow(),
            "The cluster refuses to create the pods: DB_PASS=[hidden] is refused"
        );
    }
}
