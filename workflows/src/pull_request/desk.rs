//! The work on a pull request: each thing that can be asked of us there, one method.

use jiff::Timestamp;
use temporalio_workflow::{
    TimerResult, WorkflowCancellationToken, WorkflowContext, common::error::WorkflowSignalError,
    select,
};

use super::{
    Closed, Commented, PullRequestWorkflow,
    children::Children,
    commands::{Asked, Decision, decide, follow_push},
    inbox::Message,
    patience,
};
use crate::{
    PreviewWorkflow,
    activities::{Answer, Look, PullRequestActivities, Reply, Sight, StopReason},
    clock,
    search_attributes::{PULL_REQUEST, REPOSITORY},
    uncancelled,
    vocabulary::{Command, CommentId, Login, Misunderstood, PreviewId, PullRequestRef, Ttl},
};

/// Where a pull request is attended to.
pub(super) struct Desk {
    pub(super) ctx: WorkflowContext<PullRequestWorkflow>,
    pub(super) pull_request: PullRequestRef,
    pub(super) children: Children,
}

/// Why nobody attends to the pull request any more.
pub(super) enum Rest {
    /// Nothing is left to do, or to remember.
    Finished,
    /// The history is long: another run goes on.
    Continued,
    /// Somebody cancelled the workflow, and all previews are gone.
    Cancelled { reason: Option<String> },
}

impl Desk {
    pub(super) fn new(
        ctx: &WorkflowContext<PullRequestWorkflow>,
        pull_request: PullRequestRef,
    ) -> Self {
        ctx.upsert_search_attributes([
            REPOSITORY.value_set(pull_request.repository.to_string()),
            PULL_REQUEST.value_set(i64::from(pull_request.number)),
        ]);
        Self {
            ctx: ctx.clone(),
            pull_request,
            children: Children::default(),
        }
    }

    /// Attends to one thing after the other, in the order in which they happened.
    pub(super) async fn attend(&self) -> Rest {
        let rest = loop {
            match self.next().await {
                Ok(Message::Commented(asked)) => self.answer(asked).await,
                Ok(Message::Pushed(_)) => self.follow_the_push().await,
                Ok(Message::Closed(Closed { merged })) => {
                    self.end_all(StopReason::PullRequestClosed { merged }).await;
                }
                Err(rest) => break rest,
            }
        };
        if let Rest::Cancelled { reason } = &rest {
            let reason = reason.clone();
            // What was asked before is cancelled with the rest; what is asked from now on is for the next run.
            self.ctx.state_mut(|workflow| workflow.memory.inbox.clear());
            self.end_all(StopReason::Cancelled { reason }).await;
            uncancelled::until(&self.ctx, |workflow| {
                workflow.memory.previews.are_all_over()
            })
            .await;
        }
        self.ctx.state_mut(|workflow| workflow.is_closing = true);
        rest
    }

    async fn next(&self) -> Result<Message, Rest> {
        loop {
            let cancellation = self.ctx.cancellation_token();
            if cancellation.is_cancelled() {
                let reason = cancellation.reason().filter(|reason| !reason.is_empty());
                return Err(Rest::Cancelled { reason });
            }
            if let Some(message) = self
                .ctx
                .state_mut(|workflow| workflow.memory.inbox.pop_front())
            {
                return Ok(message);
            }
            if self.ctx.continue_as_new_suggested() {
                return Err(Rest::Continued);
            }
            let timer = WorkflowCancellationToken::new();
            select! {
                _ = self.ctx.wait_condition(|workflow| !workflow.memory.inbox.is_empty()) => timer.cancel(),
                slept = self.ctx.timer(patience::until_forgotten(&timer)) => {
                    let all_is_over = self.ctx.state(|workflow| workflow.memory.previews.are_all_over());
                    if matches!(slept, TimerResult::Fired) && all_is_over {
                        return Err(Rest::Finished);
                    }
                }
            }
        }
    }

