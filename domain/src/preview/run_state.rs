//! What one run of a preview knows about itself, and the arithmetic of its time to live.

use jiff::{SignedDuration, Timestamp};

use super::{Answering, PreviewReport, PreviewRequest, PreviewState, StopReason};
use crate::Ttl;

/// How long before the end people are warned, at the most.
const WARNING_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Which part of the granted time the warning leaves, of a preview that is short-lived.
const WARNING_PART: i32 = 6;
/// A warning that leaves less time than this helps nobody.
const WARNING_MIN: SignedDuration = SignedDuration::from_secs(10);
/// How often one run is extended. Temporal terminates a run whose history has 51,200 events, and an extension
/// makes up to 14 of them: nobody may end a preview by extending it a second at a time.
const EXTENSIONS_MAX: u32 = 500;

/// The state that signals change and stages move along.
#[derive(Clone, Debug)]
pub struct RunState {
    started_at: Timestamp,
    granted: SignedDuration,
    max_lifetime: SignedDuration,
    extensions: u32,
    ready_since: Option<(Timestamp, Answering)>,
    stop_requested: Option<StopReason>,
    state: PreviewState,
    /// Grows with every change of the state.
    revision: u32,
}

impl RunState {
    /// Of a run that starts now.
    #[must_use]
    pub fn new(started_at: Timestamp, ttl: Ttl, max_lifetime: Ttl) -> Self {
        Self {
            started_at,
            granted: ttl.as_signed_duration(),
            max_lifetime: max_lifetime.as_signed_duration(),
            extensions: 0,
            ready_since: None,
            stop_requested: None,
            state: PreviewState::Requested,
            revision: 1,
        }
    }

    /// The URL answers from now on, and the time to live begins.
    pub fn become_ready(&mut self, now: Timestamp, answering: Answering) {
        self.ready_since = Some((now, answering));
    }

