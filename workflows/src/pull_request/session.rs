//! The session on a pull request: events are looked up, decided on and carried out, one after the other.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use domain::{
    PreviewId, PullRequestRef, RepositoryId, RunIdentity,
    preview::StopReason,
    pull_request::{
        Answer, Commented, DueEvent, Effect, Lookup, PullRequestSnapshot,
        decide::{Asked, decide, decide_close, decide_push, decide_unchecked_stop},
    },
};
use jiff::Timestamp;
use temporalio_workflow::{ActivityOptions, TimerResult, WorkflowCancellationToken, WorkflowContext, select};

use super::{PullRequestWorkflow, in_order::InOrder, timeouts};
use crate::{
    clock,
    contract::{
        ClosedPreview, FetchPullRequest, FindPreviews, FoundPreviews, PullRequestActivities,
        github_task_queue,
    },
    search_attributes::of_pull_request,
    uncancelled,
};

/// One run's work on a pull request.
pub(super) struct Session {
    pub(super) ctx: WorkflowContext<PullRequestWorkflow>,
    named: PullRequestRef,
    /// The repository's number, as far as Temporal's lists show it.
    shown_repository: Cell<Option<RepositoryId>>,
    /// The runs of previews that were started here, until they close.
    pub(super) children: InOrder<RunIdentity, ()>,
    lookups: InOrder<LookupUnderWay, Option<PullRequestSnapshot>>,
    /// Cancelled when the next run goes on with what is to be written.
    pub(super) writes: WorkflowCancellationToken,
    waits: RefCell<BTreeMap<&'static str, Timestamp>>,
    /// When it was last looked which previews are open.
    pub(super) looked_at: Cell<Timestamp>,
}

/// A lookup at GitHub.
struct LookupUnderWay {
    number: u64,
    token: WorkflowCancellationToken,
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
    pub(super) fn new(ctx: &WorkflowContext<PullRequestWorkflow>, pull_request: PullRequestRef) -> Self {
        let repository_id = ctx.state(|workflow| workflow.conversation.repository_id);
        ctx.upsert_search_attributes(of_pull_request(&pull_request, repository_id));
        Self {
            ctx: ctx.clone(),
            named: pull_request,
            shown_repository: Cell::new(repository_id),
            children: InOrder::default(),
            lookups: InOrder::default(),
            writes: WorkflowCancellationToken::new(),
            waits: RefCell::default(),
            looked_at: Cell::new(clock::now(ctx)),
        }
    }

    /// The pull request, through the installation that the newest event named.
    pub(super) fn pull_request(&self) -> PullRequestRef {
        let newest = self.ctx.state(|workflow| workflow.conversation.installation());
        PullRequestRef {
            installation: newest.unwrap_or(self.named.installation),
            ..self.named.clone()
        }
    }

    /// Processes one event after the other, in the order in which they were received.
    pub(super) async fn process_events(&self) -> Exit {
        self.adopt_open_previews().await;
        let exit = loop {
            match self.next_event().await {
                Ok(event) => self.process(event).await,
                Err(exit) => break exit,
            }
        };
        self.keep_lookups(|_| false);
        match &exit {
            // What GitHub has not let us look up or write by now, nobody waits for any more.
            Exit::Finished => {
                self.writes.cancel();
                self.update(|conversation, _| conversation.events.clear());
            }
            // The next run writes what is to be written then.
            Exit::Continued => self.writes.cancel(),
            Exit::Cancelled { reason } => {
                let reason = reason.clone();
                // What was asked before is cancelled with the rest; what is
                // asked from now on is for the next run.
                self.update(|conversation, _| {
                    conversation.events.clear();
                    conversation.end_all(&StopReason::Cancelled { reason });
                });
                uncancelled::until(&self.ctx, |workflow| workflow.conversation.previews.are_all_over()).await;
            }
        }
        self.ctx.state_mut(|workflow| workflow.is_draining = true);
        exit
    }

    /// Takes in what runs already: a run before this one may have been
    /// terminated, and previews are started by hand, too.
    async fn adopt_open_previews(&self) {
        let suspects = self.ctx.state(|workflow| workflow.conversation.previews.open_runs());
        let suspects = suspects.into_iter().map(|run| run.preview).collect();
        self.find_previews(suspects).await;
    }

