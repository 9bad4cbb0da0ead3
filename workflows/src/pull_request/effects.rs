//! Carries out effects: changes what is remembered, starts and signals previews, points the stable URL.

use std::{future::pending, time::Duration};

use domain::{
    Explanation, PreviewId, RunIdentity, Ttl,
    preview::{PreviewRequest, Probe, StopReason},
    pull_request::{Answer, Availability, Conversation, Effect},
};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use temporalio_workflow::{
    ChildWorkflowOptions, ParentClosePolicy, StartChildWorkflowExecutionFailedCause,
    WorkflowCancellationToken, WorkflowIdReusePolicy,
    common::error::{ChildWorkflowStartError, WorkflowSignalError},
    select,
};

use super::{session::Session, timeouts};
use crate::{
    PreviewWorkflow, clock,
    contract::{PointStableUrl, PullRequestActivities},
    uncancelled,
};

/// Why a run is cancelled that should be told to stop.
const TAKES_NO_SIGNALS: &str = "it was to stop, and takes no more signals";

impl Session {
    /// Brings every preview to where it should be, one effect after the other, until the
    /// session is over and nothing is left to do.
    pub(super) async fn reconcile_previews(&self) {
        loop {
            let effect = self.ctx.state_mut(|workflow| workflow.conversation.reconcile());
            if let Some(effect) = effect {
                // Nobody has asked for it just now, so nobody is answered.
                let _ = self.apply(effect).await;
            } else if self.ctx.state(|workflow| workflow.is_draining) {
                return;
            } else {
                self.wait_for_an_effect().await;
            }
        }
    }

    async fn wait_for_an_effect(&self) {
        let open = self.ctx.state(|workflow| workflow.conversation.previews.open_runs());
        let unwatched = self.unwatched(&open);
        let next = self.next_look(!unwatched.is_empty());
        let timer = WorkflowCancellationToken::new();
        let pause = async {
            match &next {
                Some((pause, look)) => {
                    let options = timeouts::until_looked_after(*pause, look.in_words(), &timer);
                    let _ = self.ctx.timer(options).await;
                }
                None => pending().await,
            }
        };
        let mut pause = std::pin::pin!(pause.fuse());
        let (mut closed, mut is_paused) = (None, false);
        select! {
            _ = uncancelled::until(&self.ctx, |workflow| {
                let conversation = &workflow.conversation;
                !conversation.is_reconciled()
                    || workflow.is_draining
                    || conversation.previews.open_runs() != open
            }) => {}
            (run, ()) = self.children.next_done() => closed = Some(run),
            _ = pause => is_paused = true,
        }
        timer.cancel();
        if let Some(run) = closed {
            return self.look_after(run).await;
        }
        match next.filter(|_| is_paused) {
            Some((_, Look::RetryStarts)) => {
                self.ctx.state_mut(|workflow| workflow.conversation.previews.retry_starts());
            }
            Some((_, Look::RetryStableUrl)) => {
                self.ctx.state_mut(|workflow| workflow.conversation.previews.retry_stable_url());
            }
            Some((_, Look::FindPreviews)) => drop(self.find_previews(unwatched).await),
            None => {}
        }
    }

    /// What comes first of all that is to be done though nothing has happened, and how soon.
    fn next_look(&self, has_unwatched: bool) -> Option<(Duration, Look)> {
        let now = clock::now(&self.ctx);
        let (is_a_start_waiting, next_try) = self.ctx.state(|workflow| {
            let previews = &workflow.conversation.previews;
            (previews.has_a_waiting_start(), previews.next_stable_url_try())
        });
        let until = |moment| now.duration_until(moment).max(SignedDuration::ZERO).unsigned_abs();
        let since_looked = self.looked_at.get().duration_until(now).unsigned_abs();
        let until_looked = timeouts::LOOKED_FOR_EVERY.saturating_sub(since_looked);
        let looks = [
            is_a_start_waiting.then_some((timeouts::CLOSING, Look::RetryStarts)),
            next_try.map(|moment| (until(moment), Look::RetryStableUrl)),
            has_unwatched.then_some((until_looked, Look::FindPreviews)),
        ];
        looks.into_iter().flatten().min_by_key(|(pause, _)| *pause)
    }

