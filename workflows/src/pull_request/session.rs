//! The work on a pull request: what is asked of us is looked into, decided and carried out, one thing after the other.

use std::{cell::RefCell, collections::BTreeMap};

use jiff::Timestamp;
use temporalio_workflow::{
    ActivityOptions, TimerResult, WorkflowCancellationToken, WorkflowContext, select,
};

use super::{
    Closed, Commented, Origin, PullRequestWorkflow, Pushed,
    children::Children,
    commands::{Asked, Decision, decide, follow_push, stop_unseen},
    inbox::{Turn, WantedLook},
    lookups::Lookups,
    patience,
};
use crate::{
    activities::{
        Answer, FindPreviews, FoundPreviews, Look, Openness, PullRequestActivities, Reply, Sight,
        StopReason,
    },
    clock,
    search_attributes::{PULL_REQUEST, REPOSITORY, REPOSITORY_ID},
    uncancelled,
    vocabulary::{Command, CommentId, Login, Misunderstood, PreviewId, PullRequestRef, Ttl},
};

/// One run's work on a pull request.
pub(super) struct Session {
    pub(super) ctx: WorkflowContext<PullRequestWorkflow>,
    named: PullRequestRef,
    pub(super) children: Children,
    lookups: Lookups,
    /// Cancelled when the next run goes on with what is to be written.
    pub(super) writes: WorkflowCancellationToken,
    waits: RefCell<BTreeMap<&'static str, Timestamp>>,
}

/// Why a session ends.
pub(super) enum Exit {
    /// Nothing is left to do, or to remember.
    Finished,
    /// The history is long: another run goes on.
    Continued,
    /// Somebody cancelled the workflow, and all previews are gone.
    Cancelled { reason: Option<String> },
}

impl Session {
    pub(super) fn new(
        ctx: &WorkflowContext<PullRequestWorkflow>,
        pull_request: PullRequestRef,
    ) -> Self {
        let repository_id = ctx.state(|workflow| workflow.memory.repository_id);
        let attributes = [
            REPOSITORY.value_set(pull_request.repository.to_string()),
            PULL_REQUEST.value_set(i64::from(pull_request.number)),
        ];
        let known_only = repository_id.map(|id| REPOSITORY_ID.value_set(id.into()));
        ctx.upsert_search_attributes(attributes.into_iter().chain(known_only));
        Self {
            ctx: ctx.clone(),
            named: pull_request,
            children: Children::default(),
            lookups: Lookups::default(),
            writes: WorkflowCancellationToken::new(),
            waits: RefCell::default(),
        }
    }

    /// The pull request, through the installation that the newest event named.
    pub(super) fn pull_request(&self) -> PullRequestRef {
        let newest = self.ctx.state(|workflow| workflow.memory.installation());
        PullRequestRef {
            installation: newest.unwrap_or(self.named.installation),
            ..self.named.clone()
        }
    }

    /// Attends to one thing after the other, in the order in which they happened.
    pub(super) async fn attend(&self) -> Exit {
        self.adopt_open_previews().await;
        let exit = loop {
            match self.next_turn().await {
                Ok(turn) => self.attend_to(turn).await,
                Err(exit) => break exit,
            }
        };
        self.lookups.keep(|_| false);
        match &exit {
            // What GitHub has not let us look into or say by now, nobody waits for any more.
            Exit::Finished => {
                self.writes.cancel();
                self.ctx.state_mut(|workflow| workflow.memory.inbox.clear());
            }
            // The next run writes what is to be said then.
            Exit::Continued => self.writes.cancel(),
            Exit::Cancelled { reason } => {
                let reason = reason.clone();
                // What was asked before is cancelled with the rest; what is asked from now on is for the next run.
                self.ctx.state_mut(|workflow| workflow.memory.inbox.clear());
                self.end_all(&StopReason::Cancelled { reason });
                uncancelled::until(&self.ctx, |workflow| {
                    workflow.memory.previews.are_all_over()
                })
                .await;
            }
        }
        self.ctx.state_mut(|workflow| workflow.is_closing = true);
        exit
    }