    /// Finds the pull request's previews that are open, and takes in what is true of them.
    /// Says which of the suspects are not open.
    pub(super) async fn find_previews(&self, suspects: Vec<PreviewId>) -> Vec<PreviewId> {
        let known_runs: BTreeMap<_, _> = suspects
            .iter()
            .map(|preview| (preview.clone(), self.known_run(preview)))
            .collect();
        let input = FindPreviews {
            pull_request: self.pull_request(),
            repository_id: self.ctx.state(|workflow| workflow.conversation.repository_id),
            suspects,
        };
        let found = self
            .ctx
            .execute_activity(PullRequestActivities::find_previews, input, timeouts::finding())
            .await;
        self.looked_at.set(clock::now(&self.ctx));
        // It is tried for as long as it takes, so an error is one that nobody
        // foresaw. Then only what is known counts.
        let Ok(FoundPreviews { open, closed }) = found else {
            return Vec::new();
        };
        self.update(|conversation, _| {
            for ClosedPreview { preview, ending } in &closed {
                let known_run = known_runs.get(preview).and_then(Option::as_ref);
                conversation.no_run_is_open(preview, known_run, ending);
            }
            open.into_iter().for_each(|report| conversation.apply_found(report));
        });
        closed.into_iter().map(|it| it.preview).collect()
    }

    fn known_run(&self, preview: &PreviewId) -> Option<String> {
        self.ctx
            .state(|workflow| workflow.conversation.previews.report_of(preview)?.run_id.clone())
    }

    async fn next_event(&self) -> Result<DueEvent, Exit> {
        loop {
            let cancellation = self.ctx.cancellation_token();
            if cancellation.is_cancelled() {
                let reason = cancellation.reason().filter(|reason| !reason.is_empty());
                return Err(Exit::Cancelled { reason });
            }
            let now = clock::now(&self.ctx);
            let event = self.ctx.state_mut(|workflow| {
                workflow.conversation.discard_events(now);
                workflow.conversation.events.pop_due(now)
            });
            self.show_what_is_waited_for();
            self.show_repository();
            if let Some(event) = event {
                return Ok(event);
            }
            if self.ctx.continue_as_new_suggested() {
                return Err(Exit::Continued);
            }
            self.look_up();
            if self.wait_for_an_event(now).await {
                return Err(Exit::Finished);
            }
        }
    }

    /// True when nothing has happened for so long that nothing can come again, and nothing is left to do.
    async fn wait_for_an_event(&self, now: Timestamp) -> bool {
        let deadline = self.ctx.state(|workflow| workflow.conversation.events.next_deadline(now));
        let timer = WorkflowCancellationToken::new();
        let pause = deadline.map(|deadline| now.duration_until(deadline).unsigned_abs());
        select! {
            _ = self.ctx.wait_condition(|workflow| {
                let events = &workflow.conversation.events;
                events.wants_a_lookup()
                    // A `stop` by somebody who is being looked up already is obeyed in time all the same.
                    || events.next_deadline(now) != deadline
                    // Reports make the history long, too.
                    || self.ctx.continue_as_new_suggested()
            }) => timer.cancel(),
            (lookup, snapshot) = self.lookups.next_done() => {
                timer.cancel();
                self.update(|conversation, now| conversation.events.finish_lookup(lookup.number, snapshot.as_ref(), now));
            }
            slept = self.ctx.timer(timeouts::until_forgotten(pause, &timer)) => {
                let is_forgotten = deadline.is_none() && matches!(slept, TimerResult::Fired);
                return is_forgotten && self.ctx.state(|workflow| workflow.conversation.previews.are_all_over());
            }
        }
        false
    }

    /// Begins the lookups that are wanted, and ends those that nobody waits for any more.
    fn look_up(&self) {
        self.keep_lookups(|number| self.ctx.state(|it| it.conversation.events.awaits(number)));
        while let Some(Lookup { number, person }) =
            self.ctx.state_mut(|workflow| workflow.conversation.events.begin_lookup())
        {
            let input = FetchPullRequest { pull_request: self.pull_request(), person };
            let ctx = self.ctx.clone();
            let token = WorkflowCancellationToken::new();
            let options = timeouts::lookup(&token);
            self.lookups.begin(LookupUnderWay { number, token }, async move {
                let snapshot = ctx
                    .execute_activity(PullRequestActivities::fetch_pull_request, input, options)
                    .await;
                // It is tried for as long as it takes, unless the operators do not serve the repository.
                snapshot.ok()
            });
        }
    }

    /// Cancels the others.
    fn keep_lookups(&self, is_awaited: impl Fn(u64) -> bool) {
        self.lookups.retain(|lookup| {
            let is_kept = is_awaited(lookup.number);
            if !is_kept {
                lookup.token.cancel();
            }
            is_kept
        });
    }

    fn knows_of_a_live_preview(&self) -> bool {
        self.ctx
            .state(|workflow| workflow.conversation.previews.alive().next().is_some())
    }