    /// Where it answers, once it does.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.ready_since.as_ref().map(|(_, answering)| answering.url.as_str())
    }

    /// When the preview ends, once it is ready: the granted time counts from then,
    /// the maximum lifetime from the very start.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let (ready_at, _) = self.ready_since.as_ref()?;
        Some(self.deadline_if_ready_at(*ready_at))
    }

    /// The earliest end that can be promised to someone who asks before the preview is ready.
    #[must_use]
    pub fn deadline_if_ready_at(&self, ready_at: Timestamp) -> Timestamp {
        let granted = ready_at.saturating_add(self.granted).unwrap_or(Timestamp::MAX);
        granted.min(self.latest_end())
    }

    /// Grants more time, up to the maximum lifetime, and 500 times.
    pub fn extend(&mut self, by: Ttl) {
        if self.extensions == EXTENSIONS_MAX {
            return;
        }
        self.extensions += 1;
        self.granted = self.granted.saturating_add(by.as_signed_duration()).min(self.max_lifetime);
    }

    /// When people are warned of the end, if there is time for a warning.
    #[must_use]
    pub fn warning(&self) -> Option<Timestamp> {
        let lead = (self.granted / WARNING_PART).min(WARNING_MAX);
        (lead >= WARNING_MIN)
            .then(|| self.deadline()?.saturating_sub(lead).ok())
            .flatten()
    }

    /// The latest end that extensions can reach.
    #[must_use]
    pub fn extendable_until(&self) -> Timestamp {
        let is_used_up = self.extensions == EXTENSIONS_MAX;
        self.deadline().filter(|_| is_used_up).unwrap_or_else(|| self.latest_end())
    }

    fn latest_end(&self) -> Timestamp {
        self.started_at.saturating_add(self.max_lifetime).unwrap_or(Timestamp::MAX)
    }

    /// What people are told while it answers.
    #[must_use]
    pub fn ready_state(&self, is_expiring: bool) -> PreviewState {
        PreviewState::Ready {
            url: self.url().unwrap_or_default().to_owned(),
            note: self.ready_since.as_ref().and_then(|(_, answering)| answering.note.clone()),
            stable_url: None,
            stable_note: None,
            expires_at: self.deadline().unwrap_or(self.started_at),
            extendable_until: self.extendable_until(),
            is_expiring,
        }
    }

    /// It is to end. The first reason stays.
    pub fn request_stop(&mut self, reason: StopReason) {
        self.stop_requested.get_or_insert(reason);
    }

    /// Why it is to end, if it is.
    #[must_use]
    pub fn stop_requested(&self) -> Option<&StopReason> {
        self.stop_requested.as_ref()
    }

    /// The preview is in this state from now on.
    pub fn advance(&mut self, state: PreviewState) {
        if self.state != state {
            self.state = state;
            self.revision += 1;
        }
    }

    /// What is true now.
    #[must_use]
    pub fn state(&self) -> &PreviewState {
        &self.state
    }

    /// What the run says of itself now.
    #[must_use]
    pub fn report(&self, request: &PreviewRequest, run_id: &str) -> PreviewReport {
        PreviewReport {
            preview: request.preview.clone(),
            run_id: Some(run_id.to_owned()),
            started_at: Some(self.started_at),
            revision: self.revision,
            requested_by: request.requested_by.clone(),
            asked_in: request.comment,
            state: self.state.clone(),
            environment: request.settings.environment.clone(),
            probe: request.settings.readiness.probe.clone(),
        }
    }

    /// Whoever has reported this revision has nothing to do, until this turns true.
    #[must_use]
    pub fn has_more_to_report_than(&self, reported: u32) -> bool {
        self.revision > reported
    }

    /// Whoever has reported this revision is done for good.
    #[must_use]
    pub fn is_reported_by(&self, reported: u32) -> bool {
        self.state.is_over() && self.revision == reported
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::preview::{MissingImage, PullProblem};

    fn ttl(text: &str) -> Ttl {
        text.parse().expect("a duration")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn answering() -> Answering {
        Answering { url: "http://x/".to_owned(), note: None }
    }

    fn requested_at_noon() -> RunState {
        RunState::new(at("2026-11-22T12:00:00Z"), ttl("30m"), ttl("1h"))
    }

    #[test]
    fn the_time_to_live_counts_from_readiness() {
        let mut state = requested_at_noon();
        assert_eq!(state.deadline(), None);
        state.become_ready(at("2026-11-22T12:05:00Z"), answering());
        assert_eq!(state.deadline(), Some(at("2026-11-22T12:35:00Z")));
    }

    #[test]
    fn an_extension_moves_the_end_but_never_past_the_maximum_lifetime() {
        let mut state = requested_at_noon();
        state.become_ready(at("2026-11-22T12:05:00Z"), answering());
        state.extend(ttl("10m"));
        assert_eq!(state.deadline(), Some(at("2026-11-22T12:45:00Z")));
        state.extend(ttl("30d"));
        assert_eq!(state.deadline(), Some(at("2026-11-22T13:00:00Z")));
    }

    #[test]
    fn after_500_extensions_the_end_is_where_it_is() {
        let mut state = RunState::new(at("2026-11-22T12:00:00Z"), ttl("30m"), ttl("1d"));
        state.become_ready(at("2026-11-22T12:00:00Z"), answering());
        for _ in 0..2_000 {
            state.extend(ttl("1s"));
        }
        assert_eq!(state.deadline(), Some(at("2026-11-22T12:38:20Z")));
        assert_eq!(state.extendable_until(), at("2026-11-22T12:38:20Z"));
    }

    #[test]
    fn an_extension_before_readiness_counts_too() {
        let mut state = requested_at_noon();
        state.extend(ttl("5m"));
        state.become_ready(at("2026-11-22T12:01:00Z"), answering());
        assert_eq!(state.deadline(), Some(at("2026-11-22T12:36:00Z")));
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
            let mut state = RunState::new(noon, ttl(ttl_text), ttl("1d"));
            assert_eq!(state.warning(), None);
            state.become_ready(noon, answering());
            assert_eq!(state.warning(), warning.map(at), "{ttl_text}");
        }
    }

    #[test]
    fn the_first_reason_to_stop_is_the_one_that_counts() {
        let mut state = requested_at_noon();
        state.request_stop(StopReason::PullRequestClosed { merged: true });
        state.request_stop(StopReason::Asked { by: None });
        assert_eq!(state.stop_requested(), Some(&StopReason::PullRequestClosed { merged: true }));
    }

    #[test]
    fn a_reporter_that_falls_behind_skips_to_the_newest_state() {
        let mut state = requested_at_noon();
        assert!(state.has_more_to_report_than(0));
        let reported = state.revision;
        assert!(!state.has_more_to_report_than(reported));
        state.advance(PreviewState::WaitingForImage(MissingImage {
            image: "x".to_owned(),
            because: PullProblem::NotFound,
        }));
        let removed = PreviewState::Removed { because: StopReason::Asked { by: None } };
        state.advance(removed.clone());
        assert!(state.has_more_to_report_than(reported) && !state.is_reported_by(reported));
        assert_eq!(*state.state(), removed);
        assert!(state.is_reported_by(state.revision));
    }

    proptest! {
        #[test]
        fn no_sequence_of_extensions_outlives_the_maximum(seconds in prop::collection::vec(1i64..=2_592_000, 0..20)) {
            let mut state = requested_at_noon();
            state.become_ready(at("2026-11-22T12:05:00Z"), answering());
            let mut previous = state.deadline();
            for extension in seconds {
                state.extend(ttl(&format!("{extension}s")));
                prop_assert!(state.deadline() >= previous);
                prop_assert!(state.deadline() <= Some(at("2026-11-22T13:00:00Z")));
                previous = state.deadline();
            }
        }
    }
}