    /// Takes in what runs already: a run before this one may have been terminated, and previews are started by hand, too.
    async fn adopt_open_previews(&self) {
        let suspects = self
            .ctx
            .state(|workflow| workflow.memory.previews.open_runs());
        self.find_previews(suspects).await;
    }

    /// Finds the pull request's previews that are open, and takes in what is true of them. Says which of the suspects are not open.
    pub(super) async fn find_previews(&self, suspects: Vec<PreviewId>) -> Vec<PreviewId> {
        let input = FindPreviews {
            pull_request: self.pull_request(),
            repository_id: self.ctx.state(|workflow| workflow.memory.repository_id),
            suspects,
        };
        let found = self
            .ctx
            .execute_activity(
                PullRequestActivities::find_previews,
                input,
                patience::finding(),
            )
            .await;
        // It is tried for as long as it takes, so an error is one that nobody foresaw. Then only what is known counts.
        let Ok(FoundPreviews { open, closed }) = found else {
            return Vec::new();
        };
        self.ctx.state_mut(|workflow| {
            let memory = &mut workflow.memory;
            closed
                .iter()
                .for_each(|preview| memory.closed_unheard(preview));
            open.into_iter().for_each(|preview| memory.adopt(preview));
        });
        closed
    }

    async fn next_turn(&self) -> Result<Turn, Exit> {
        loop {
            let cancellation = self.ctx.cancellation_token();
            if cancellation.is_cancelled() {
                let reason = cancellation.reason().filter(|reason| !reason.is_empty());
                return Err(Exit::Cancelled { reason });
            }
            let now = clock::now(&self.ctx);
            let turn = self.ctx.state_mut(|workflow| {
                workflow.memory.discard(now);
                workflow.memory.inbox.next_turn(now)
            });
            self.show_what_is_waited_for();
            if let Some(turn) = turn {
                return Ok(turn);
            }
            if self.ctx.continue_as_new_suggested() {
                return Err(Exit::Continued);
            }
            self.look();
            if self.wait_for_a_turn(now).await {
                return Err(Exit::Finished);
            }
        }
    }

    /// True when nothing has happened for so long that nothing can come again, and nothing is left to do.
    async fn wait_for_a_turn(&self, now: Timestamp) -> bool {
        let moment = self
            .ctx
            .state(|workflow| workflow.memory.inbox.next_moment(now));
        let timer = WorkflowCancellationToken::new();
        let pause = moment.map(|moment| now.duration_until(moment).unsigned_abs());
        select! {
            // Reports make the history long, too.
            _ = self.ctx.wait_condition(|workflow| workflow.memory.inbox.wants_a_look() || self.ctx.continue_as_new_suggested()) => timer.cancel(),
            (number, sight) = self.lookups.next_done() => {
                timer.cancel();
                let now = clock::now(&self.ctx);
                self.ctx.state_mut(|workflow| workflow.memory.inbox.looked(number, sight.as_ref(), now));
            }
            slept = self.ctx.timer(patience::until_forgotten(pause, &timer)) => {
                let is_forgotten = moment.is_none() && matches!(slept, TimerResult::Fired);
                return is_forgotten && self.ctx.state(|workflow| workflow.memory.previews.are_all_over());
            }
        }
        false
    }

    /// Begins the looks that are wanted, and ends those that nobody waits for any more.
    fn look(&self) {
        let is_awaited = |number| self.ctx.state(|it| it.memory.inbox.awaits(number));
        self.lookups.keep(is_awaited);
        while let Some(WantedLook { number, person }) = self
            .ctx
            .state_mut(|workflow| workflow.memory.inbox.begin_look())
        {
            let input = Look {
                pull_request: self.pull_request(),
                person,
            };
            let ctx = self.ctx.clone();
            let token = WorkflowCancellationToken::new();
            let options = patience::look(&token);
            self.lookups.begin(number, token, async move {
                let sight = ctx
                    .execute_activity(PullRequestActivities::look_at_pull_request, input, options)
                    .await;
                // It is tried for as long as it takes, unless the operators do not serve the repository.
                sight.ok()
            });
        }
    }

