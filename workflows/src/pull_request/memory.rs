//! What a pull request's workflow remembers. Pure state; survives the runs of the workflow.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Origin,
    commands::Stop,
    deployments::Deployments,
    inbox::{Inbox, Message},
    previews::Previews,
};
use crate::{
    activities::{
        Explanation, OpenPreview, Overtaken, PreviewReport, Refusal, Reply, StickyComment, Written,
    },
    ignored_signals::IgnoredSignals,
    vocabulary::{CommentId, InstallationId, Login, PreviewId, PreviewRequest, RepositoryId},
};

/// How many comments are remembered. Only those of the last three days can come again, and this is more than people write in that time.
const HEARD_MAX: usize = 1_000;
/// How many people are remembered to have been refused something.
const REFUSED_MAX: usize = 1_000;
/// For how long somebody who may not do anything here is not even looked up again: a flood of comments must not become a flood of questions to GitHub.
const DEAF_FOR: SignedDuration = SignedDuration::from_secs(60);
/// What reaches us later than this after it was written is no longer what the person is waiting for.
const LATE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// All that is remembered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    heard: BTreeSet<CommentId>,
    refused: Vec<Refused>,
    pub(super) previews: Previews,
    pub(super) deployments: Deployments,
    /// What has happened and was not attended to yet.
    pub(super) inbox: Inbox,
    /// Through which installation the pull request is reached, by the newest event that said so, and when that was.
    installation: Option<(InstallationId, Timestamp)>,
    /// The repository, whatever it is called.
    pub(super) repository_id: Option<RepositoryId>,
    /// The newest `stop` that was carried out for everybody's previews.
    last_stop: Option<CommentId>,
    /// The newest end of the pull request that was carried out.
    last_close: Option<Timestamp>,
    /// What is to be answered and was not yet.
    pub(super) replies: VecDeque<Reply>,
    /// What was sent and made no sense.
    #[serde(default)]
    pub(super) ignored_signals: IgnoredSignals,
    sticky: Option<CommentId>,
    revision: u32,
    milestone: u32,
    written: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused {
    person: Login,
    because: Refusal,
    at: Timestamp,
    was_told: bool,
}

impl Memory {
    /// Takes in what every event says. Deliveries come in any order, and again: the newest event counts.
    pub(super) fn note_origin(&mut self, origin: &Origin) {
        self.repository_id.get_or_insert(origin.repository_id);
        if self
            .installation
            .is_none_or(|(_, said_at)| said_at <= origin.happened_at)
        {
            self.installation = Some((origin.installation, origin.happened_at));
        }
    }

    /// The installation that events have named last.
    pub(super) fn installation(&self) -> Option<InstallationId> {
        self.installation.map(|(installation, _)| installation)
    }

    /// Something happened that is to be attended to.
    pub(super) fn hear(&mut self, message: Message, now: Timestamp) {
        self.note_origin(message.origin());
        if let Message::Commented(asked) = &message
            && !self.is_new(asked.comment)
        {
            return;
        }
        self.inbox.hear(message, now);
    }

    /// Drops what need not be looked into.
    pub(super) fn discard(&mut self, now: Timestamp) {
        let mut inbox = std::mem::take(&mut self.inbox);
        inbox.discard(
            |person| self.is_deaf_to(person, now),
            || self.previews.alive().next().is_some(),
        );
        self.inbox = inbox;
    }

    /// What has overtaken a request, if anything has.
    pub(super) fn overtaken(&self, comment: CommentId, origin: &Origin) -> Option<Overtaken> {
        if origin.happened_at.duration_until(origin.received_at) > LATE_AFTER {
            Some(Overtaken::Time)
        } else if self.last_stop.is_some_and(|stop| comment < stop) {
            Some(Overtaken::Stop)
        } else if self.last_close.is_some_and(|at| origin.happened_at < at) {
            Some(Overtaken::Close)
        } else {
            None
        }
    }

    /// Previews are to end, and what waits to be started is not to be started any more.
    pub(super) fn stop(&mut self, stop: &Stop) {
        if stop.is_everyones {
            self.previews.clear_queue_before(stop.asked_in);
            self.last_stop = self.last_stop.max(Some(stop.asked_in));
        }
        for preview in &stop.previews {
            self.previews.end(preview, stop.because.clone());
        }
    }

    /// The end of the pull request was carried out.
    pub(super) fn note_close(&mut self, at: Timestamp) {
        self.last_close = self.last_close.max(Some(at));
        self.inbox.forget_sights();
    }

