//! The previews of a pull request, and what is to be done until each is as it should be.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Effect;
use crate::{
    CommentId, CommitSha, Explanation, Login, PreviewId, RunIdentity, Ttl,
    preview::{
        AnswerNote, Answering, Ending, PreviewReport, PreviewRequest, PreviewState, StopReason, WaitingFor,
    },
};

/// How many previews of one pull request live at once. The newest always does, and beside it the one that
/// answers or will be the first to.
const LIVE_MAX: usize = 2;
/// How many ended runs are remembered, so that a report that comes late is not taken for a new preview.
const ENDED_RUNS_KEPT: usize = 50;
/// How often a start is refused before it is looked at who has the name: usually the predecessor, which has
/// said its last word and closes in a moment.
const REFUSALS_MAX: u32 = 2;
/// From the first try in vain to point the stable URL to a preview until the next one. Each further pause is
/// twice as long.
const TRY_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// At the most: a preview can live for days, and its pull request's history is to stay short.
const TRY_AGAIN_AFTER_MAX: SignedDuration = SignedDuration::from_hours(1);

/// All previews of one pull request that are alive, and the one that was asked for last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PreviewTracker {
    /// In the order they were asked for.
    previews: Vec<Tracked>,
    ended_runs: VecDeque<String>,
}

/// What is tracked of one of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tracked {
    report: PreviewReport,
    stable_url: StableUrl,
    #[serde(default)]
    tries: Tries,
    /// It is to be started, and is not yet.
    start: Option<Start>,
    /// It is to end. Remembered while it is still being started, and delivered as
    /// soon as there is a run that can be told.
    end: Option<End>,
    /// More time that was asked for and is not delivered yet.
    extensions: Vec<Ttl>,
    /// What to start once this one is gone.
    successor: Option<PreviewRequest>,
    /// The last comment that asked for it while it was there already.
    #[serde(default)]
    asked_again_in: Option<CommentId>,
    /// Another run than the one that is known has reported.
    #[serde(default)]
    is_disputed: bool,
}

/// A start that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Start {
    request: PreviewRequest,
    /// How often another run had the name.
    refusals: u32,
    /// It was refused just now, and is tried again in a moment.
    is_waiting: bool,
}

/// An end that was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct End {
    because: StopReason,
    /// The run has been told.
    is_delivered: bool,
}

/// Does the pull request's stable URL point to this preview?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StableUrl {
    NotYet,
    /// And it answers like this.
    PointsHere(Answering),
    /// It was tried; the preview's own URL has to do, until it is tried again.
    Refused,
}

/// The tries to point it to a preview.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tries {
    /// So many in a row.
    in_vain: u32,
    /// When the next one comes, after one in vain.
    next_at: Option<Timestamp>,
    /// It comes now.
    is_due: bool,
}

/// Something to be done that follows from what is tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To be done in the world.
    Apply(Effect),
    /// It was to end before it was started: it is over.
    Abandon(PreviewId),
    /// Start what was waiting for this preview's end.
    StartSuccessor(PreviewId),
    /// End this preview: a newer one has taken its place.
    Supersede {
        /// The older one.
        preview: PreviewId,
        /// The newer commit.
        by: CommitSha,
    },
}

impl PreviewTracker {
    /// A preview was asked for, and is to be started.
    pub fn request(&mut self, request: PreviewRequest) {
        self.previews.retain(|tracked| tracked.report.preview != request.preview);
        let mut tracked = Tracked::new(PreviewReport::of_request(&request));
        tracked.start = Some(Start { request, refusals: 0, is_waiting: false });
        self.previews.push(tracked);
        self.forget_what_is_over();
    }

    /// A preview was asked for whose predecessor is still being removed.
    pub fn queue(&mut self, request: PreviewRequest) {
        let is_predecessor = |tracked: &Tracked| tracked.report.preview == request.preview;
        let Some(index) = self.previews.iter().position(is_predecessor) else {
            return;
        };
        let mut tracked = self.previews.remove(index);
        tracked.successor = Some(request);
        self.previews.push(tracked);
    }

    /// Takes out what was waiting for this preview's end.
    pub fn take_successor(&mut self, preview: &PreviewId) -> Option<PreviewRequest> {
        self.get_mut(preview)?.successor.take()
    }

