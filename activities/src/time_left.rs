//! Keeps an attempt within the time that Temporal gives it.
//!
//! Temporal starts another attempt when the time is over. A worker that was stopped and goes on must not
//! act beside it: what it was about to write is out of date.

use std::time::Duration;

use temporalio_sdk::activities::ActivityContext;
use tokio::time::sleep;

/// What an attempt that ends by itself leaves of its time.
const MARGIN: Duration = Duration::from_secs(1);

/// Does the work; `None` if it is not done in time. It is then dropped where it stands.
pub(crate) async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        // Looked at first, whatever the work could go on with by now.
        biased;
        () = sleep(time) => None,
        done = work => Some(done),
    }
}

/// Until shortly before Temporal gives this attempt up, which has just begun. Both times are
/// the server's: its clock need not be ours.
pub(crate) fn time_left(ctx: &ActivityContext) -> Duration {
    let info = ctx.info();
    let whole = info
        .deadline
        .zip(info.started_time)
        .and_then(|(deadline, started)| deadline.duration_since(started).ok());
    whole.map_or(Duration::MAX, |whole| whole.saturating_sub(MARGIN))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_was_stopped_for_too_long_does_nothing_more() {
        let has_written = Cell::new(false);
        let work = async {
            sleep(Duration::from_secs(1)).await;
            has_written.set(true);
        };
        let mut attempt = std::pin::pin!(within(Duration::from_secs(29), work));
        assert!(futures::poll!(&mut attempt).is_pending());
        // Nobody polls it for a minute: the process is stopped.
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(attempt.await, None);
        assert!(!has_written.get());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_done_in_time_is_done() {
        let work = async {
            sleep(Duration::from_secs(1)).await;
            7
        };
        assert_eq!(within(Duration::from_secs(29), work).await, Some(7));
    }
}