    /// A preview is to be started.
    pub(super) fn request(&mut self, request: PreviewRequest) {
        self.deployments.begin(
            &request.preview,
            request.comment,
            request.settings.environment.as_deref(),
        );
        self.previews.request(request);
        self.note_progress();
    }

    /// Takes in a preview that is open, whoever started it.
    pub(super) fn adopt(&mut self, found: OpenPreview) {
        let OpenPreview {
            report,
            environment,
        } = found;
        let is_known = self.previews.knows(&report.preview);
        if !is_known && report.state.is_over() {
            return;
        }
        if !is_known {
            self.deployments
                .begin(&report.preview, report.asked_in, environment.as_deref());
        }
        self.learn(report);
    }

    /// True the first time. GitHub numbers comments in growing order, so what is older than all that are remembered was heard and forgotten.
    fn is_new(&mut self, comment: CommentId) -> bool {
        let is_forgotten = self.heard.len() == HEARD_MAX
            && self.heard.first().is_some_and(|oldest| comment < *oldest);
        if is_forgotten || !self.heard.insert(comment) {
            return false;
        }
        if self.heard.len() > HEARD_MAX {
            self.heard.pop_first();
        }
        true
    }

    /// The last comment that was heard.
    pub(super) fn newest_comment(&self) -> CommentId {
        self.heard.last().copied().unwrap_or(CommentId(0))
    }

    /// True if this person has not been told so on this pull request before.
    pub(super) fn refuse(&mut self, person: &Login, because: Refusal, at: Timestamp) -> bool {
        let refused = self.note_refusal(person, because, at);
        !std::mem::replace(&mut refused.was_told, true)
    }

    /// This person has no rights here, and is not told so.
    pub(super) fn turn_away(&mut self, person: &Login, at: Timestamp) {
        self.note_refusal(person, Refusal::NotAllowed, at);
    }

    fn note_refusal(&mut self, person: &Login, because: Refusal, at: Timestamp) -> &mut Refused {
        let known = self
            .refused
            .iter()
            .position(|refused| refused.person == *person && refused.because == because);
        let index = known.unwrap_or_else(|| {
            if self.refused.len() == REFUSED_MAX {
                self.refused.remove(0);
            }
            self.refused.push(Refused {
                person: person.clone(),
                because,
                at,
                was_told: false,
            });
            self.refused.len() - 1
        });
        let refused = &mut self.refused[index];
        refused.at = at;
        refused
    }

    /// Was this person found to have no rights here a moment ago?
    pub(super) fn is_deaf_to(&self, person: &Login, now: Timestamp) -> bool {
        !self.previews.has_one_asked_for_by(person)
            && self.refused.iter().any(|refused| {
                refused.person == *person
                    && refused.because == Refusal::NotAllowed
                    && refused.at.duration_until(now) < DEAF_FOR
            })
    }

    /// A preview tells what has become of it.
    pub(super) fn learn(&mut self, report: PreviewReport) {
        self.deployments.learn(&report);
        if self.previews.learn(report) {
            self.note_news();
        }
    }

    /// It was to end before it was started.
    pub(super) fn abandon(&mut self, preview: &PreviewId) {
        if self.previews.abandon(preview) {
            self.note_end_of(preview);
        }
    }

    /// It could not be started.
    pub(super) fn could_not_start(&mut self, preview: &PreviewId, explanation: Explanation) {
        if self.previews.could_not_start(preview, explanation) {
            self.note_end_of(preview);
        }
    }

    fn note_end_of(&mut self, preview: &PreviewId) {
        if let Some(report) = self.previews.report_of(preview).cloned() {
            self.deployments.learn(&report);
        }
        self.note_news();
    }

    /// What was waiting for this preview's end is to be started now.
    pub(super) fn start_successor(&mut self, preview: &PreviewId) {
        if let Some(request) = self.previews.take_successor(preview) {
            self.request(request);
        }
    }

    /// Temporal says that no run of it is open.
    pub(super) fn closed_unheard(&mut self, preview: &PreviewId) {
        let report = self.previews.report_of(preview);
        if let Some(run_id) = report.and_then(|report| report.run_id.clone()) {
            self.closed(preview, &run_id);
        }
    }

    /// A preview's run is closed.
    pub(super) fn closed(&mut self, preview: &PreviewId, run_id: &str) {
        if let Some(report) = self.previews.closed_without_a_word(preview, run_id) {
            self.learn(report);
        }
    }