    /// Carries out a comment's commands, in their order, and has the author told what the pull request's one comment does not say.
    async fn answer(&self, asked: Commented) {
        let now = clock::now(&self.ctx);
        let is_deaf = self
            .ctx
            .state(|workflow| workflow.memory.is_deaf_to(&asked.author, now));
        if is_deaf {
            return;
        }
        let Some(sight) = self.look(&asked.author).await else {
            return;
        };
        let mut answers = Vec::new();
        for command in &asked.commands {
            let decision = self.decide(command.as_ref(), &asked, &sight);
            if decision == Decision::TurnAway {
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
        if !answers.is_empty() {
            self.reply(asked.comment, asked.author, answers);
        }
    }

    fn decide(
        &self,
        command: Result<&Command, &Misunderstood>,
        asked: &Commented,
        sight: &Sight,
    ) -> Decision {
        let asked = Asked {
            pull_request: &self.pull_request,
            comment: asked.comment,
            by: &asked.author,
            sight,
        };
        self.ctx
            .state(|workflow| decide(command, &asked, &workflow.memory))
    }

    /// Renews the preview for a new commit, where the repository wants that, in the name of the person who asked for the one that is alive.
    async fn follow_the_push(&self) {
        let asked_before = self.ctx.state(|workflow| {
            let newest = workflow.memory.previews.alive().next()?;
            Some(newest.requested_by.clone())
        });
        let Some(by) = asked_before else { return };
        let Some(sight) = self.look(&by).await else {
            return;
        };
        let decision = self.ctx.state(|workflow| {
            let asked = Asked {
                pull_request: &self.pull_request,
                comment: workflow.memory.newest_comment(),
                by: &by,
                sight: &sight,
            };
            follow_push(&asked, &workflow.memory)
        });
        self.carry_out(decision).await;
    }

    /// What GitHub shows now; nothing if it does not show the pull request any more.
    async fn look(&self, person: &Login) -> Option<Sight> {
        let input = Look {
            pull_request: self.pull_request.clone(),
            person: person.clone(),
        };
        // Not visible, or GitHub was away for so long that nobody waits for an answer: the failed activity stays in the history.
        self.ctx
            .execute_activity(
                PullRequestActivities::look_at_pull_request,
                input,
                patience::look(),
            )
            .await
            .ok()
    }

    async fn carry_out(&self, decision: Decision) -> Option<Answer> {
        match decision {
            Decision::Nothing | Decision::TurnAway => {}
            Decision::Answer(answer) => return Some(answer),
            Decision::Start(request) => self.start(request).await,
            Decision::Queue(request) => self.ctx.state_mut(|workflow| {
                workflow.memory.previews.queue(request);
                workflow.memory.note_progress();
            }),
            Decision::Extend {
                preview,
                run_id,
                by,
            } => self.extend(&preview, run_id, by).await,
            Decision::Stop { previews, because } => {
                self.ctx
                    .state_mut(|workflow| workflow.memory.previews.clear_queue());
                for (preview, run_id) in previews {
                    self.stop(&preview, run_id, because.clone()).await;
                }
            }
        }
        None
    }

    async fn extend(&self, preview: &PreviewId, run_id: String, by: Ttl) {
        let before = self
            .ctx
            .state(|workflow| workflow.memory.previews.expires_at(preview));
        let handle = self
            .ctx
            .external_workflow(preview.to_string(), Some(run_id));
        // If it has ended meanwhile, it says so itself.
        let _ = handle
            .signal(PreviewWorkflow::extend_ttl, by.into(), patience::signal())
            .await;
        self.wait_for_the_new_end(preview, before).await;
    }

    /// So that a `status` after an `extend` in the same comment tells the new end. Only briefly: the preview may not be ready yet.
    async fn wait_for_the_new_end(&self, preview: &PreviewId, before: Option<Timestamp>) {
        let timer = WorkflowCancellationToken::new();
        select! {
            _ = self.ctx.wait_condition(|workflow| workflow.memory.previews.expires_at(preview) != before) => timer.cancel(),
            _ = self.ctx.timer(patience::until_reported(&timer)) => {}
        }
    }

    /// Ends whatever is alive, and whatever waits to be started.
    async fn end_all(&self, because: StopReason) {
        let previews = self.ctx.state(|workflow| {
            let alive = workflow.memory.previews.alive();
            alive
                .filter_map(|report| Some((report.preview.clone(), report.run_id.clone()?)))
                .collect()
        });
        self.carry_out(Decision::Stop { previews, because }).await;
    }

    /// Tells a preview to end.
    pub(super) async fn stop(&self, preview: &PreviewId, run_id: String, because: StopReason) {
        let handle = self
            .ctx
            .external_workflow(preview.to_string(), Some(run_id.clone()));
        let told = handle
            .signal(
                PreviewWorkflow::stop,
                because.clone().into(),
                patience::signal(),
            )
            .await;
        self.ctx.state_mut(|workflow| match told {
            // Closed, and nobody has told us how: somebody has terminated it.
            Err(WorkflowSignalError::NotFound(_)) => workflow.memory.closed(preview, &run_id),
            _ => workflow.memory.previews.told_to_end(preview, because),
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
        let reply = Reply {
            pull_request: self.pull_request.clone(),
            comment_id,
            to,
            answers,
            sticky: None,
        };
        self.ctx
            .state_mut(|workflow| workflow.memory.replies.push_back(reply));
    }
}