    /// A run is closed. Unless it has said how it ends, somebody has terminated it, or has reset it:
    /// then another run goes on.
    async fn look_after(&self, run: RunIdentity) {
        let is_open = |conversation: &Conversation| conversation.previews.open_runs().contains(&run);
        if self.ctx.state(|workflow| is_open(&workflow.conversation)) {
            self.find_previews(vec![run.preview.clone()]).await;
        }
    }

    /// Previews whose runs are open as far as is known, and whose ends nobody would tell us of: they were
    /// started by hand, by an earlier run of this workflow, or by a reset.
    fn unwatched(&self, open: &[RunIdentity]) -> Vec<PreviewId> {
        let unwatched = open.iter().filter(|run| !self.children.any(|child| child == *run));
        unwatched.map(|run| run.preview.clone()).collect()
    }

    /// Carries out what was decided. Returns what the person who asked is to be told, if anything.
    pub(super) async fn apply(&self, effect: Effect) -> Option<Answer> {
        match effect {
            Effect::Answer(answer) => return Some(answer),
            Effect::DenySilently { person } => self.update(|it, now| it.deny_silently(&person, now)),
            Effect::Request(request) => self.update(|it, _| it.request(*request)),
            Effect::Queue(request) => self.update(|it, _| it.queue(*request)),
            Effect::AskedAgain { preview, comment } => {
                self.update(|it, _| it.previews.asked_again(&preview, comment));
            }
            Effect::Extend { preview, by } => return self.extend(&preview, by).await,
            Effect::Stop(stop) => self.update(|it, _| it.stop(&stop)),
            Effect::Close { at, merged } => self.update(|it, _| it.close(at, merged)),
            Effect::StartRun(request) => self.start_run(*request).await,
            Effect::FindRun(preview) => self.find_run(preview).await,
            Effect::SignalStop { preview, run_id, because } => {
                self.signal_stop(&preview, run_id, because).await;
            }
            Effect::SignalExtend { preview, run_id, by } => self.signal_extend(&preview, run_id, by).await,
            Effect::PointStableUrl { to, probe } => self.point_stable_url(to, probe).await,
        }
        None
    }