    /// Does anything wait to be started that was asked for in this comment or before?
    #[must_use]
    pub fn has_queued_up_to(&self, comment: CommentId) -> bool {
        self.previews.iter().any(|tracked| tracked.was_queued_up_to(comment))
    }

    /// It was asked for once more, while it is there already. Perhaps because the stable URL does not lead
    /// there any more: that is pointed there anew.
    pub fn asked_again(&mut self, preview: &PreviewId, comment: CommentId) {
        if let Some(tracked) = self.get_mut(preview) {
            tracked.asked_again_in = tracked.asked_again_in.max(Some(comment));
            tracked.tries.is_due = true;
        }
    }

    /// The last comment that asked for it. A `stop` that was written before does not mean it.
    #[must_use]
    pub fn last_asked_in(&self, report: &PreviewReport) -> CommentId {
        let again = self.get(&report.preview).and_then(|tracked| tracked.asked_again_in);
        again.map_or(report.asked_in, |again| again.max(report.asked_in))
    }

    /// What waits, and was asked for in this comment or before, is not to be started any more. True if
    /// something did.
    pub fn clear_queue_up_to(&mut self, comment: CommentId) -> bool {
        let mut is_changed = false;
        for tracked in &mut self.previews {
            if tracked.was_queued_up_to(comment) {
                tracked.successor = None;
                is_changed = true;
            }
        }
        is_changed
    }

    /// The requested preview runs. Its reports may have come before, even its last word; and then it may
    /// have been asked for once more, which is a start of its own.
    pub fn run_started(&mut self, request: &PreviewRequest, run_id: &str) {
        let Some(tracked) = self.get_mut(&request.preview) else {
            return;
        };
        if tracked.start.take_if(|start| start.request == *request).is_none() {
            return;
        }
        tracked.report.run_id.get_or_insert(run_id.to_owned());
        // Its last word was taken for that of a run before. It is looked up when it is seen to be closed.
        self.ended_runs.retain(|ended| ended != run_id);
    }

    /// Another run has its name. It is tried again in a moment.
    pub fn start_refused(&mut self, preview: &PreviewId) {
        if let Some(start) = self.start_of(preview) {
            start.refusals += 1;
            start.is_waiting = true;
        }
    }

    /// The run that had its name is closed.
    pub fn name_is_free(&mut self, preview: &PreviewId) {
        if let Some(start) = self.start_of(preview) {
            start.refusals = 0;
            start.is_waiting = false;
        }
    }

    /// Is a start to be tried again in a moment?
    #[must_use]
    pub fn has_a_waiting_start(&self) -> bool {
        let mut starts = self.previews.iter().filter_map(|tracked| tracked.start.as_ref());
        starts.any(|start| start.is_waiting)
    }

    /// The moment has come.
    pub fn retry_starts(&mut self) {
        for start in self.previews.iter_mut().filter_map(|tracked| tracked.start.as_mut()) {
            start.is_waiting = false;
        }
    }

    /// Is it of a run whose end is known?
    #[must_use]
    pub fn has_ended(&self, report: &PreviewReport) -> bool {
        report.run_id.as_ref().is_some_and(|run| self.ended_runs.contains(run))
    }

    /// Temporal was asked which run has the name.
    pub fn settle(&mut self, preview: &PreviewId) {
        if let Some(tracked) = self.get_mut(preview) {
            tracked.is_disputed = false;
        }
    }

    /// Is it of another run than the one that is known? It may be old news of a run before that one, or
    /// the first of one that follows. Temporal knows, and is to be asked.
    pub fn dispute(&mut self, report: &PreviewReport) -> bool {
        let Some(tracked) = self.get_mut(&report.preview) else {
            return false;
        };
        let known = &tracked.report.run_id;
        // A last word is believed: of a run before, it was heard before that one closed.
        let is_another = known.is_some() && *known != report.run_id && !report.state.is_over();
        tracked.is_disputed |= is_another;
        is_another
    }

