//! The previews of a pull request, and what follows from what they report. Pure; no Temporal in here.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    activities::{Explanation, PreviewReport, ReportedState, StopReason, WaitingFor},
    vocabulary::{CommentId, CommitSha, Login, PreviewId, PreviewRequest, Ttl},
};

/// How many ended runs are remembered, so that a report that comes late is not taken for a new preview.
const ENDED_RUNS_KEPT: usize = 50;
/// How often a start is refused before it is looked at who has the name: usually the predecessor, which has said its last word and closes in a moment.
const REFUSALS_MAX: u32 = 2;

/// All previews of one pull request that are alive, and the one that was asked for last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Previews {
    /// In the order they were asked for.
    known: Vec<Known>,
    ended_runs: VecDeque<String>,
}

/// What is known of one of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    report: PreviewReport,
    address: Address,
    /// It is to be started, and is not yet.
    start: Option<Start>,
    /// It is to end. Remembered while it is still being started, and delivered as soon as there is a run that can be told.
    end: Option<End>,
    /// More time that was asked for and is not delivered yet.
    extensions: Vec<Ttl>,
    /// What to start once this one is gone.
    successor: Option<PreviewRequest>,
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

/// Does the pull request's own address lead to this preview?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Address {
    NotYet,
    LeadsHere(String),
    /// It was tried; the preview's own address has to do.
    Refused,
}

/// Something to be done that follows from what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Start this preview.
    Start { request: Box<PreviewRequest> },
    /// Another run has its name: look whether that is alive, or about to close.
    LookForRun { preview: PreviewId },
    /// It was to end before it was started: it is over.
    Abandon { preview: PreviewId },
    /// Start what was waiting for this preview's end.
    StartSuccessor { preview: PreviewId },
    /// Tell this run to end.
    End {
        preview: PreviewId,
        run_id: String,
        because: StopReason,
    },
    /// Give this run more time.
    Extend {
        preview: PreviewId,
        run_id: String,
        by: Ttl,
    },
    /// Make the pull request's address lead to this preview.
    LeadAddress { preview: PreviewId, run_id: String },
    /// End this preview: a newer one has taken its place.
    Supersede { preview: PreviewId, by: CommitSha },
}

impl Previews {
    /// A preview was asked for, and is to be started.
    pub(super) fn request(&mut self, request: PreviewRequest) {
        self.known
            .retain(|known| known.report.preview != request.preview);
        let mut known = Known::new(PreviewReport {
            preview: request.preview.clone(),
            run_id: None,
            revision: 0,
            requested_by: request.requested_by.clone(),
            asked_in: request.comment,
            state: ReportedState::Requested,
        });
        known.start = Some(Start {
            request,
            refusals: 0,
            is_waiting: false,
        });
        self.known.push(known);
        self.forget_what_is_over();
    }

    /// A preview was asked for whose predecessor is still being removed.
    pub(super) fn queue(&mut self, request: PreviewRequest) {
        let Some(index) = self.index_of(&request.preview) else {
            return;
        };
        let mut known = self.known.remove(index);
        known.successor = Some(request);
        self.known.push(known);
    }

    /// Takes out what was waiting for this preview's end.
    pub(super) fn take_successor(&mut self, preview: &PreviewId) -> Option<PreviewRequest> {
        self.get_mut(preview)?.successor.take()
    }

    /// Does anything wait to be started that was asked for in this comment or before?
    pub(super) fn have_queued_before(&self, comment: CommentId) -> bool {
        self.known.iter().any(|known| known.waits_since(comment))
    }

    /// What waits, and was asked for in this comment or before, is not to be started any more.
    pub(super) fn clear_queue_before(&mut self, comment: CommentId) {
        for known in &mut self.known {
            if known.waits_since(comment) {
                known.successor = None;
            }
        }
    }

    /// Nothing that waits is to be started any more.
    pub(super) fn clear_queue(&mut self) {
        for known in &mut self.known {
            known.successor = None;
        }
    }

    /// The requested preview runs.
    pub(super) fn started(&mut self, preview: &PreviewId, run_id: &str) {
        if let Some(known) = self.get_mut(preview) {
            known.start = None;
            if known.report.run_id.is_none() {
                known.report.run_id = Some(run_id.to_owned());
            }
        }
    }