    async fn attend_to(&self, turn: Turn) {
        match turn {
            Turn::Commented(asked, sight) => self.answer(asked, &sight).await,
            Turn::StopUnseen(asked) => self.stop_unseen(&asked).await,
            Turn::Pushed(pushed, sight) => self.follow_push(&pushed, &sight).await,
            Turn::Closed(closed, sight) => self.close(&closed, sight.as_deref()),
        }
    }

    /// Carries out a comment's commands, in their order, and has the author told what the pull request's one comment does not say.
    async fn answer(&self, asked: Commented, sight: &Sight) {
        let mut answers = Vec::new();
        for command in &asked.commands {
            let decision = self.decide(command.as_ref(), &asked, sight);
            if decision == Decision::TurnAway {
                let now = clock::now(&self.ctx);
                self.ctx
                    .state_mut(|workflow| workflow.memory.turn_away(&asked.author, now));
                continue;
            }
            if let Some(answer) = self.carry_out(decision).await
                && self.is_worth_telling(&answer, &asked.author)
                && !answers.contains(&answer)
            {
                answers.push(answer);
            }
        }
        self.reply(asked.comment, asked.author, answers);
    }

    /// What is asked before the `stop` would be ended by it, so it is left out.
    async fn stop_unseen(&self, asked: &Commented) {
        let decision = self
            .ctx
            .state(|workflow| stop_unseen(asked, &workflow.memory));
        let answer = self.carry_out(decision).await;
        self.reply(asked.comment, asked.author.clone(), Vec::from_iter(answer));
    }

    fn decide(
        &self,
        command: Result<&Command, &Misunderstood>,
        asked: &Commented,
        sight: &Sight,
    ) -> Decision {
        let pull_request = self.pull_request();
        let asked = Asked {
            pull_request: &pull_request,
            comment: asked.comment,
            by: &asked.author,
            origin: &asked.origin,
            sight,
        };
        self.ctx
            .state(|workflow| decide(command, &asked, &workflow.memory))
    }

    /// Renews the preview for a new commit, where the repository wants that, and whoever pushed it may have previews.
    async fn follow_push(&self, pushed: &Pushed, sight: &Sight) {
        let Some(by) = &pushed.by else { return };
        let pull_request = self.pull_request();
        let decision = self.ctx.state(|workflow| {
            let asked = Asked {
                pull_request: &pull_request,
                comment: workflow.memory.newest_comment(),
                by,
                origin: &pushed.origin,
                sight,
            };
            follow_push(&asked, &workflow.memory)
        });
        self.carry_out(decision).await;
    }

    /// Ends everything, unless the pull request has been reopened since.
    fn close(&self, closed: &Closed, sight: Option<&Sight>) {
        let merged = match sight.map(|sight| sight.openness) {
            Some(Openness::Open) => return,
            Some(Openness::Closed) => false,
            Some(Openness::Merged) => true,
            None => closed.merged,
        };
        let Origin { happened_at, .. } = closed.origin;
        self.ctx
            .state_mut(|workflow| workflow.memory.note_close(happened_at));
        self.end_all(&StopReason::PullRequestClosed { merged });
    }

    async fn carry_out(&self, decision: Decision) -> Option<Answer> {
        match decision {
            Decision::Nothing | Decision::TurnAway => None,
            Decision::Answer(answer) => Some(answer),
            Decision::Start(request) => {
                self.ctx
                    .state_mut(|workflow| workflow.memory.request(request));
                None
            }
            Decision::Queue(request) => {
                self.ctx.state_mut(|workflow| {
                    workflow.memory.previews.queue(request);
                    workflow.memory.note_progress();
                });
                None
            }
            Decision::Extend { preview, by } => self.extend(&preview, by).await,
            Decision::Stop(stop) => {
                self.ctx.state_mut(|workflow| workflow.memory.stop(&stop));
                None
            }
        }
    }