    /// Takes a report in. True if it says something that people should be told.
    pub fn apply_report(&mut self, report: PreviewReport) -> bool {
        if self.has_ended(&report) {
            return false;
        }
        let Some(tracked) = self.get_mut(&report.preview) else {
            // Started by hand, or under another name of the repository.
            self.note_the_end_of(&report);
            if report.state.is_over() && !self.previews.is_empty() {
                return false;
            }
            let is_news = !report.state.is_ready();
            self.previews.push(Tracked::new(report));
            return is_news;
        };
        if tracked.start.is_some() && report.state.is_over() {
            // Of a run before the one that is being started.
            self.note_the_end_of(&report);
            return false;
        }
        let is_same_run = tracked.report.run_id.is_none() || tracked.report.run_id == report.run_id;
        if is_same_run && tracked.report.run_id.is_some() && report.revision <= tracked.report.revision {
            return false;
        }
        if !is_same_run {
            tracked.stable_url = StableUrl::NotYet;
            tracked.tries = Tries::default();
            // A run that was reset has not heard of it.
            tracked.end = tracked
                .end
                .take()
                .filter(|end| !end.is_delivered && !tracked.report.state.is_over());
            tracked.asked_again_in = None;
            // A run that was reset has the name and stays: what waited for its end has what it wanted.
            let is_staying = tracked.end.is_none() && !report.state.is_ending() && !report.state.is_over();
            if is_staying && let Some(request) = tracked.successor.take() {
                tracked.asked_again_in = Some(request.comment);
            }
        }
        // Whichever run it is, it has the name. What is asked for begins when
        // that one is gone, if it is going.
        if let Some(start) = tracked.start.take()
            && tracked.end.is_none()
            && report.state.is_ending()
        {
            tracked.successor = Some(start.request);
        }
        let is_changed = tracked.report.state != report.state;
        tracked.report = report;
        // Said together with the stable URL, which comes at once.
        let waits_for_its_url = tracked.report.state.is_ready() && tracked.stable_url == StableUrl::NotYet;
        // What was told of another run is not true any more.
        let is_worth_telling = tracked.report.state.is_milestone() || !is_same_run;
        let is_news = is_changed && is_worth_telling && !waits_for_its_url;
        let report = tracked.report.clone();
        self.note_the_end_of(&report);
        self.forget_what_is_over();
        is_news
    }

    /// The run that is known is closed: what it has reported, or would have, if its end is still unknown
    /// here.
    #[must_use]
    pub fn last_word(&self, preview: &PreviewId, ending: &Ending) -> Option<PreviewReport> {
        let report = self.report_of(preview)?;
        let is_news = report.run_id.is_some() && !report.state.is_over();
        is_news.then(|| PreviewReport {
            revision: u32::MAX,
            state: ending.last_state(),
            ..report.clone()
        })
    }

    /// Is it among those that are told of?
    #[must_use]
    pub fn knows(&self, preview: &PreviewId) -> bool {
        self.get(preview).is_some()
    }

    /// The runs that are taken to be open.
    #[must_use]
    pub fn open_runs(&self) -> Vec<RunIdentity> {
        let open = self.previews.iter().filter(|tracked| !tracked.report.state.is_over());
        open.filter_map(|tracked| {
            let run_id = tracked.report.run_id.clone()?;
            Some(RunIdentity { preview: tracked.report.preview.clone(), run_id })
        })
        .collect()
    }

    /// The stable URL points to a run's preview and answers like this, or it cannot. True if people should be
    /// told.
    pub fn stable_url_settled(
        &mut self,
        of: &RunIdentity,
        answering: Option<Answering>,
        now: Timestamp,
    ) -> bool {
        // Of a run before the one that is known, it says nothing.
        let tracked = self.get_mut(&of.preview);
        let Some(tracked) = tracked.filter(|it| it.report.run_id.as_ref() == Some(&of.run_id)) else {
            return false;
        };
        let before = tracked.visible_report();
        let is_first = tracked.stable_url == StableUrl::NotYet;
        tracked.stable_url = answering.map_or(StableUrl::Refused, StableUrl::PointsHere);
        tracked.tries = if tracked.stable_url == StableUrl::Refused || tracked.stable_note().is_some() {
            tracked.tries.failed(now)
        } else {
            Tries::default()
        };
        is_first || tracked.visible_report() != before
    }

