//! What does a preview know about itself? Pure state and arithmetic; no Temporal in here.

use jiff::{SignedDuration, Timestamp};

use crate::{
    activities::{ReportedState, StopReason},
    vocabulary::{Phase, Ttl},
};

/// How long before the end people are warned, at the most.
const WARNING_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Which part of the granted time the warning leaves, of a preview that is short-lived.
const WARNING_PART: i32 = 6;
/// A warning that leaves less time than this helps nobody.
const WARNING_MIN: SignedDuration = SignedDuration::from_secs(10);

/// The state that signals change and stages move along.
pub(super) struct Life {
    started_at: Timestamp,
    granted: SignedDuration,
    max_lifetime: SignedDuration,
    phase: Phase,
    ready_since: Option<(Timestamp, String)>,
    stop_requested: Option<StopReason>,
    report: ReportedState,
    report_revision: u32,
    report_is_final: bool,
}

impl Life {
    pub(super) fn new(started_at: Timestamp, ttl: Ttl, max_lifetime: Ttl) -> Self {
        Self {
            started_at,
            granted: ttl.as_signed_duration(),
            max_lifetime: max_lifetime.as_signed_duration(),
            phase: Phase::Requested,
            ready_since: None,
            stop_requested: None,
            report: ReportedState::Requested,
            report_revision: 1,
            report_is_final: false,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// The URL answers from now on, and the time to live begins.
    pub(super) fn become_ready(&mut self, now: Timestamp, url: String) {
        self.phase = Phase::Ready;
        self.ready_since = Some((now, url));
    }

    pub(super) fn url(&self) -> Option<&str> {
        self.ready_since.as_ref().map(|(_, url)| url.as_str())
    }

    /// When the preview ends, once it is ready: the granted time counts from then, the maximum lifetime from the very start.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let (ready_at, _) = self.ready_since.as_ref()?;
        Some(self.deadline_if_ready_at(*ready_at))
    }

    /// The earliest end that can be promised to someone who asks before the preview is ready.
    pub(super) fn deadline_if_ready_at(&self, ready_at: Timestamp) -> Timestamp {
        let granted = ready_at
            .saturating_add(self.granted)
            .unwrap_or(Timestamp::MAX);
        granted.min(self.extendable_until())
    }

    pub(super) fn extend(&mut self, by: Ttl) {
        self.granted = self
            .granted
            .saturating_add(by.as_signed_duration())
            .min(self.max_lifetime);
    }

    /// When people are warned of the end, if there is time for a warning.
    pub(super) fn warning(&self) -> Option<Timestamp> {
        let lead = (self.granted / WARNING_PART).min(WARNING_MAX);
        (lead >= WARNING_MIN)
            .then(|| self.deadline()?.saturating_sub(lead).ok())
            .flatten()
    }

    /// The latest end that extensions can reach.
    pub(super) fn extendable_until(&self) -> Timestamp {
        self.started_at
            .saturating_add(self.max_lifetime)
            .unwrap_or(Timestamp::MAX)
    }

    /// The first reason stays.
    pub(super) fn stop(&mut self, reason: StopReason) {
        self.stop_requested.get_or_insert(reason);
    }

    pub(super) fn stop_is_requested(&self) -> bool {
        self.stop_requested.is_some()
    }

    pub(super) fn stop_requested(&self) -> Option<StopReason> {
        self.stop_requested.clone()
    }

    /// What the comment shall say from now on.
    pub(super) fn report(&mut self, state: ReportedState) {
        if self.report != state {
            self.report = state;
            self.report_revision += 1;
        }
    }

    /// The last word: when the comment says this, there is nothing more to say.
    pub(super) fn report_finally(&mut self, state: ReportedState) {
        self.report(state);
        self.report_is_final = true;
    }

    pub(super) fn current_report(&self) -> (ReportedState, u32) {
        (self.report.clone(), self.report_revision)
    }

    /// Whoever has written this revision has nothing to do, until this turns true.
    pub(super) fn has_more_to_say_than(&self, written: u32) -> bool {
        self.report_revision > written || self.report_is_final
    }

    /// Whoever has written this revision is done for good.
    pub(super) fn said_everything_with(&self, written: u32) -> bool {
        self.report_is_final && self.report_revision == written
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ttl(text: &str) -> Ttl {
        text.parse().expect("a duration")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn requested_at_noon() -> Life {
        Life::new(at("2026-11-22T12:00:00Z"), ttl("30m"), ttl("1h"))
    }

    #[test]
    fn the_time_to_live_counts_from_readiness() {
        let mut life = requested_at_noon();
        assert_eq!(life.deadline(), None);
        life.become_ready(at("2026-11-22T12:05:00Z"), "http://x/".to_owned());
        assert_eq!(life.deadline(), Some(at("2026-11-22T12:35:00Z")));
    }

    #[test]
    fn an_extension_moves_the_end_but_never_past_the_maximum_lifetime() {
        let mut life = requested_at_noon();
        life.become_ready(at("2026-11-22T12:05:00Z"), "http://x/".to_owned());
        life.extend(ttl("10m"));
        assert_eq!(life.deadline(), Some(at("2026-11-22T12:45:00Z")));
        life.extend(ttl("30d"));
        assert_eq!(life.deadline(), Some(at("2026-11-22T13:00:00Z")));
    }

    #[test]
    fn an_extension_before_readiness_counts_too() {
        let mut life = requested_at_noon();
        life.extend(ttl("5m"));
        life.become_ready(at("2026-11-22T12:01:00Z"), "http://x/".to_owned());
        assert_eq!(life.deadline(), Some(at("2026-11-22T12:36:00Z")));
    }

    #[test]
    fn the_warning_comes_five_minutes_before_the_end_or_a_sixth_of_the_time() {
        for (ttl_text, warning) in [
            ("30m", Some("2026-11-22T12:25:00Z")),
            ("1h", Some("2026-11-22T12:55:00Z")),
            ("6m", Some("2026-11-22T12:05:00Z")),
            ("1m", Some("2026-11-22T12:00:50Z")),
            ("30s", None),
        ] {
            let noon = at("2026-11-22T12:00:00Z");
            let mut life = Life::new(noon, ttl(ttl_text), ttl("1d"));
            assert_eq!(life.warning(), None);
            life.become_ready(noon, "http://x/".to_owned());
            assert_eq!(life.warning(), warning.map(at), "{ttl_text}");
        }
    }

    #[test]
    fn the_first_reason_to_stop_is_the_one_that_counts() {
        let mut life = requested_at_noon();
        life.stop(StopReason::PullRequestClosed { merged: true });
        life.stop(StopReason::Asked { by: None });
        assert_eq!(
            life.stop_requested(),
            Some(StopReason::PullRequestClosed { merged: true })
        );
    }

    #[test]
    fn a_writer_that_falls_behind_skips_to_the_newest_state() {
        let mut life = requested_at_noon();
        assert!(life.has_more_to_say_than(0));
        let (_, written) = life.current_report();
        assert!(!life.has_more_to_say_than(written));
        life.report(ReportedState::WaitingForImage {
            image: "x".to_owned(),
        });
        let removed = ReportedState::Removed {
            because: StopReason::Asked { by: None },
        };
        life.report_finally(removed.clone());
        assert!(life.has_more_to_say_than(written) && !life.said_everything_with(written));
        let (newest, written) = life.current_report();
        assert_eq!(newest, removed);
        assert!(life.said_everything_with(written));
    }

    proptest! {
        #[test]
        fn no_sequence_of_extensions_outlives_the_maximum(seconds in prop::collection::vec(1i64..=2_592_000, 0..20)) {
            let mut life = requested_at_noon();
            life.become_ready(at("2026-11-22T12:05:00Z"), String::new());
            let mut previous = life.deadline();
            for extension in seconds {
                life.extend(ttl(&format!("{extension}s")));
                prop_assert!(life.deadline() >= previous);
                prop_assert!(life.deadline() <= Some(at("2026-11-22T13:00:00Z")));
                previous = life.deadline();
            }
        }
    }
}