    /// A preview that is ready says its new end at once, so that a `status` after an `extend` in the same comment tells it.
    async fn extend(&self, preview: &PreviewId, by: Ttl) -> Option<Answer> {
        let before = self.ctx.state_mut(|workflow| {
            workflow.memory.previews.extend(preview, by);
            workflow.memory.previews.expires_at(preview)
        });
        before?;
        let timer = WorkflowCancellationToken::new();
        select! {
            _ = self.ctx.wait_condition(|workflow| workflow.memory.previews.expires_at(preview) != before) => timer.cancel(),
            _ = self.ctx.timer(patience::until_reported(&timer)) => {}
        }
        let has_ended = self.ctx.state(|workflow| {
            let mut alive = workflow.memory.previews.alive();
            !alive.any(|report| report.preview == *preview)
        });
        has_ended.then_some(Answer::NothingToExtend)
    }

    /// Ends whatever is alive, and whatever waits to be started.
    fn end_all(&self, because: &StopReason) {
        self.ctx.state_mut(|workflow| {
            let previews = &mut workflow.memory.previews;
            previews.clear_queue();
            let alive: Vec<_> = previews.alive().map(|it| it.preview.clone()).collect();
            for preview in alive {
                previews.end(&preview, because.clone());
            }
        });
    }

    /// People are told why they are refused once, and everything else as often as they ask.
    fn is_worth_telling(&self, answer: &Answer, person: &Login) -> bool {
        let Answer::Refused { because } = answer else {
            return true;
        };
        let now = clock::now(&self.ctx);
        self.ctx
            .state_mut(|workflow| workflow.memory.refuse(person, *because, now))
    }

    fn reply(&self, comment_id: CommentId, to: Login, answers: Vec<Answer>) {
        if answers.is_empty() {
            return;
        }
        let reply = Reply {
            pull_request: self.pull_request(),
            comment_id,
            to,
            answers,
            sticky: None,
        };
        self.ctx
            .state_mut(|workflow| workflow.memory.replies.push_back(reply));
    }

    /// Does something that GitHub has to answer for, and says meanwhile what is waited for.
    pub(super) async fn waiting_for<Done>(
        &self,
        what: &'static str,
        deed: impl Future<Output = Done>,
    ) -> Done {
        self.waits.borrow_mut().insert(what, clock::now(&self.ctx));
        self.show_what_is_waited_for();
        let done = deed.await;
        self.waits.borrow_mut().remove(what);
        self.show_what_is_waited_for();
        done
    }

    /// In Temporal's UI. While GitHub does not answer, nothing can be said on the pull request.
    fn show_what_is_waited_for(&self) {
        let inbox = self.ctx.state(|workflow| workflow.memory.inbox.waiting());
        let inbox = inbox.map(|(count, since)| {
            format!("to look into {count} of the pull request's events (since {since:.0})")
        });
        let waits = self.waits.borrow();
        let writes = waits
            .iter()
            .map(|(what, since)| format!("{what} (since {since:.0})"));
        let waits: Vec<_> = inbox.into_iter().chain(writes).collect();
        let details = if waits.is_empty() {
            String::new()
        } else {
            format!("Waiting for GitHub {}.", waits.join(", "))
        };
        self.ctx.set_current_details(details);
    }

    /// How anything is written to GitHub.
    pub(super) fn paced(&self) -> ActivityOptions {
        patience::github_write(
            crate::activities::github_task_queue(self.ctx.task_queue()),
            self.pull_request().installation,
            &self.writes,
        )
    }

    /// How something is written that is only worth its place in the queue while the queue is short.
    pub(super) fn paced_unless_late(&self) -> ActivityOptions {
        let mut options = self.paced();
        options.schedule_to_start_timeout = Some(patience::LATE);
        options
    }

    /// The next run goes on with what is to be written.
    pub(super) fn is_handed_over(&self) -> bool {
        self.writes.is_cancelled()
    }
}