    /// When the stable URL is tried again, if it is to be.
    #[must_use]
    pub fn next_stable_url_try(&self) -> Option<Timestamp> {
        self.previews.iter().rfind(|tracked| tracked.is_staying())?.tries.next_at
    }

    /// That moment has come.
    pub fn retry_stable_url(&mut self) {
        if let Some(newest_ready) = self.previews.iter_mut().rfind(|tracked| tracked.is_staying()) {
            newest_ready.tries.next_at = None;
            newest_ready.tries.is_due = true;
        }
    }

    /// It is to end. The first reason stays.
    pub fn request_end(&mut self, preview: &PreviewId, because: StopReason) {
        if let Some(tracked) = self.get_mut(preview) {
            tracked.request_end(because);
        }
    }

    /// All are to end, and nothing that waits is to be started any more. True if something did.
    pub fn request_end_of_all(&mut self, because: &StopReason) -> bool {
        let mut is_changed = false;
        for tracked in &mut self.previews {
            is_changed |= tracked.successor.take().is_some();
            tracked.request_end(because.clone());
        }
        is_changed
    }

    /// Its run was told to end, and need not be told again.
    pub fn end_delivered(&mut self, preview: &PreviewId, run_id: &str) {
        if let Some(tracked) = self.get_mut(preview)
            && tracked.report.run_id.as_deref() == Some(run_id)
            && let Some(end) = &mut tracked.end
        {
            end.is_delivered = true;
        }
    }

    /// It ended before it was started. True if people should be told.
    pub fn abandon(&mut self, preview: &PreviewId) -> bool {
        let Some(tracked) = self.get_mut(preview) else {
            return false;
        };
        tracked.start = None;
        let Some(End { because, .. }) = tracked.end.take() else {
            return false;
        };
        tracked.report.state = PreviewState::Removed { because };
        self.forget_what_is_over();
        true
    }

    /// It could not be started.
    pub fn could_not_start(&mut self, preview: &PreviewId, explanation: Explanation) -> bool {
        let Some(tracked) = self.get_mut(preview) else {
            return false;
        };
        tracked.start = None;
        tracked.report.state = PreviewState::Failed { explanation };
        true
    }

    /// It gets more time.
    pub fn extend(&mut self, preview: &PreviewId, by: Ttl) {
        if let Some(tracked) = self.get_mut(preview) {
            tracked.extensions.push(by);
        }
    }

    /// The oldest of its extensions is delivered.
    pub fn extension_delivered(&mut self, preview: &PreviewId) {
        if let Some(tracked) = self.get_mut(preview)
            && !tracked.extensions.is_empty()
        {
            tracked.extensions.remove(0);
        }
    }

    /// What is to be done next, if anything.
    pub(super) fn next_step(&self) -> Option<Step> {
        // First, so that nothing is started that is one too many.
        let surplus = self.next_surplus();
        let own = || self.previews.iter().find_map(Tracked::next_step);
        surplus.or_else(own).or_else(|| self.next_takeover())
    }

    /// Of more previews than may live, those between the one that answers, or will be the first to, and the
    /// newest.
    fn next_surplus(&self) -> Option<Step> {
        let alive: Vec<_> = self.previews.iter().filter(|tracked| tracked.can_be_stopped()).collect();
        let newest = alive.last().filter(|_| alive.len() > LIVE_MAX)?;
        let kept = alive.iter().rposition(|tracked| tracked.is_staying()).unwrap_or_default();
        let surplus = (0..alive.len() - 1).rev().find(|index| *index != kept)?;
        Some(Step::Supersede {
            preview: alive[surplus].report.preview.clone(),
            by: newest.report.preview.commit.clone(),
        })
    }

    /// The stable URL first: the older preview is only removed when nothing points to it any more.
    fn next_takeover(&self) -> Option<Step> {
        let newest_ready = self.previews.iter().rposition(Tracked::is_staying)?;
        let chosen = &self.previews[newest_ready];
        let is_due = chosen.stable_url == StableUrl::NotYet || chosen.tries.is_due;
        if let (true, Some(run_id)) = (is_due, &chosen.report.run_id) {
            let to = RunIdentity {
                preview: chosen.report.preview.clone(),
                run_id: run_id.clone(),
            };
            return Some(Step::Apply(Effect::PointStableUrl { to, probe: chosen.report.probe.clone() }));
        }
        let mut older = self.previews[..newest_ready].iter();
        let older = older.find(|tracked| tracked.can_be_stopped())?;
        Some(Step::Supersede {
            preview: older.report.preview.clone(),
            by: chosen.report.preview.commit.clone(),
        })
    }

