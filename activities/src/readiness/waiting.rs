//! How long the workloads are waited for, and what is done next: a pure step
//! function over what the cluster shows.

use std::time::Duration;

use tokio::time::Instant;

use super::assess::{Assessment, Trouble};

/// The kubelet asks for a missing image less and less often, in the end every five
/// minutes. A new pod starts from the beginning.
const ASK_AGAIN_FOR_IMAGE: Duration = Duration::from_secs(30);

/// What has been waited for so far.
pub(super) struct Waiting {
    since: Instant,
    /// How long workloads may take to come up.
    patience: Duration,
    /// None: a missing image is not waited for.
    image_deadline: Option<Instant>,
    /// The failure type of something that is wrong if it lasts, and until when it may.
    doubt: Option<(&'static str, Instant)>,
    image_asked_for: Option<Instant>,
    last_wait: String,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything is up.
    Ready,
    /// The image does not exist, and that is not to be waited for.
    ImageMissing { image: String },
    /// Wait on.
    Wait { doing: String },
    /// Wait on, and have the kubelet ask for the image again at once.
    AskForImage { doing: String },
    /// Give up.
    Fail(Cause),
}

/// Why.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Trouble(Trouble),
    ImageNotFound { image: String, message: String },
    TooSlow { last_wait: String },
}

impl Waiting {
    pub(super) fn new(now: Instant, patience: Duration, image_deadline: Option<Instant>) -> Self {
        Self {
            since: now,
            patience,
            image_deadline,
            doubt: None,
            image_asked_for: None,
            last_wait: "the cluster has not said anything yet".to_owned(),
        }
    }

    /// When to take the next step although nothing has changed.
    pub(super) fn deadline(&self) -> Instant {
        match (self.doubt, self.image_asked_for, self.image_deadline) {
            (Some((_, until)), ..) => until,
            (None, Some(asked), Some(deadline)) => deadline.min(asked + ASK_AGAIN_FOR_IMAGE),
            _ => self.since + self.patience,
        }
    }

    /// What follows from what the cluster shows now.
    pub(super) fn step(&mut self, now: Instant, assessment: Assessment) -> Next {
        let next = match assessment {
            Assessment::Ready => return Next::Ready,
            Assessment::Failed(trouble) => return Next::Fail(Cause::Trouble(trouble)),
            Assessment::ImageMissing { image, message } => {
                return self.wait_for_image(now, image, message);
            }
            Assessment::Doubt { trouble, grace } => {
                self.image_asked_for = None;
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
                self.image_asked_for = None;
                if self.is_over(now) {
                    return Next::Fail(Cause::Trouble(trouble));
                }
                trouble.summary
            }
            Assessment::Wait { for_what } => {
                self.doubt = None;
                self.image_asked_for = None;
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

    fn wait_for_image(&mut self, now: Instant, image: String, message: String) -> Next {
        let Some(deadline) = self.image_deadline else {
            return Next::ImageMissing { image };
        };
        if now >= deadline {
            return Next::Fail(Cause::ImageNotFound { image, message });
        }
        // The time to start counts from the image's arrival.
        self.since = now;
        self.doubt = None;
        let doing = format!("waiting for image {image}");
        match self.image_asked_for {
            Some(asked) if now < asked + ASK_AGAIN_FOR_IMAGE => Next::Wait { doing },
            Some(_) => {
                self.image_asked_for = Some(now);
                Next::AskForImage { doing }
            }
            // The kubelet has asked just now.
            None => {
                self.image_asked_for = Some(now);
                Next::Wait { doing }
            }
        }
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

    fn missing() -> Assessment {
        Assessment::ImageMissing { image: "app:1".to_owned(), message: String::new() }
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
        let mut waiting = Waiting::new(start, PATIENCE, None);
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
        let mut waiting = Waiting::new(start, PATIENCE, None);
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
        let mut waiting = Waiting::new(start, PATIENCE, None);
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
    fn a_missing_image_is_reported_or_asked_for_again_until_its_deadline() {
        let start = Instant::now();
        let image = "app:1".to_owned();
        assert_eq!(Waiting::new(start, PATIENCE, None).step(start, missing()), Next::ImageMissing { image });

        let mut waiting = Waiting::new(start, PATIENCE, Some(start + 80 * SECOND));
        assert!(matches!(waiting.step(start, missing()), Next::Wait { .. }));
        assert_eq!(waiting.deadline(), start + 30 * SECOND);
        for (seconds, asks) in [(10, false), (30, true), (40, false), (60, true)] {
            let next = waiting.step(start + seconds * SECOND, missing());
            assert_eq!(matches!(next, Next::AskForImage { .. }), asks, "{seconds}");
        }
        assert_eq!(waiting.deadline(), start + 80 * SECOND);
        assert!(matches!(
            waiting.step(start + 80 * SECOND, missing()),
            Next::Fail(Cause::ImageNotFound { .. })
        ));
    }

    #[test]
    fn the_time_to_start_counts_from_the_images_arrival() {
        let start = Instant::now();
        let mut waiting = Waiting::new(start, PATIENCE, Some(start + 900 * SECOND));
        waiting.step(start, missing());
        waiting.step(start + 600 * SECOND, missing());
        let next = waiting.step(start + 601 * SECOND, wait());
        assert!(matches!(next, Next::Wait { .. }));
        assert_eq!(waiting.deadline(), start + 600 * SECOND + PATIENCE);
    }
}
