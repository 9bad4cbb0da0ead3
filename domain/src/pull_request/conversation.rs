//! What is remembered of a pull request, and how it changes. Survives the runs
//! of the pull request's workflow.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Answer, Commented, Deployments, Effect, EventQueue, Origin, Overtaken, PreviewTracker, PullRequestEvent,
    Refusal, Reply, StickyComment, StickyWritten, Stop, tracker::Step,
};
use crate::{
    CommentId, Explanation, IgnoredSignals, InstallationId, Login, PreviewId, PullRequestRef, RepositoryId,
    RunIdentity,
    preview::{Answering, Ending, PreviewReport, PreviewRequest, StopReason},
};

/// How many comments are remembered. Only those of the last three days can come again, and
/// this is more than people write in that time.
const COMMENTS_MAX: usize = 1_000;
/// How many people are remembered to have been refused something.
const REFUSED_MAX: usize = 1_000;
/// How many answers wait to be posted. More than that come together only while GitHub takes no writes;
/// whoever asked that long ago has stopped waiting.
const REPLIES_MAX: usize = 200;
/// For how long somebody who has no rights here is not even looked up again: a flood of comments must
/// not become a flood of questions to GitHub.
const DENIED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// A write that was given up on is carried out within this time, or never: GitHub itself gives up after
/// seconds, a proxy after a minute.
const CONFIRM_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// What reaches us later than this after it was written is no longer what the person is waiting for.
const LATE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// All that is remembered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Conversation {
    seen: BTreeSet<CommentId>,
    refused: Vec<Refused>,
    /// The previews.
    pub previews: PreviewTracker,
    /// Their places in GitHub's own list.
    pub deployments: Deployments,
    /// What has happened and is not processed yet.
    pub events: EventQueue,
    /// Through which installation the pull request is reached, by the newest
    /// event that said so, and when that was.
    installation: Option<(InstallationId, Timestamp)>,
    /// The repository, whatever it is called.
    pub repository_id: Option<RepositoryId>,
    /// The newest `stop` that was carried out for everybody's previews.
    last_stop: Option<CarriedOutStop>,
    /// The newest end of the pull request that was carried out.
    last_close: Option<CarriedOutClose>,
    replies: VecDeque<Reply>,
    /// What was sent and made no sense.
    #[serde(default)]
    pub ignored_signals: IgnoredSignals,
    sticky: Option<CommentId>,
    revision: u32,
    milestone: u32,
    written: u32,
    /// When the comment is looked at again, because a write was in doubt.
    #[serde(default)]
    confirm_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CarriedOutStop {
    asked_in: CommentId,
    at: Timestamp,
    because: StopReason,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CarriedOutClose {
    at: Timestamp,
    merged: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused {
    person: Login,
    because: Refusal,
    at: Timestamp,
    was_told: bool,
}

/// What happens.
impl Conversation {
    /// Something happened that is to be processed. A comment counts once, however often it is signalled.
    pub fn record(&mut self, event: PullRequestEvent, now: Timestamp) {
        self.record_origin(event.origin());
        if let PullRequestEvent::Commented(comment) = &event
            && !self.is_new(comment.comment)
        {
            return;
        }
        self.events.push(event, now);
    }

    /// Takes in what every event says. Deliveries come in any order, and again: the newest event counts.
    fn record_origin(&mut self, origin: &Origin) {
        self.repository_id.get_or_insert(origin.repository_id);
        if self.installation.is_none_or(|(_, said_at)| said_at <= origin.happened_at) {
            self.installation = Some((origin.installation, origin.happened_at));
        }
    }

    /// True the first time. GitHub numbers comments in growing order, so what is older than all
    /// that are remembered was seen and forgotten.
    fn is_new(&mut self, comment: CommentId) -> bool {
        let is_forgotten =
            self.seen.len() == COMMENTS_MAX && self.seen.first().is_some_and(|oldest| comment < *oldest);
        if is_forgotten || !self.seen.insert(comment) {
            return false;
        }
        if self.seen.len() > COMMENTS_MAX {
            self.seen.pop_first();
        }
        true
    }

    /// Drops what need not be looked up.
    pub fn discard_events(&mut self, now: Timestamp) {
        let mut events = std::mem::take(&mut self.events);
        let pushes_matter = self.previews.alive().next().is_some();
        events.discard(|person| self.is_denied_recently(person, now), pushes_matter);
        self.events = events;
    }

    /// The installation that events have named last.
    #[must_use]
    pub fn installation(&self) -> Option<InstallationId> {
        self.installation.map(|(installation, _)| installation)
    }

    /// The last comment with a command.
    #[must_use]
    pub fn newest_comment(&self) -> CommentId {
        self.seen.last().copied().unwrap_or(CommentId(0))
    }

    /// What has overtaken a request, if anything has.
    #[must_use]
    pub fn overtaken(&self, comment: CommentId, origin: &Origin) -> Option<Overtaken> {
        if origin.happened_at.duration_until(origin.received_at) > LATE_AFTER {
            Some(Overtaken::Time)
        } else if self.last_stop.as_ref().is_some_and(|stop| comment < stop.asked_in) {
            Some(Overtaken::Stop)
        } else if self.last_close.as_ref().is_some_and(|close| origin.happened_at < close.at) {
            Some(Overtaken::Close)
        } else {
            None
        }
    }
}

/// What follows from commands.
impl Conversation {
    /// A preview is to be started.
    pub fn request(&mut self, request: PreviewRequest) {
        self.deployments
            .begin(&request.preview, request.comment, request.settings.environment.as_deref());
        self.previews.request(request);
        self.mark_progress();
    }

    /// A preview is to be started once the run that has its ID is gone.
    pub fn queue(&mut self, request: PreviewRequest) {
        self.previews.queue(request);
        self.mark_progress();
    }

    /// Previews are to end, and what waits to be started is not to be started any more.
    pub fn stop(&mut self, stop: &Stop) {
        if stop.is_everyones {
            // The preview that it waited for may be gone, and say nothing any more.
            if self.previews.clear_queue_up_to(stop.asked_in) {
                self.mark_milestone();
            }
            let Stop { asked_in, at, because, .. } = stop.clone();
            if self.last_stop.as_ref().is_none_or(|last| last.asked_in < asked_in) {
                self.last_stop = Some(CarriedOutStop { asked_in, at, because });
            }
        }
        for preview in &stop.previews {
            self.previews.request_end(preview, stop.because.clone());
        }
    }

    /// The pull request has ended: so does everything on it.
    pub fn close(&mut self, at: Timestamp, merged: bool) {
        if self.last_close.as_ref().is_none_or(|last| last.at < at) {
            self.last_close = Some(CarriedOutClose { at, merged });
        }
        self.events.forget_snapshots();
        self.end_all(&StopReason::PullRequestClosed { merged });
    }

    /// Everything is to end, whoever asked for it.
    pub fn end_all(&mut self, because: &StopReason) {
        if self.previews.request_end_of_all(because) {
            self.mark_milestone();
        }
    }

    /// Is the answer worth a comment? People are told why they are refused once,
    /// and everything else as often as they ask.
    pub fn should_tell(&mut self, answer: &Answer, person: &Login, now: Timestamp) -> bool {
        match answer {
            Answer::Refused { because } => self.refuse(person, *because, now),
            _ => true,
        }
    }

    /// True if this person has not been told so on this pull request before.
    fn refuse(&mut self, person: &Login, because: Refusal, at: Timestamp) -> bool {
        let refused = self.record_refusal(person, because, at);
        !std::mem::replace(&mut refused.was_told, true)
    }

    /// This person has no rights here, and is not told so.
    pub fn deny_silently(&mut self, person: &Login, at: Timestamp) {
        self.record_refusal(person, Refusal::NotAllowed, at);
    }

    fn record_refusal(&mut self, person: &Login, because: Refusal, at: Timestamp) -> &mut Refused {
        let known = self
            .refused
            .iter()
            .position(|refused| refused.person == *person && refused.because == because);
        let index = known.unwrap_or_else(|| {
            if self.refused.len() == REFUSED_MAX {
                self.refused.remove(0);
            }
            self.refused
                .push(Refused { person: person.clone(), because, at, was_told: false });
            self.refused.len() - 1
        });
        let refused = &mut self.refused[index];
        refused.at = at;
        refused
    }

    /// Was this person found to have no rights here a moment ago?
    fn is_denied_recently(&self, person: &Login, now: Timestamp) -> bool {
        !self.previews.has_one_asked_for_by(person)
            && self.refused.iter().any(|refused| {
                refused.person == *person
                    && refused.because == Refusal::NotAllowed
                    && refused.at.duration_until(now) < DENIED_FOR
            })
    }
}

/// What becomes of previews.
impl Conversation {
    /// The next thing to be done in the world until every preview is as it should be.
    /// What follows without it, follows at once.
    pub fn reconcile(&mut self) -> Option<Effect> {
        loop {
            match self.previews.next_step()? {
                Step::Apply(effect) => return Some(effect),
                Step::Abandon(preview) => {
                    if self.previews.abandon(&preview) {
                        self.record_end_of(&preview);
                    }
                }
                Step::StartSuccessor(preview) => {
                    if let Some(request) = self.previews.take_successor(&preview) {
                        self.request(request);
                    }
                }
                Step::Supersede { preview, by } => {
                    self.previews.request_end(&preview, StopReason::Superseded { by });
                }
            }
        }
    }

    /// Is there anything to reconcile?
    #[must_use]
    pub fn is_reconciled(&self) -> bool {
        self.previews.next_step().is_none()
    }

    /// A preview reports what has become of it.
    pub fn apply_report(&mut self, report: PreviewReport) {
        if !self.previews.has_ended(&report) && !self.previews.dispute(&report) {
            self.apply_found(report);
        }
    }

    /// Takes in what the newest run of a preview says, whoever started it.
    pub fn apply_found(&mut self, report: PreviewReport) {
        self.previews.settle(&report.preview);
        if self.previews.has_ended(&report) {
            return;
        }
        let missed_end = if self.previews.knows(&report.preview) {
            None
        } else {
            self.deployments
                .begin(&report.preview, report.asked_in, report.environment.as_deref());
            self.missed_end(&report)
        };
        self.deployments.apply_report(&report);
        let preview = report.preview.clone();
        if self.previews.apply_report(report) {
            self.mark_milestone();
        }
        if let Some(because) = missed_end {
            self.previews.request_end(&preview, because);
        }
    }

    /// Why a preview that nobody has told us of until now is to end: it began before everything was to.
    fn missed_end(&self, report: &PreviewReport) -> Option<StopReason> {
        let started_at = report.started_at?;
        let stop = self.last_stop.as_ref();
        let stop = stop.filter(|stop| report.asked_in < stop.asked_in && started_at < stop.at);
        let close = self.last_close.as_ref().filter(|close| started_at < close.at);
        stop.map(|stop| stop.because.clone())
            .or_else(|| close.map(|close| StopReason::PullRequestClosed { merged: close.merged }))
    }

    /// It could not be started.
    pub fn could_not_start(&mut self, preview: &PreviewId, explanation: Explanation) {
        if self.previews.could_not_start(preview, explanation) {
            self.record_end_of(preview);
        }
    }

    fn record_end_of(&mut self, preview: &PreviewId) {
        if let Some(report) = self.previews.report_of(preview) {
            self.deployments.apply_report(report);
        }
        self.mark_milestone();
    }

    /// Temporal says that no run of it is open, and how the last one ended. `known_run` is the one that
    /// was known when Temporal was asked: another may have begun since.
    pub fn no_run_is_open(&mut self, preview: &PreviewId, known_run: Option<&String>, ending: &Ending) {
        let known_now = self.previews.report_of(preview).and_then(|report| report.run_id.as_ref());
        if known_now != known_run {
            return;
        }
        self.previews.settle(preview);
        if let Some(report) = self.previews.last_word(preview, ending) {
            self.apply_report(report);
        }
    }

    /// The stable URL points to a run's preview and answers like this, or it cannot.
    pub fn stable_url_settled(&mut self, of: &RunIdentity, answering: Option<Answering>, now: Timestamp) {
        if self.previews.stable_url_settled(of, answering, now) {
            self.mark_milestone();
        }
    }
}

/// What is written.
impl Conversation {
    /// Something has changed that the comment should say as soon as it is its turn.
    fn mark_milestone(&mut self) {
        self.revision += 1;
        self.milestone = self.revision;
    }

    /// Something is on its way: worth a write if GitHub has time for it.
    fn mark_progress(&mut self) {
        self.revision += 1;
    }

    /// Does the comment not say everything yet?
    #[must_use]
    pub fn has_more_to_write(&self) -> bool {
        self.revision > self.written
    }

    /// When the comment is to be looked at again, although nothing has changed.
    #[must_use]
    pub fn confirm_at(&self) -> Option<Timestamp> {
        self.confirm_at
    }

    /// The comment was written, or said it all.
    pub fn record_write(&mut self, written: &StickyWritten, now: Timestamp) {
        self.written = self.written.max(written.revision);
        self.sticky = Some(written.comment);
        self.confirm_at = self.confirm_at.filter(|at| *at > now);
        if written.is_doubtful {
            self.doubt_write(now);
        }
    }

    /// A write is given up on, and may come to pass all the same.
    pub fn doubt_write(&mut self, now: Timestamp) {
        self.confirm_at = Some(now.saturating_add(CONFIRM_AFTER).unwrap_or(now));
    }

    /// Up to here, nothing is written, as far as is known. The next change is another try.
    pub fn skip_write(&mut self, revision: u32, now: Timestamp) {
        self.written = self.written.max(revision);
        self.confirm_at = self.confirm_at.filter(|at| *at > now);
    }

    /// Grows with every change that is worth a write.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Has there been nothing but progress since the last write?
    #[must_use]
    pub fn has_only_progress_to_write(&self) -> bool {
        self.milestone <= self.written
    }

    /// The sticky comment, once it is known.
    #[must_use]
    pub fn sticky(&self) -> Option<CommentId> {
        self.sticky
    }

    /// What the comment says when it is written now.
    #[must_use]
    pub fn comment(&self) -> StickyComment {
        StickyComment { revision: self.revision, previews: self.previews.reports() }
    }

    /// A comment is to be answered, unless there is nothing to say.
    pub fn reply(&mut self, pull_request: PullRequestRef, comment: Commented, answers: Vec<Answer>) {
        if !answers.is_empty() {
            self.replies.push_back(Reply {
                pull_request,
                comment_id: comment.comment,
                to: comment.author,
                answers,
                sticky: None,
                is_second: comment.is_rest,
            });
        }
        if self.replies.len() > REPLIES_MAX {
            // The first one may be on its way.
            self.replies.remove(1);
        }
    }

    /// Does anybody wait for an answer?
    #[must_use]
    pub fn has_replies(&self) -> bool {
        !self.replies.is_empty()
    }

    /// The next reply to be posted. Whoever asked for the status is told how things stand now.
    #[must_use]
    pub fn next_reply(&self) -> Option<Reply> {
        let mut reply = self.replies.front()?.clone();
        for answer in &mut reply.answers {
            if let Answer::Status { previews } = answer {
                *previews = self.previews.reports();
            }
        }
        Some(reply)
    }

    /// It was posted, or GitHub refused it.
    pub fn reply_posted(&mut self) {
        self.replies.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preview::{PreviewState, Probe};

    fn mona() -> Login {
        "mona".parse().expect("a login")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn pull_request() -> PullRequestRef {
        PullRequestRef {
            installation: InstallationId(5),
            repository: "octo-org/hello-world".parse().expect("a repository"),
            number: crate::PullRequestNumber::new(12).expect("a number"),
        }
    }

    fn report() -> PreviewReport {
        PreviewReport {
            preview: format!("octo-org/hello-world#12:{}", "a".repeat(40)).parse().expect("an id"),
            run_id: Some("run-1".to_owned()),
            started_at: None,
            revision: 1,
            requested_by: mona(),
            asked_in: CommentId(70),
            state: PreviewState::Installing,
            environment: None,
            probe: Probe::default(),
        }
    }

    #[test]
    fn a_comment_is_new_once_in_whatever_order() {
        let mut conversation = Conversation::default();
        assert!(conversation.is_new(CommentId(7)));
        assert!(conversation.is_new(CommentId(5)));
        assert!(!conversation.is_new(CommentId(7)));
        assert!(!conversation.is_new(CommentId(5)));
    }

    #[test]
    fn what_is_older_than_all_that_is_remembered_is_not_new() {
        let mut conversation = Conversation::default();
        for id in 0..2_000 {
            assert!(conversation.is_new(CommentId(id)));
        }
        assert!(!conversation.is_new(CommentId(3)));
        assert!(!conversation.is_new(CommentId(1_999)));
        assert!(conversation.is_new(CommentId(2_000)));
    }

    #[test]
    fn a_refusal_is_told_once_to_each_person_for_each_reason() {
        let mut conversation = Conversation::default();
        let noon = at("2026-11-22T12:00:00Z");
        assert!(conversation.refuse(&mona(), Refusal::Fork, noon));
        assert!(!conversation.refuse(&mona(), Refusal::Fork, noon));
        assert!(conversation.refuse(&mona(), Refusal::Closed, noon));
        assert!(conversation.refuse(&"hubot".parse().expect("a login"), Refusal::Fork, noon));
    }

    #[test]
    fn whoever_may_do_nothing_is_not_looked_up_again_for_a_minute() {
        let mut conversation = Conversation::default();
        conversation.refuse(&mona(), Refusal::NotAllowed, at("2026-11-22T12:00:00Z"));
        assert!(conversation.is_denied_recently(&mona(), at("2026-11-22T12:00:59Z")));
        assert!(!conversation.is_denied_recently(&mona(), at("2026-11-22T12:01:00Z")));
    }

    #[test]
    fn whoever_was_turned_away_is_not_looked_up_again_either_and_is_told_another_time() {
        let mut conversation = Conversation::default();
        let noon = at("2026-11-22T12:00:00Z");
        conversation.deny_silently(&mona(), noon);
        assert!(conversation.is_denied_recently(&mona(), at("2026-11-22T12:00:59Z")));
        assert!(!conversation.is_denied_recently(&mona(), at("2026-11-22T12:01:00Z")));
        assert!(conversation.refuse(&mona(), Refusal::NotAllowed, noon));
        conversation.deny_silently(&mona(), noon);
        assert!(!conversation.refuse(&mona(), Refusal::NotAllowed, noon));
    }

    #[test]
    fn progress_may_be_left_out_and_milestones_may_not() {
        let mut conversation = Conversation::default();
        assert!(!conversation.has_more_to_write());
        conversation.mark_progress();
        assert!(conversation.has_more_to_write() && conversation.has_only_progress_to_write());
        conversation.mark_milestone();
        assert!(!conversation.has_only_progress_to_write());
        let noon = at("2026-11-22T12:00:00Z");
        let written = StickyWritten { comment: CommentId(9), revision: 2, is_doubtful: false };
        conversation.record_write(&written, noon);
        assert!(!conversation.has_more_to_write() && conversation.has_only_progress_to_write());
        assert_eq!(conversation.sticky(), Some(CommentId(9)));
        conversation.mark_progress();
        conversation.mark_milestone();
        conversation.skip_write(3, noon);
        assert!(conversation.has_more_to_write() && !conversation.has_only_progress_to_write());
    }

    #[test]
    fn a_write_in_doubt_is_looked_at_again_two_minutes_later_and_only_once() {
        let mut conversation = Conversation::default();
        let noon = at("2026-11-22T12:00:00Z");
        let later = at("2026-11-22T12:02:00Z");
        let written = |is_doubtful| StickyWritten { comment: CommentId(9), revision: 1, is_doubtful };
        conversation.record_write(&written(true), noon);
        assert_eq!(conversation.confirm_at(), Some(later));
        // Another write in between is no look at what comes of the first one.
        conversation.record_write(&written(false), at("2026-11-22T12:01:00Z"));
        assert_eq!(conversation.confirm_at(), Some(later));
        conversation.record_write(&written(false), later);
        assert_eq!(conversation.confirm_at(), None);
    }

    /// What Temporal takes as one run's input is 2 MB; the previews have their part of it.
    #[test]
    fn whatever_is_asked_what_is_remembered_fits_into_one_input() {
        let mut conversation = Conversation::default();
        let noon = at("2026-11-22T12:00:00Z");
        let longest = crate::parse_line(&format!("/preview {}", "ä".repeat(400))).expect("addressed to us");
        for number in 0..1_000 {
            let comment = Commented {
                comment: CommentId(u64::MAX - number),
                author: format!("{}{:02}", "x".repeat(37), number % 50).parse().expect("a login"),
                commands: vec![longest.clone(); 10],
                origin: Origin {
                    installation: InstallationId(u64::MAX),
                    repository_id: RepositoryId(u64::MAX),
                    happened_at: noon,
                    received_at: noon,
                },
                is_rest: false,
            };
            let problem = longest.clone().expect_err("not a command");
            let answers = vec![Answer::Misunderstood { problem }; 10];
            conversation.refuse(&comment.author, Refusal::NotAllowed, noon);
            conversation.reply(pull_request(), comment.clone(), answers);
            conversation.record(PullRequestEvent::Commented(comment), noon);
        }
        let size = serde_json::to_vec(&conversation).expect("JSON").len();
        assert!((200_000..1_000_000).contains(&size), "{size} bytes");
    }

    #[test]
    fn whoever_asks_for_the_status_is_told_how_things_stand_when_it_is_written() {
        let mut conversation = Conversation::default();
        let noon = at("2026-11-22T12:00:00Z");
        let asked = Commented {
            comment: CommentId(8),
            author: mona(),
            commands: vec![Ok(crate::Command::Status)],
            origin: Origin {
                installation: InstallationId(5),
                repository_id: RepositoryId(77),
                happened_at: noon,
                received_at: noon,
            },
            is_rest: false,
        };
        conversation.reply(pull_request(), asked, vec![Answer::Status { previews: Vec::new() }]);
        conversation.apply_report(report());
        let reply = conversation.next_reply().expect("an answer");
        assert_eq!(reply.answers, [Answer::Status { previews: vec![report()] }]);
    }

    #[test]
    fn what_waited_and_is_stopped_is_told_although_nothing_else_happens() {
        let mut conversation = Conversation::default();
        let request: PreviewRequest = serde_json::from_value(serde_json::json!({
            "idempotency_key": report().preview.to_string(), "repo": "octo-org/hello-world", "pr_number": 12,
            "commit_sha": "a".repeat(40), "installation_id": 5, "comment_id": 71, "requested_by": "mona",
        }))
        .expect("a request");
        conversation.apply_report(report());
        conversation.queue(request);
        let because = StopReason::Asked { by: Some(mona()) };
        let stop = Stop {
            previews: Vec::new(),
            because,
            asked_in: CommentId(72),
            at: at("2026-11-22T12:00:00Z"),
            is_everyones: true,
        };
        let before = conversation.revision();
        conversation.stop(&stop);
        assert!(conversation.revision() > before);
    }

    #[test]
    fn an_old_answer_does_not_end_a_run_that_has_begun_since() {
        let mut conversation = Conversation::default();
        let (preview, older) = (report().preview, "run-0".to_owned());
        let cancelled = Ending::Stopped(StopReason::Cancelled { reason: None });
        conversation.apply_report(report());
        conversation.no_run_is_open(&preview, Some(&older), &cancelled);
        assert_eq!(conversation.previews.open_runs().len(), 1);
        conversation.no_run_is_open(&preview, Some(&"run-1".to_owned()), &cancelled);
        assert!(conversation.previews.are_all_over());
    }

    #[test]
    fn a_preview_that_is_heard_of_after_the_end_of_everything_ends_too_if_it_began_before() {
        let noon = at("2026-11-22T12:00:00Z");
        let started = |time: &str| PreviewReport { started_at: Some(at(time)), ..report() };
        let (before, after) = (started("2026-11-22T11:59:59Z"), started("2026-11-22T12:00:01Z"));
        let is_told_to_end = |conversation: &mut Conversation| {
            matches!(conversation.reconcile(), Some(Effect::SignalStop { .. }))
        };

        let mut closed = Conversation::default();
        closed.close(noon, true);
        let mut stopped = Conversation::default();
        stopped.stop(&Stop {
            previews: Vec::new(),
            because: StopReason::Asked { by: Some(mona()) },
            asked_in: CommentId(72),
            at: noon,
            is_everyones: true,
        });
        for ended in [closed, stopped] {
            let (mut earlier, mut later) = (ended.clone(), ended);
            earlier.apply_report(before.clone());
            assert!(is_told_to_end(&mut earlier));
            later.apply_report(after.clone());
            assert!(!is_told_to_end(&mut later));
        }
    }

    #[test]
    fn whoever_has_a_preview_is_looked_up_although_they_were_refused() {
        let mut conversation = Conversation::default();
        let noon = at("2026-11-22T12:00:00Z");
        conversation.apply_report(report());
        conversation.refuse(&mona(), Refusal::NotAllowed, noon);
        assert!(!conversation.is_denied_recently(&mona(), noon));
    }
}