    /// Changes what is remembered.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Conversation, Timestamp) -> T) -> T {
        let now = clock::now(&self.ctx);
        self.ctx.state_mut(|workflow| change(&mut workflow.conversation, now))
    }

    /// A preview that is ready reports its new end at once, so that a `status` after
    /// an `extend` in the same comment tells it.
    async fn extend(&self, preview: &PreviewId, by: Ttl) -> Option<Answer> {
        let before = self.update(|conversation, _| {
            conversation.previews.extend(preview, by);
            conversation.previews.expires_at(preview)
        });
        before?;
        let timer = WorkflowCancellationToken::new();
        select! {
            _ = self.ctx.wait_condition(|workflow| workflow.conversation.previews.expires_at(preview) != before) => timer.cancel(),
            _ = self.ctx.timer(timeouts::until_reported(&timer)) => {}
        }
        let availability = self.ctx.state(|workflow| workflow.conversation.previews.availability(preview));
        let has_ended = matches!(availability, Availability::None | Availability::Ending);
        has_ended.then_some(Answer::NothingToExtend)
    }

    /// Starts a preview as a run of its own, which outlives this one.
    async fn start_run(&self, request: PreviewRequest) {
        let preview = request.preview.clone();
        let options = how_to_start(&request);
        let started = self
            .ctx
            .start_child_workflow(PreviewWorkflow::run, request.clone(), options)
            .await;
        match started {
            Ok(child) => {
                let run_id = child.run_id.clone();
                let run = RunIdentity { preview: preview.clone(), run_id: run_id.clone() };
                // How it ends is of no interest: it says so itself, as long as it can.
                self.children.begin(run, child.result().map(drop));
                self.ctx
                    .state_mut(|workflow| workflow.conversation.previews.run_started(&request, &run_id));
            }
            Err(ChildWorkflowStartError::StartFailed {
                cause: StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists,
                ..
            }) => self
                .ctx
                .state_mut(|workflow| workflow.conversation.previews.start_refused(&preview)),
            Err(error) => self.ctx.state_mut(|workflow| {
                let explanation = Explanation {
                    summary: format!("Temporal did not start the preview's workflow: {error}."),
                    log_tail: None,
                };
                workflow.conversation.could_not_start(&preview, explanation);
            }),
        }
    }

    /// Another run has the preview's name: its predecessor, which closes in a moment, or one that was started
    /// by hand or is forgotten, and is taken in.
    async fn find_run(&self, preview: PreviewId) {
        let closed = self.find_previews(vec![preview.clone()]).await;
        self.ctx.state_mut(|workflow| {
            let previews = &mut workflow.conversation.previews;
            if closed.contains(&preview) {
                previews.name_is_free(&preview);
            } else {
                previews.start_refused(&preview);
            }
        });
    }

    async fn signal_stop(&self, preview: &PreviewId, run_id: String, because: StopReason) {
        let handle = self.ctx.external_workflow(preview.to_string(), Some(run_id.clone()));
        let told = handle.signal(PreviewWorkflow::stop, because.into(), timeouts::signal()).await;
        if let Err(WorkflowSignalError::NotFound(_)) = told {
            self.look_after(RunIdentity { preview: preview.clone(), run_id }).await;
            return;
        }
        if told.is_err() {
            // A run takes 10,000 signals and no more, but can be cancelled all the same. If it is closed by
            // now, that is noticed where its end is.
            let _ = handle.cancel(Some(TAKES_NO_SIGNALS.to_owned())).await;
        }
        self.ctx
            .state_mut(|workflow| workflow.conversation.previews.end_delivered(preview, &run_id));
    }

    async fn signal_extend(&self, preview: &PreviewId, run_id: String, by: Ttl) {
        let handle = self.ctx.external_workflow(preview.to_string(), Some(run_id));
        // If it has ended meanwhile, it says so itself.
        let _ = handle.signal(PreviewWorkflow::extend_ttl, by.into(), timeouts::signal()).await;
        self.ctx
            .state_mut(|workflow| workflow.conversation.previews.extension_delivered(preview));
    }

    async fn point_stable_url(&self, to: RunIdentity, probe: Probe) {
        let input = PointStableUrl {
            to: to.clone(),
            probe,
            decided_at: Some(clock::now(&self.ctx)),
        };
        let answering = self
            .ctx
            .execute_activity(PullRequestActivities::point_stable_url, input, timeouts::stable_url())
            .await
            .ok();
        self.update(|conversation, now| {
            conversation.stable_url_settled(&to, answering, now);
        });
    }
}

/// What is to be done after a pause, though nothing has happened.
#[derive(Clone, Copy)]
enum Look {
    RetryStarts,
    RetryStableUrl,
    FindPreviews,
}

impl Look {
    /// What is waited for, in Temporal's UI.
    fn in_words(self) -> &'static str {
        match self {
            Self::RetryStarts => "the run that has the preview's name is closed",
            Self::RetryStableUrl => "the stable URL is tried again",
            Self::FindPreviews => "it is looked whether the previews still run",
        }
    }
}

fn how_to_start(request: &PreviewRequest) -> ChildWorkflowOptions {
    let login = &request.requested_by;
    ChildWorkflowOptions::builder()
        .workflow_id(request.preview.to_string())
        .parent_close_policy(ParentClosePolicy::Abandon)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .cancellation_token(WorkflowCancellationToken::new())
        .static_summary(format!("{} {} for @{login}", request.pull_request(), request.preview.commit.short()))
        .static_details(format!("Asked for by @{login} in comment {}.", request.comment))
        .build()
}