    /// Another run has its name. It is tried again in a moment.
    pub(super) fn start_refused(&mut self, preview: &PreviewId) {
        if let Some(start) = self.start_of(preview) {
            start.refusals += 1;
            start.is_waiting = true;
        }
    }

    /// The run that had its name is closed.
    pub(super) fn name_is_free(&mut self, preview: &PreviewId) {
        if let Some(start) = self.start_of(preview) {
            start.refusals = 0;
            start.is_waiting = false;
        }
    }

    /// Is a start to be tried again in a moment?
    pub(super) fn have_a_waiting_start(&self) -> bool {
        let mut starts = self.known.iter().filter_map(|known| known.start.as_ref());
        starts.any(|start| start.is_waiting)
    }

    /// The moment has come.
    pub(super) fn try_starts_again(&mut self) {
        for start in self
            .known
            .iter_mut()
            .filter_map(|known| known.start.as_mut())
        {
            start.is_waiting = false;
        }
    }

    /// Takes a report in. True if it says something that people should be told.
    pub(super) fn learn(&mut self, report: PreviewReport) -> bool {
        if report
            .run_id
            .as_ref()
            .is_some_and(|run| self.ended_runs.contains(run))
        {
            return false;
        }
        let Some(index) = self.index_of(&report.preview) else {
            // Started by hand.
            self.note_the_end_of(&report);
            let is_news = !report.state.is_ready();
            self.known.push(Known::new(report));
            return is_news;
        };
        if self.known[index].start.is_some() && report.state.is_over() {
            // Of a run before the one that is being started.
            self.note_the_end_of(&report);
            return false;
        }
        let known = &mut self.known[index];
        let is_same_run = known.report.run_id.is_none() || known.report.run_id == report.run_id;
        if is_same_run && known.report.run_id.is_some() && report.revision <= known.report.revision
        {
            return false;
        }
        if !is_same_run {
            known.address = Address::NotYet;
            known.end = None;
        }
        // Whichever run it is, it has the name. What is asked for begins when that one is gone, if it is going.
        if let Some(start) = known.start.take()
            && known.end.is_none()
            && matches!(report.state, ReportedState::Stopping { .. })
        {
            known.successor = Some(start.request);
        }
        let is_changed = known.report.state != report.state;
        known.report = report;
        // Said together with the address, which comes at once.
        let waits_for_its_address =
            known.report.state.is_ready() && known.address == Address::NotYet;
        let is_news = is_changed && !known.report.state.is_passing() && !waits_for_its_address;
        let report = known.report.clone();
        self.note_the_end_of(&report);
        self.forget_what_is_over();
        is_news
    }

    /// A run is closed: what it would have reported, if it could have.
    pub(super) fn closed_without_a_word(
        &self,
        preview: &PreviewId,
        run_id: &str,
    ) -> Option<PreviewReport> {
        let report = &self.known[self.index_of(preview)?].report;
        let is_known_to_be_over =
            report.run_id.as_deref() != Some(run_id) || report.state.is_over();
        (!is_known_to_be_over).then(|| PreviewReport {
            revision: u32::MAX,
            state: ReportedState::Removed {
                because: StopReason::Terminated,
            },
            ..report.clone()
        })
    }

    /// Is it among those that are told of?
    pub(super) fn knows(&self, preview: &PreviewId) -> bool {
        self.index_of(preview).is_some()
    }

    /// Those whose runs are taken to be open.
    pub(super) fn open_runs(&self) -> Vec<PreviewId> {
        let open = |known: &&Known| known.report.run_id.is_some() && !known.report.state.is_over();
        let open = self.known.iter().filter(open);
        open.map(|known| known.report.preview.clone()).collect()
    }

    /// The pull request's address leads to it, or will not.
    pub(super) fn address_settled(&mut self, preview: &PreviewId, address: Option<String>) {
        let settled = address.map_or(Address::Refused, Address::LeadsHere);
        if let Some(known) = self.get_mut(preview) {
            known.address = settled;
        }
    }

    /// It is to end. The first reason stays.
    pub(super) fn end(&mut self, preview: &PreviewId, because: StopReason) {
        if let Some(known) = self.get_mut(preview)
            && known.can_be_stopped()
        {
            known.end = Some(End {
                because,
                is_delivered: false,
            });
        }
    }

