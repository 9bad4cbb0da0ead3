//! Which previews does a pull request have, and what follows from what they report? Pure; no Temporal in here.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    activities::{PreviewReport, ReportedState, StopReason, WaitingFor},
    vocabulary::{CommitSha, Login, PreviewId, PreviewRequest},
};

/// How many ended runs are remembered, so that a report that comes late is not taken for a new preview.
const ENDED_RUNS_KEPT: usize = 50;

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
    /// It was told to end, and why.
    told_to_end: Option<StopReason>,
    /// What to start once this one is gone.
    successor: Option<PreviewRequest>,
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

/// Something to be done that nobody has to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Make the pull request's address lead to this preview.
    LeadAddress { preview: PreviewId, run_id: String },
    /// End this preview: a newer one has taken its place.
    Supersede {
        preview: PreviewId,
        run_id: String,
        by: CommitSha,
    },
    /// Start what was waiting for this preview's end.
    StartSuccessor { request: PreviewRequest },
}

impl Previews {
    /// A preview was asked for, and is about to be started.
    pub(super) fn request(&mut self, request: &PreviewRequest) {
        self.known
            .retain(|known| known.report.preview != request.preview);
        self.known.push(Known::new(PreviewReport {
            preview: request.preview.clone(),
            run_id: None,
            revision: 0,
            requested_by: request.requested_by.clone(),
            state: ReportedState::Requested,
        }));
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

    /// Is anything waiting to be started?
    pub(super) fn have_a_queue(&self) -> bool {
        self.known.iter().any(|known| known.successor.is_some())
    }

    /// Nothing that waits is to be started any more.
    pub(super) fn clear_queue(&mut self) {
        for known in &mut self.known {
            known.successor = None;
        }
    }

    /// The requested preview runs.
    pub(super) fn started(&mut self, preview: &PreviewId, run_id: &str) {
        if let Some(known) = self.get_mut(preview)
            && known.report.run_id.is_none()
        {
            known.report.run_id = Some(run_id.to_owned());
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
        let known = &mut self.known[index];
        let is_same_run = known.report.run_id.is_none() || known.report.run_id == report.run_id;
        if is_same_run && known.report.run_id.is_some() && report.revision <= known.report.revision
        {
            return false;
        }
        if !is_same_run {
            known.address = Address::NotYet;
            known.told_to_end = None;
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

    /// Has a run of it said anything yet?
    pub(super) fn has_reported(&self, preview: &PreviewId) -> bool {
        self.index_of(preview)
            .is_some_and(|index| self.known[index].report.run_id.is_some())
    }

    /// The pull request's address leads to it, or will not.
    pub(super) fn address_settled(&mut self, preview: &PreviewId, address: Option<String>) {
        let settled = address.map_or(Address::Refused, Address::LeadsHere);
        if let Some(known) = self.get_mut(preview) {
            known.address = settled;
        }
    }

    /// It was told to end, and need not be told again.
    pub(super) fn told_to_end(&mut self, preview: &PreviewId, because: StopReason) {
        if let Some(known) = self.get_mut(preview) {
            known.told_to_end = Some(because);
        }
    }

    /// What is to be done next, if anything.
    pub(super) fn next_chore(&self) -> Option<Chore> {
        // The address first: the older preview is only removed when nothing leads to it any more.
        let newest_ready = self.known.iter().rposition(Known::is_staying)?;
        let chosen = &self.known[newest_ready];
        if let (Address::NotYet, Some(run_id)) = (&chosen.address, &chosen.report.run_id) {
            return Some(Chore::LeadAddress {
                preview: chosen.report.preview.clone(),
                run_id: run_id.clone(),
            });
        }
        self.known[..newest_ready].iter().find_map(|older| {
            let run_id = older
                .report
                .run_id
                .clone()
                .filter(|_| older.can_be_stopped())?;
            Some(Chore::Supersede {
                preview: older.report.preview.clone(),
                run_id,
                by: chosen.report.preview.commit.clone(),
            })
        })
    }

    /// What was waiting for an end that has come. Taken out.
    pub(super) fn take_successor(&mut self) -> Option<Chore> {
        let known = self
            .known
            .iter_mut()
            .find(|known| known.can_be_followed())?;
        let request = known.successor.take()?;
        Some(Chore::StartSuccessor { request })
    }

    /// Is there something to be done?
    pub(super) fn has_chores(&self) -> bool {
        self.next_chore().is_some() || self.known.iter().any(Known::can_be_followed)
    }

    /// Where a preview of this commit stands, if there is one.
    pub(super) fn standing(&self, preview: &PreviewId) -> Standing {
        let Some(known) = self.index_of(preview).map(|index| &self.known[index]) else {
            return Standing::None;
        };
        match &known.report.state {
            state if state.is_over() => Standing::None,
            ReportedState::Stopping { .. } => Standing::Ending,
            _ if known.told_to_end.is_some() => Standing::Ending,
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

    fn index_of(&self, preview: &PreviewId) -> Option<usize> {
        self.known
            .iter()
            .position(|known| known.report.preview == *preview)
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

impl Known {
    fn new(report: PreviewReport) -> Self {
        Self {
            report,
            address: Address::NotYet,
            told_to_end: None,
            successor: None,
        }
    }

    /// Answers, and goes on to.
    fn is_staying(&self) -> bool {
        self.report.state.is_ready() && self.told_to_end.is_none()
    }

    fn can_be_stopped(&self) -> bool {
        self.told_to_end.is_none()
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
        } else if let Some(because) = self.told_to_end.clone().filter(|_| !report.state.is_over()) {
            report.state = ReportedState::Stopping { because };
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