    /// Where a preview of this commit stands, if there is one.
    #[must_use]
    pub fn availability(&self, preview: &PreviewId) -> Availability {
        let Some(tracked) = self.get(preview) else {
            return Availability::None;
        };
        match &tracked.report.state {
            state if state.is_over() => Availability::None,
            state if state.is_ending() => Availability::Ending,
            _ if tracked.end.is_some() => Availability::Ending,
            PreviewState::Ready { url, expires_at, .. } => {
                Availability::Ready { url: url.clone(), expires_at: *expires_at }
            }
            _ => Availability::InProgress,
        }
    }

    /// The newest one that can be extended.
    #[must_use]
    pub fn extendable(&self) -> Option<&PreviewReport> {
        self.alive().next()
    }

    /// Until when it is granted, once it is ready.
    #[must_use]
    pub fn expires_at(&self, preview: &PreviewId) -> Option<Timestamp> {
        match self.report_of(preview)?.state {
            PreviewState::Ready { expires_at, .. } => Some(expires_at),
            _ => None,
        }
    }

    /// All that can be stopped, the newest request first.
    pub fn alive(&self) -> impl Iterator<Item = &PreviewReport> {
        self.previews
            .iter()
            .rev()
            .filter(|tracked| tracked.can_be_stopped())
            .map(|tracked| &tracked.report)
    }

    /// Did this person ask for one that is alive?
    #[must_use]
    pub fn has_one_asked_for_by(&self, person: &Login) -> bool {
        self.alive().any(|report| report.requested_by == *person)
    }

    /// Nothing is alive, and nothing waits to be started.
    #[must_use]
    pub fn are_all_over(&self) -> bool {
        self.previews
            .iter()
            .all(|tracked| tracked.report.state.is_over() && tracked.successor.is_none())
    }

    /// What people are told: the newest request, and whatever else is not over.
    #[must_use]
    pub fn reports(&self) -> Vec<PreviewReport> {
        self.previews.iter().rev().map(Tracked::visible_report).collect()
    }

    /// What it said last.
    #[must_use]
    pub fn report_of(&self, preview: &PreviewId) -> Option<&PreviewReport> {
        self.get(preview).map(|tracked| &tracked.report)
    }

    fn start_of(&mut self, preview: &PreviewId) -> Option<&mut Start> {
        self.get_mut(preview)?.start.as_mut()
    }

    fn get(&self, preview: &PreviewId) -> Option<&Tracked> {
        self.previews.iter().find(|tracked| tracked.report.preview == *preview)
    }

    fn get_mut(&mut self, preview: &PreviewId) -> Option<&mut Tracked> {
        self.previews.iter_mut().find(|tracked| tracked.report.preview == *preview)
    }

    fn note_the_end_of(&mut self, report: &PreviewReport) {
        if !report.state.is_over() {
            return;
        }
        if let Some(run_id) = &report.run_id {
            self.ended_runs.push_back(run_id.clone());
        }
        if self.ended_runs.len() > ENDED_RUNS_KEPT {
            self.ended_runs.pop_front();
        }
    }

    /// What is over is told only of the newest request: an older one's end is of no interest beside it.
    fn forget_what_is_over(&mut self) {
        let newest = self.previews.len().saturating_sub(1);
        let mut index = 0;
        self.previews.retain(|tracked| {
            let is_kept = index == newest || !tracked.report.state.is_over() || tracked.successor.is_some();
            index += 1;
            is_kept
        });
    }
}

/// Where a preview stands, for somebody who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// There is none.
    None,
    /// It is being set up.
    InProgress,
    /// It answers.
    Ready {
        /// Where.
        url: String,
        /// Until when.
        expires_at: Timestamp,
    },
    /// It is being removed, or is about to be.
    Ending,
}

