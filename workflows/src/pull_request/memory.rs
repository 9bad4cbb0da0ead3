//! What does a pull request's workflow remember? Pure state; survives the runs of the workflow.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{deployments::Deployments, inbox::Message, previews::Previews};
use crate::{
    activities::{PreviewReport, Refusal, Reply, StickyComment, Written},
    ignored_signals::IgnoredSignals,
    vocabulary::{CommentId, Login, PreviewId},
};

/// How many comments are remembered. Only those of the last three days can come again, and this is more than people write in that time.
const HEARD_MAX: usize = 1_000;
/// How many people are remembered to have been refused something.
const REFUSED_MAX: usize = 1_000;
/// For how long somebody who may not do anything here is not even looked up again: a flood of comments must not become a flood of questions to GitHub.
const DEAF_FOR: SignedDuration = SignedDuration::from_secs(60);

/// All that is remembered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    heard: BTreeSet<CommentId>,
    refused: Vec<Refused>,
    pub(super) previews: Previews,
    pub(super) deployments: Deployments,
    /// What has happened and was not attended to yet.
    pub(super) inbox: VecDeque<Message>,
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
    /// True the first time. GitHub numbers comments in growing order, so what is older than all that are remembered was heard and forgotten.
    pub(super) fn hear(&mut self, comment: CommentId) -> bool {
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
        assert!(memory.hear(CommentId(7)));
        assert!(memory.hear(CommentId(5)));
        assert!(!memory.hear(CommentId(7)));
        assert!(!memory.hear(CommentId(5)));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_was_heard() {
        let mut memory = Memory::default();
        for id in 0..2_000 {
            assert!(memory.hear(CommentId(id)));
        }
        assert!(!memory.hear(CommentId(3)));
        assert!(!memory.hear(CommentId(1_999)));
        assert!(memory.hear(CommentId(2_000)));
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
