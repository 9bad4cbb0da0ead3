//! How long the workloads are waited for, and what is done next: a pure step
//! function over what the cluster shows.

use std::time::Duration;

use tokio::time::Instant;

use super::assess::{Assessment, Trouble};

/// What has been waited for so far.
pub(super) struct Waiting {
    since: Instant,
    /// How long workloads may take to come up.
    patience: Duration,
    /// The failure type of something that is wrong if it lasts, and until when it may.
    doubt: Option<(&'static str, Instant)>,
    last_wait: String,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything is up.
    Ready,
    /// An image is not there: whoever wants to wait for it looks again later.
    ImageMissing { image: String, message: String },
    /// Wait on.
    Wait { doing: String },
    /// Give up.
    Fail(Cause),
}

/// Why.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Trouble(Trouble),
    TooSlow { last_wait: String },
}

impl Waiting {
    pub(super) fn new(now: Instant, patience: Duration) -> Self {
        Self {
            since: now,
            patience,
            doubt: None,
            last_wait: "the cluster has not said anything yet".to_owned(),
        }
    }

    /// When to take the next step although nothing has changed.
    pub(super) fn deadline(&self) -> Instant {
        match self.doubt {
            Some((_, until)) => until,
            None => self.since + self.patience,
        }
    }

    /// What follows from what the cluster shows now.
    pub(super) fn step(&mut self, now: Instant, assessment: Assessment) -> Next {
        let next = match assessment {
            Assessment::Ready => return Next::Ready,
            Assessment::Failed(trouble) => return Next::Fail(Cause::Trouble(trouble)),
            Assessment::ImageMissing { image, message } => return Next::ImageMissing { image, message },
            Assessment::Doubt { trouble, grace } => {
                match self.doubt {
                    Some((kind, until)) if kind == trouble.kind && now >= until => {
                        return Next::Fail(Cause::Trouble(trouble));
                    }
                    Some((kind, _)) if kind == trouble.kind => {}
                    _ => self.doubt = Some((trouble.kind, now + grace)),
                }
                trouble.summary
            }
            Assessment::Struggling(trouble) => {
                self.doubt = None;
                if self.is_over(now) {
                    return Next::Fail(Cause::Trouble(trouble));
                }
                trouble.summary
            }
            Assessment::Wait { for_what } => {
                self.doubt = None;
                self.last_wait.clone_from(&for_what);
                for_what
            }
        };
        if self.is_over(now) {
            let last_wait = self.last_wait.clone();
            return Next::Fail(Cause::TooSlow { last_wait });
        }
        Next::Wait { doing: next }
    }

    fn is_over(&self, now: Instant) -> bool {
        now >= self.since + self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Duration = Duration::from_secs(300);

    fn wait() -> Assessment {
        Assessment::Wait { for_what: "web: 0 of 1 replicas".to_owned() }
    }

    fn doubt(kind: &'static str) -> Assessment {
        Assessment::Doubt {
            trouble: Trouble { kind, summary: "No node has room.".to_owned(), log: None },
            grace: 30 * SECOND,
        }
    }

    fn fails_with(next: &Next, kind: &str) -> bool {
        matches!(next, Next::Fail(Cause::Trouble(trouble)) if trouble.kind == kind)
    }

    #[test]
    fn workloads_have_the_time_that_they_are_given() {
        let start = Instant::now();
        let mut waiting = Waiting::new(start, PATIENCE);
        assert_eq!(waiting.deadline(), start + PATIENCE);
        let next = waiting.step(start + PATIENCE - SECOND, wait());
        assert!(matches!(next, Next::Wait { .. }));
        let last_wait = "web: 0 of 1 replicas".to_owned();
        assert_eq!(waiting.step(start + PATIENCE, wait()), Next::Fail(Cause::TooSlow { last_wait }));
        assert_eq!(waiting.step(start + PATIENCE, Assessment::Ready), Next::Ready);
    }

    #[test]
    fn restarts_are_waited_for_until_the_time_is_over_and_then_told() {
        let start = Instant::now();
        let mut waiting = Waiting::new(start, PATIENCE);
        let crashes = || {
            let trouble = Trouble { kind: "CrashLoop", summary: "It ends.".to_owned(), log: None };
            Assessment::Struggling(trouble)
        };
        let doing = "It ends.".to_owned();
        assert_eq!(waiting.step(start + PATIENCE - SECOND, crashes()), Next::Wait { doing });
        assert!(fails_with(&waiting.step(start + PATIENCE, crashes()), "CrashLoop"));
    }

    #[test]
    fn what_may_pass_is_wrong_only_if_it_lasts() {
        let start = Instant::now();
        let mut waiting = Waiting::new(start, PATIENCE);
        assert!(matches!(waiting.step(start, doubt("Unschedulable")), Next::Wait { .. }));
        assert_eq!(waiting.deadline(), start + 30 * SECOND);
        // Another doubt has a grace of its own, and so has one that comes back.
        waiting.step(start + 20 * SECOND, doubt("QuotaExceeded"));
        assert_eq!(waiting.deadline(), start + 50 * SECOND);
        waiting.step(start + 40 * SECOND, wait());
        waiting.step(start + 45 * SECOND, doubt("QuotaExceeded"));
        assert!(matches!(waiting.step(start + 74 * SECOND, doubt("QuotaExceeded")), Next::Wait { .. }));
        let next = waiting.step(start + 75 * SECOND, doubt("QuotaExceeded"));
        assert!(fails_with(&next, "QuotaExceeded"));
    }

    #[test]
    fn a_missing_image_is_named_at_once() {
        let (image, message) = ("app:1".to_owned(), "not found".to_owned());
        let start = Instant::now();
        let missing = Assessment::ImageMissing { image: image.clone(), message: message.clone() };
        assert_eq!(Waiting::new(start, PATIENCE).step(start, missing), Next::ImageMissing { image, message });
    }
}