    /// Its run was told to end, and need not be told again.
    pub(super) fn end_delivered(&mut self, preview: &PreviewId, run_id: &str) {
        if let Some(known) = self.get_mut(preview)
            && known.report.run_id.as_deref() == Some(run_id)
            && let Some(end) = &mut known.end
        {
            end.is_delivered = true;
        }
    }

    /// It ended before it was started. True if people should be told.
    pub(super) fn abandon(&mut self, preview: &PreviewId) -> bool {
        let Some(known) = self.get_mut(preview) else {
            return false;
        };
        known.start = None;
        let Some(End { because, .. }) = known.end.take() else {
            return false;
        };
        known.report.state = ReportedState::Removed { because };
        self.forget_what_is_over();
        true
    }

    /// It could not be started.
    pub(super) fn could_not_start(
        &mut self,
        preview: &PreviewId,
        explanation: Explanation,
    ) -> bool {
        let Some(known) = self.get_mut(preview) else {
            return false;
        };
        known.start = None;
        known.report.state = ReportedState::Failed { explanation };
        true
    }

    /// It gets more time.
    pub(super) fn extend(&mut self, preview: &PreviewId, by: Ttl) {
        if let Some(known) = self.get_mut(preview) {
            known.extensions.push(by);
        }
    }

    /// The oldest of its extensions is delivered.
    pub(super) fn extension_delivered(&mut self, preview: &PreviewId) {
        if let Some(known) = self.get_mut(preview)
            && !known.extensions.is_empty()
        {
            known.extensions.remove(0);
        }
    }

    /// What is to be done next, if anything.
    pub(super) fn next_action(&self) -> Option<Action> {
        let own = self.known.iter().find_map(Known::next_action);
        own.or_else(|| self.next_takeover())
    }

    /// The address first: the older preview is only removed when nothing leads to it any more.
    fn next_takeover(&self) -> Option<Action> {
        let newest_ready = self.known.iter().rposition(Known::is_staying)?;
        let chosen = &self.known[newest_ready];
        if let (Address::NotYet, Some(run_id)) = (&chosen.address, &chosen.report.run_id) {
            return Some(Action::LeadAddress {
                preview: chosen.report.preview.clone(),
                run_id: run_id.clone(),
            });
        }
        let mut older = self.known[..newest_ready].iter();
        let older = older.find(|known| known.can_be_stopped())?;
        Some(Action::Supersede {
            preview: older.report.preview.clone(),
            by: chosen.report.preview.commit.clone(),
        })
    }

    /// Where a preview of this commit stands, if there is one.
    pub(super) fn standing(&self, preview: &PreviewId) -> Standing {
        let Some(known) = self.index_of(preview).map(|index| &self.known[index]) else {
            return Standing::None;
        };
        match &known.report.state {
            state if state.is_over() => Standing::None,
            ReportedState::Stopping { .. } => Standing::Ending,
            _ if known.end.is_some() => Standing::Ending,
            ReportedState::Ready {
                url, expires_at, ..
            } => Standing::Ready {
                url: url.clone(),
                expires_at: *expires_at,
            },
            _ => Standing::OnItsWay,
        }
    }

    /// The newest one that can be extended.
    pub(super) fn extendable(&self) -> Option<&PreviewReport> {
        self.alive().next()
    }

    /// Until when it is granted, once it is ready.
    pub(super) fn expires_at(&self, preview: &PreviewId) -> Option<Timestamp> {
        match self.known[self.index_of(preview)?].report.state {
            ReportedState::Ready { expires_at, .. } => Some(expires_at),
            _ => None,
        }
    }

    /// All that can be stopped, the newest request first.
    pub(super) fn alive(&self) -> impl Iterator<Item = &PreviewReport> {
        self.known
            .iter()
            .rev()
            .filter(|known| known.can_be_stopped())
            .map(|known| &known.report)
    }

    /// Did this person ask for one that is alive?
    pub(super) fn has_one_asked_for_by(&self, person: &Login) -> bool {
        self.alive().any(|report| report.requested_by == *person)
    }

    /// Nothing is alive, and nothing waits to be started.
    pub(super) fn are_all_over(&self) -> bool {
        self.known
            .iter()
            .all(|known| known.report.state.is_over() && known.successor.is_none())
    }

