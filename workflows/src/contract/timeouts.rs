//! The timeouts of activities, beside the bounds that the activities keep by themselves.
//!
//! An activity that reaches a bound of its own can say what it waited for; one that Temporal gives up cannot.
//! So each bound is shorter than the timeout around it, which a test asserts.

use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How often a running activity says that it is alive, and how long its silence is borne.
///
/// The one follows from the other, so that an activity knows from its own timeout how often to speak: workers
/// that are configured differently can work on the same previews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    interval: Duration,
}

impl Heartbeat {
    /// What workflows ask for.
    pub const DEFAULT: Self = Self { interval: Self::SHORTEST };
    /// The shortest interval.
    pub const SHORTEST: Duration = seconds(1);
    /// The longest interval: whoever stops a preview while it starts waits this long.
    pub const LONGEST: Duration = seconds(30);
    /// Heartbeats of which all but one may be late or lost.
    const BEATS: u32 = 4;
    /// What a busy worker, server or network may take on top.
    const ALLOWANCE: Duration = seconds(6);

    /// `None` beyond the bounds.
    #[must_use]
    pub fn every(interval: Duration) -> Option<Self> {
        let is_within = (Self::SHORTEST..=Self::LONGEST).contains(&interval);
        is_within.then_some(Self { interval })
    }

    /// The one that an activity with this timeout was meant to have.
    #[must_use]
    pub fn of_timeout(timeout: Duration) -> Self {
        let interval = timeout.saturating_sub(Self::ALLOWANCE) / Self::BEATS;
        Self { interval: interval.clamp(Self::SHORTEST, Self::LONGEST) }
    }

    /// Between two heartbeats. A cancellation travels back with a heartbeat's answer, so this is also how
    /// soon it is noticed.
    #[must_use]
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// A worker that has not been heard of for this long is taken for dead, and its activity is given to
    /// another.
    #[must_use]
    pub const fn timeout(self) -> Duration {
        seconds(self.interval.as_secs() * Self::BEATS as u64 + Self::ALLOWANCE.as_secs())
    }
}

/// What workflows ask for, where activities have heartbeats. A worker may ask for more, see
/// [`stretch_heartbeats`](crate::stretch_heartbeats).
pub const HEARTBEAT_TIMEOUT: Duration = Heartbeat::DEFAULT.timeout();

/// One attempt at making a namespace: a second, unless its predecessor of the
/// same name is still being deleted.
pub const CREATE_NAMESPACE: Duration = seconds(180);
/// Bound: one wait for a namespace to be gone.
pub const NAMESPACE_GONE: Duration = seconds(170);

/// One attempt at installing the chart. Helm talks to the API server, and waits for hooks only.
pub const INSTALL_RELEASE: Duration = seconds(360);
/// Between two attempts while a hook waits for its image.
pub const INSTALL_AGAIN: Duration = seconds(30);
/// Between two looks while a workload waits for its image.
pub const PULL_AGAIN: Duration = seconds(15);
/// Bound: `helm install`, the removal of an incomplete earlier attempt included.
pub const HELM_INSTALL: Duration = seconds(240);
/// Bound: a chart's download, which belongs to that time too.
pub const HELM_PULL: Duration = seconds(60);
/// Bound: that removal, and that of an install whose hook waits for its image.
pub const TAKE_DOWN: Duration = seconds(60);
/// Bound: how long a Helm waits until fewer others run.
pub const HELM_PLACE: Duration = seconds(20);
/// Bound: how long Helm has to record its failure after SIGTERM, before it is killed.
pub const HELM_GRACE: Duration = seconds(10);

/// One attempt at waiting until the preview answers.
pub const AWAIT_READY: Duration = seconds(2_000);
/// The longest that operators may let a missing image be waited for: each look makes the history longer.
pub const IMAGE_MAX: Duration = seconds(3_000);
/// From the install, or from the image's arrival, to all pods available, where a repository says nothing
/// else. Pulling a large image belongs to it.
pub const WORKLOADS_UP: Duration = seconds(300);
/// Bounds: what a repository can say.
pub const WORKLOADS_UP_MIN: Duration = seconds(30);
/// And at the most.
pub const WORKLOADS_UP_MAX: Duration = seconds(1_800);
/// Bound: from ready pods to an answer at the URL. What is missing is the
/// ingress controller, or a name in the DNS.
pub const URL_ANSWERS: Duration = seconds(60);

/// One attempt at removing everything.
pub const TEAR_DOWN: Duration = seconds(600);
/// Bound: `helm uninstall`. The namespace is deleted afterwards anyway, so this is for the chart's own hooks.
pub const HELM_UNINSTALL: Duration = seconds(60);

/// One attempt at pointing the stable URL, which is given a second less of it.
pub const POINT_STABLE_URL: Duration = seconds(10);
/// Bound: from the Ingress to an answer at the stable URL. An ingress controller that needs longer is asked
/// again later.
pub const STABLE_URL_ANSWERS: Duration = seconds(5);
/// All attempts: it is a convenience, and the preview's own URL is published without it after this time.
pub const POINT_STABLE_URL_IN_ALL: Duration = seconds(20);

/// One call to Temporal from an activity.
pub const REPORT_PREVIEW: Duration = seconds(10);
/// A list of Temporal's, and a question to each preview.
pub const FIND_PREVIEWS: Duration = seconds(60);
/// Bound: the question to one of them.
pub const QUERY: Duration = seconds(10);
/// One call to GitHub, with its own timeouts inside.
pub const CALL_GITHUB: Duration = seconds(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_shorter_than_the_timeout_around_it() {
        for (inner, outer) in [
            (NAMESPACE_GONE, CREATE_NAMESPACE),
            (TAKE_DOWN + HELM_PLACE + HELM_PULL, HELM_INSTALL),
            (HELM_PLACE + HELM_INSTALL + HELM_GRACE + TAKE_DOWN, INSTALL_RELEASE),
            (WORKLOADS_UP_MIN, WORKLOADS_UP),
            (WORKLOADS_UP, WORKLOADS_UP_MAX),
            (WORKLOADS_UP_MAX + URL_ANSWERS, AWAIT_READY),
            (HELM_PLACE + HELM_UNINSTALL + HELM_GRACE + NAMESPACE_GONE, TEAR_DOWN),
            (STABLE_URL_ANSWERS, POINT_STABLE_URL),
            (POINT_STABLE_URL, POINT_STABLE_URL_IN_ALL),
            (QUERY, FIND_PREVIEWS),
        ] {
            assert!(inner < outer, "{inner:?} is not shorter than {outer:?}");
        }
    }
    #[test]
    fn an_activity_knows_from_its_timeout_how_often_to_say_that_it_is_alive() {
        assert_eq!(Heartbeat::DEFAULT.timeout(), seconds(10));
        for interval in (1..=30).map(seconds) {
            let heartbeat = Heartbeat::every(interval).expect("within the bounds");
            assert_eq!(Heartbeat::of_timeout(heartbeat.timeout()), heartbeat);
            assert!(interval * 3 < heartbeat.timeout());
        }
        for interval in [Duration::ZERO, seconds(31)] {
            assert_eq!(Heartbeat::every(interval), None);
        }
        assert_eq!(Heartbeat::of_timeout(Duration::ZERO), Heartbeat::DEFAULT);
    }
}