    /// Something has changed that the comment should say as soon as it is its turn.
    pub(super) fn note_news(&mut self) {
        self.revision += 1;
        self.milestone = self.revision;
    }

    /// Something is on its way: worth a write if GitHub has time for it.
    pub(super) fn note_progress(&mut self) {
        self.revision += 1;
    }

    pub(super) fn has_more_to_say(&self) -> bool {
        self.revision > self.written
    }

    pub(super) fn note_written(&mut self, written: &Written) {
        self.written = self.written.max(written.revision);
        self.sticky = Some(written.comment);
    }

    /// Up to here, what was to be said stays unsaid. The next change is another try.
    pub(super) fn leave_unsaid(&mut self, revision: u32) {
        self.written = self.written.max(revision);
    }

    pub(super) fn revision(&self) -> u32 {
        self.revision
    }

    /// Has there been nothing but progress since the last write?
    pub(super) fn has_only_progress_to_tell(&self) -> bool {
        self.milestone <= self.written
    }

    pub(super) fn sticky(&self) -> Option<CommentId> {
        self.sticky
    }

    /// What the comment says when it is written now.
    pub(super) fn comment(&self) -> StickyComment {
        StickyComment {
            revision: self.revision,
            previews: self.previews.told(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mona() -> Login {
        "mona".parse().expect("a login")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_comment_is_heard_once_in_whatever_order() {
        let mut memory = Memory::default();
        assert!(memory.is_new(CommentId(7)));
        assert!(memory.is_new(CommentId(5)));
        assert!(!memory.is_new(CommentId(7)));
        assert!(!memory.is_new(CommentId(5)));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_was_heard() {
        let mut memory = Memory::default();
        for id in 0..2_000 {
            assert!(memory.is_new(CommentId(id)));
        }
        assert!(!memory.is_new(CommentId(3)));
        assert!(!memory.is_new(CommentId(1_999)));
        assert!(memory.is_new(CommentId(2_000)));
    }

    #[test]
    fn a_refusal_is_told_once_to_each_person_for_each_reason() {
        let mut memory = Memory::default();
        let noon = at("2026-11-22T12:00:00Z");
        assert!(memory.refuse(&mona(), Refusal::Fork, noon));
        assert!(!memory.refuse(&mona(), Refusal::Fork, noon));
        assert!(memory.refuse(&mona(), Refusal::Closed, noon));
        assert!(memory.refuse(&"hubot".parse().expect("a login"), Refusal::Fork, noon));
    }

    #[test]
    fn whoever_may_do_nothing_is_not_looked_up_again_for_a_minute() {
        let mut memory = Memory::default();
        memory.refuse(&mona(), Refusal::NotAllowed, at("2026-11-22T12:00:00Z"));
        assert!(memory.is_deaf_to(&mona(), at("2026-11-22T12:00:59Z")));
        assert!(!memory.is_deaf_to(&mona(), at("2026-11-22T12:01:00Z")));
    }

    #[test]
    fn whoever_was_turned_away_is_not_looked_up_again_either_and_is_told_another_time() {
        let mut memory = Memory::default();
        let noon = at("2026-11-22T12:00:00Z");
        memory.turn_away(&mona(), noon);
        assert!(memory.is_deaf_to(&mona(), at("2026-11-22T12:00:59Z")));
        assert!(!memory.is_deaf_to(&mona(), at("2026-11-22T12:01:00Z")));
        assert!(memory.refuse(&mona(), Refusal::NotAllowed, noon));
        memory.turn_away(&mona(), noon);
        assert!(!memory.refuse(&mona(), Refusal::NotAllowed, noon));
    }

    #[test]
    fn progress_may_be_left_out_and_news_may_not() {
        let mut memory = Memory::default();
        assert!(!memory.has_more_to_say());
        memory.note_progress();
        assert!(memory.has_more_to_say() && memory.has_only_progress_to_tell());
        memory.note_news();
        assert!(!memory.has_only_progress_to_tell());
        memory.note_written(&Written {
            comment: CommentId(9),
            revision: 2,
        });
        assert!(!memory.has_more_to_say() && memory.has_only_progress_to_tell());
        assert_eq!(memory.sticky(), Some(CommentId(9)));
        memory.note_progress();
        memory.note_news();
        memory.leave_unsaid(3);
        assert!(memory.has_more_to_say() && !memory.has_only_progress_to_tell());
    }
}