    async fn process(&self, event: DueEvent) {
        // What was started by hand is ended, too, although it may not have reported yet.
        if event.ends_previews() && !self.knows_of_a_live_preview() {
            self.find_previews(Vec::new()).await;
        }
        let effects = match event {
            DueEvent::Commented(comment, snapshot) => return self.answer(comment, &snapshot).await,
            DueEvent::UncheckedStop(comment) => {
                let effects = self
                    .ctx
                    .state(|workflow| decide_unchecked_stop(&comment, &workflow.conversation));
                let answers = self.apply_all(effects, &comment).await;
                return self.reply(comment, answers);
            }
            DueEvent::Pushed(push, snapshot) => {
                let pull_request = self.pull_request();
                self.ctx
                    .state(|workflow| decide_push(&push, &pull_request, &snapshot, &workflow.conversation))
            }
            DueEvent::Closed(close, snapshot) => decide_close(&close, snapshot.as_deref()),
        };
        for effect in effects {
            self.apply(effect).await;
        }
    }

    /// Carries out a comment's commands, in their order, and has the author
    /// told what the sticky comment does not say.
    async fn answer(&self, comment: Commented, snapshot: &PullRequestSnapshot) {
        let mut answers = Vec::new();
        for command in &comment.commands {
            let pull_request = self.pull_request();
            let asked = Asked {
                pull_request: &pull_request,
                comment: comment.comment,
                by: &comment.author,
                origin: &comment.origin,
                snapshot,
            };
            let effects = self
                .ctx
                .state(|workflow| decide(command.as_ref(), &asked, &workflow.conversation));
            for answer in self.apply_all(effects, &comment).await {
                if !answers.contains(&answer) {
                    answers.push(answer);
                }
            }
        }
        self.reply(comment, answers);
    }

    /// Carries out effects. Returns what the author of the comment is to be told.
    async fn apply_all(&self, effects: Vec<Effect>, comment: &Commented) -> Vec<Answer> {
        let mut answers = Vec::new();
        for effect in effects {
            let Some(answer) = self.apply(effect).await else {
                continue;
            };
            let should_tell =
                self.update(|conversation, now| conversation.should_tell(&answer, &comment.author, now));
            if should_tell {
                answers.push(answer);
            }
        }
        answers
    }

    fn reply(&self, comment: Commented, answers: Vec<Answer>) {
        let pull_request = self.pull_request();
        self.update(|conversation, _| {
            conversation.reply(pull_request, comment, answers);
        });
    }

    /// Waits for a write to GitHub, and says meanwhile what is waited for. `None` if the next run goes on
    /// with what is to be written.
    pub(super) async fn write<Written, Error>(
        &self,
        what: &'static str,
        write: impl Future<Output = Result<Written, Error>>,
    ) -> Option<Result<Written, Error>> {
        self.waits.borrow_mut().insert(what, clock::now(&self.ctx));
        self.show_what_is_waited_for();
        let written = write.await;
        self.waits.borrow_mut().remove(what);
        self.show_what_is_waited_for();
        (written.is_ok() || !self.writes.is_cancelled()).then_some(written)
    }

    /// A workflow that was started by a preview's report learns the repository's number from the first
    /// event, and must be found by it once the repository is called something else.
    fn show_repository(&self) {
        let known = self.ctx.state(|workflow| workflow.conversation.repository_id);
        if known.is_some() && self.shown_repository.replace(known).is_none() {
            self.ctx.upsert_search_attributes(of_pull_request(&self.named, known));
        }
    }

    /// In Temporal's UI. While GitHub does not answer, nothing can be said on the pull request.
    fn show_what_is_waited_for(&self) {
        let events = self.ctx.state(|workflow| workflow.conversation.events.waiting());
        let events = events.map(|(count, since)| {
            format!("to look up {count} of the pull request's events (since {since:.0})")
        });
        let waits = self.waits.borrow();
        let writes = waits.iter().map(|(what, since)| format!("{what} (since {since:.0})"));
        let waits: Vec<_> = events.into_iter().chain(writes).collect();
        let details = if waits.is_empty() {
            String::new()
        } else {
            format!("Waiting for GitHub {}.", waits.join(", "))
        };
        self.ctx.set_current_details(details);
    }

    /// How anything is written to GitHub: on the paced queue.
    pub(super) fn github_write(&self) -> ActivityOptions {
        timeouts::github_write(
            github_task_queue(self.ctx.task_queue()),
            self.pull_request().installation,
            &self.writes,
        )
    }

    /// How something is written that is only worth its place in the queue while the queue is short.
    pub(super) fn github_write_unless_late(&self) -> ActivityOptions {
        let mut options = self.github_write();
        options.schedule_to_start_timeout = Some(timeouts::LATE);
        options
    }
}