impl Tries {
    /// One more in vain.
    fn failed(&self, now: Timestamp) -> Self {
        let doubled = TRY_AGAIN_AFTER.checked_mul(2_i32.saturating_pow(self.in_vain));
        let pause = doubled.map_or(TRY_AGAIN_AFTER_MAX, |pause| pause.min(TRY_AGAIN_AFTER_MAX));
        Self {
            in_vain: self.in_vain.saturating_add(1),
            next_at: now.saturating_add(pause).ok(),
            is_due: false,
        }
    }
}

impl Start {
    fn next_step(&self, is_to_end: bool) -> Option<Step> {
        let preview = self.request.preview.clone();
        if self.is_waiting {
            None
        } else if self.refusals >= REFUSALS_MAX || (is_to_end && self.refusals > 0) {
            Some(Step::Apply(Effect::FindRun(preview)))
        } else if is_to_end {
            Some(Step::Abandon(preview))
        } else {
            Some(Step::Apply(Effect::StartRun(Box::new(self.request.clone()))))
        }
    }
}

impl Tracked {
    fn new(report: PreviewReport) -> Self {
        Self {
            report,
            stable_url: StableUrl::NotYet,
            tries: Tries::default(),
            start: None,
            end: None,
            extensions: Vec::new(),
            successor: None,
            asked_again_in: None,
            is_disputed: false,
        }
    }

    /// What is to be done about it, whatever becomes of the others.
    fn next_step(&self) -> Option<Step> {
        let preview = self.report.preview.clone();
        if let Some(start) = &self.start {
            return start.next_step(self.end.is_some());
        }
        if self.is_disputed {
            return Some(Step::Apply(Effect::FindRun(preview)));
        }
        if self.can_be_followed() {
            return Some(Step::StartSuccessor(preview));
        }
        if self.report.state.is_over() {
            return None;
        }
        let run_id = self.report.run_id.clone()?;
        if let Some(end) = &self.end {
            return (!end.is_delivered)
                .then(|| Step::Apply(Effect::SignalStop { preview, run_id, because: end.because.clone() }));
        }
        self.extensions
            .first()
            .map(|by| Step::Apply(Effect::SignalExtend { preview, run_id, by: *by }))
    }

    /// Does it wait for the end of another run, and was it asked for in this comment or before?
    fn was_queued_up_to(&self, comment: CommentId) -> bool {
        let successor = self.successor.as_ref();
        successor.is_some_and(|request| request.comment <= comment)
    }

    fn request_end(&mut self, because: StopReason) {
        if self.can_be_stopped() {
            self.end = Some(End { because, is_delivered: false });
        }
    }

    /// Answers, and goes on to.
    fn is_staying(&self) -> bool {
        self.report.state.is_ready() && self.end.is_none()
    }

    fn can_be_stopped(&self) -> bool {
        self.end.is_none() && !self.report.state.is_over() && !self.report.state.is_ending()
    }

    /// What waited for its end can begin.
    fn can_be_followed(&self) -> bool {
        self.report.state.is_over() && self.successor.is_some()
    }

    fn visible_report(&self) -> PreviewReport {
        let mut report = self.report.clone();
        if let Some(request) = &self.successor {
            report.requested_by = request.requested_by.clone();
            report.state = PreviewState::Queued { waiting_for: WaitingFor::OwnRemoval };
        } else if let Some(end) = &self.end
            && !report.state.is_over()
            && !report.state.is_ending()
        {
            report.state = PreviewState::Stopping { because: end.because.clone(), is_slow: false };
        } else if let (
            PreviewState::Ready { stable_url, stable_note, .. },
            StableUrl::PointsHere(answering),
        ) = (&mut report.state, &self.stable_url)
        {
            *stable_url = Some(answering.url.clone());
            *stable_note = self.stable_note().cloned();
        }
        report
    }

    /// How the app answers at the stable URL, if visitors find something else there than at its own: many an
    /// app refuses a host name that it does not know. It may as well send them to its own.
    fn stable_note(&self) -> Option<&AnswerNote> {
        let StableUrl::PointsHere(Answering { note: Some(seen), .. }) = &self.stable_url else {
            return None;
        };
        let PreviewState::Ready { url, note, .. } = &self.report.state else {
            return None;
        };
        (note.as_ref() != Some(seen) && !seen.leads_to(url)).then_some(seen)
    }
}

#[cfg(test)]
mod tests;