    /// What people are told: the newest request, and whatever else is not over.
    pub(super) fn told(&self) -> Vec<PreviewReport> {
        self.known.iter().rev().map(Known::told).collect()
    }

    /// What it said last.
    pub(super) fn report_of(&self, preview: &PreviewId) -> Option<&PreviewReport> {
        self.index_of(preview)
            .map(|index| &self.known[index].report)
    }

    fn index_of(&self, preview: &PreviewId) -> Option<usize> {
        self.known
            .iter()
            .position(|known| known.report.preview == *preview)
    }

    fn start_of(&mut self, preview: &PreviewId) -> Option<&mut Start> {
        self.get_mut(preview)?.start.as_mut()
    }

    fn get_mut(&mut self, preview: &PreviewId) -> Option<&mut Known> {
        self.known
            .iter_mut()
            .find(|known| known.report.preview == *preview)
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
        let newest = self.known.len().saturating_sub(1);
        let mut index = 0;
        self.known.retain(|known| {
            let is_kept =
                index == newest || !known.report.state.is_over() || known.successor.is_some();
            index += 1;
            is_kept
        });
    }
}

/// Where a preview stands, for somebody who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    None,
    /// It is being set up.
    OnItsWay,
    /// It answers.
    Ready { url: String, expires_at: Timestamp },
    /// It is being removed, or is about to be.
    Ending,
}

impl Start {
    fn next_action(&self, is_to_end: bool) -> Option<Action> {
        let preview = self.request.preview.clone();
        if self.is_waiting {
            None
        } else if self.refusals >= REFUSALS_MAX || (is_to_end && self.refusals > 0) {
            Some(Action::LookForRun { preview })
        } else if is_to_end {
            Some(Action::Abandon { preview })
        } else {
            Some(Action::Start {
                request: Box::new(self.request.clone()),
            })
        }
    }
}

impl Known {
    fn new(report: PreviewReport) -> Self {
        Self {
            report,
            address: Address::NotYet,
            start: None,
            end: None,
            extensions: Vec::new(),
            successor: None,
        }
    }

    /// What is to be done about it, whatever becomes of the others.
    fn next_action(&self) -> Option<Action> {
        let preview = self.report.preview.clone();
        if let Some(start) = &self.start {
            return start.next_action(self.end.is_some());
        }
        if self.can_be_followed() {
            return Some(Action::StartSuccessor { preview });
        }
        if self.report.state.is_over() {
            return None;
        }
        let run_id = self.report.run_id.clone()?;
        if let Some(end) = &self.end {
            return (!end.is_delivered).then(|| Action::End {
                preview,
                run_id,
                because: end.because.clone(),
            });
        }
        self.extensions.first().map(|by| Action::Extend {
            preview,
            run_id,
            by: *by,
        })
    }

    /// Was it asked for in this comment or before, and waits for the end of another run?
    fn waits_since(&self, comment: CommentId) -> bool {
        let successor = self.successor.as_ref();
        successor.is_some_and(|request| request.comment <= comment)
    }

    /// Answers, and goes on to.
    fn is_staying(&self) -> bool {
        self.report.state.is_ready() && self.end.is_none()
    }

    fn can_be_stopped(&self) -> bool {
        self.end.is_none()
            && !self.report.state.is_over()
            && !matches!(self.report.state, ReportedState::Stopping { .. })
    }

    /// What waited for its end can begin.
    fn can_be_followed(&self) -> bool {
        self.report.state.is_over() && self.successor.is_some()
    }

    fn told(&self) -> PreviewReport {
        let mut report = self.report.clone();
        if let Some(request) = &self.successor {
            report.requested_by = request.requested_by.clone();
            report.state = ReportedState::Queued {
                waiting_for: WaitingFor::OwnRemoval,
            };
        } else if let Some(end) = self.end.as_ref().filter(|_| !report.state.is_over()) {
            report.state = ReportedState::Stopping {
                because: end.because.clone(),
            };
        } else if let (ReportedState::Ready { stable_url, .. }, Address::LeadsHere(address)) =
            (&mut report.state, &self.address)
        {
            *stable_url = Some(address.clone());
        }
        report
    }
}

#[cfg(test)]
mod tests;
