//! What follows from what is known of the previews: starting them, telling them to end, leading the pull request's address.

use std::future::pending;

use futures_util::FutureExt;
use temporalio_workflow::{
    ChildWorkflowOptions, ParentClosePolicy, StartChildWorkflowExecutionFailedCause,
    WorkflowCancellationToken, WorkflowIdReusePolicy,
    common::error::{ChildWorkflowStartError, WorkflowSignalError},
    select,
};

use super::{patience, previews::Action, session::Session};
use crate::{
    PreviewWorkflow,
    activities::{Explanation, LeadAddress, PullRequestActivities, RunIdentity, StopReason},
    uncancelled,
    vocabulary::{PreviewId, PreviewRequest, Ttl},
};

impl Session {
    /// Does one action after the other, until the session is over and none is left.
    pub(super) async fn reconcile(&self) {
        loop {
            let action = self
                .ctx
                .state(|workflow| workflow.memory.previews.next_action());
            if let Some(action) = action {
                self.apply(action).await;
            } else if self.ctx.state(|workflow| workflow.is_closing) {
                return;
            } else {
                self.wait_for_an_action().await;
            }
        }
    }

    async fn wait_for_an_action(&self) {
        let is_a_start_waiting = self
            .ctx
            .state(|workflow| workflow.memory.previews.have_a_waiting_start());
        let timer = WorkflowCancellationToken::new();
        let pause = async {
            if is_a_start_waiting {
                self.ctx.timer(patience::until_closed(&timer)).await;
            } else {
                pending::<()>().await;
            }
        };
        let mut pause = std::pin::pin!(pause.fuse());
        select! {
            _ = uncancelled::until(&self.ctx, |workflow| workflow.memory.previews.next_action().is_some() || workflow.is_closing) => {}
            run = self.children.next_closed() => self.ctx.state_mut(|workflow| {
                workflow.memory.closed(&run.preview, &run.run_id);
            }),
            _ = pause => self.ctx.state_mut(|workflow| workflow.memory.previews.try_starts_again()),
        }
        timer.cancel();
    }

    async fn apply(&self, action: Action) {
        match action {
            Action::Start { request } => self.start(*request).await,
            Action::LookForRun { preview } => self.look_for_run(preview).await,
            Action::Abandon { preview } => self
                .ctx
                .state_mut(|workflow| workflow.memory.abandon(&preview)),
            Action::StartSuccessor { preview } => self
                .ctx
                .state_mut(|workflow| workflow.memory.start_successor(&preview)),
            Action::End {
                preview,
                run_id,
                because,
            } => self.tell_to_end(&preview, run_id, because).await,
            Action::Extend {
                preview,
                run_id,
                by,
            } => self.tell_to_extend(&preview, run_id, by).await,
            Action::LeadAddress { preview, run_id } => self.lead_address_to(preview, run_id).await,
            Action::Supersede { preview, by } => self.ctx.state_mut(|workflow| {
                let because = StopReason::Superseded { by };
                workflow.memory.previews.end(&preview, because);
            }),
        }
    }

    /// Starts a preview as a run of its own, which outlives this one.
    async fn start(&self, request: PreviewRequest) {
        let preview = request.preview.clone();
        let options = how_to_start(&request);
        let started = self
            .ctx
            .start_child_workflow(PreviewWorkflow::run, request, options)
            .await;
        match started {
            Ok(child) => {
                let run_id = child.run_id.clone();
                self.children.watch(preview.clone(), child);
                self.ctx
                    .state_mut(|workflow| workflow.memory.previews.started(&preview, &run_id));
            }
            Err(ChildWorkflowStartError::StartFailed {
                cause: StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists,
                ..
            }) => self
                .ctx
                .state_mut(|workflow| workflow.memory.previews.start_refused(&preview)),
            Err(error) => self.ctx.state_mut(|workflow| {
                let explanation = Explanation {
                    summary: format!("Temporal did not start the preview's workflow: {error}."),
                    log_tail: None,
                };
                workflow.memory.could_not_start(&preview, explanation);
            }),
        }
    }

    /// Another run has the preview's name: its predecessor, which closes in a moment, or one that was started by hand or is forgotten, and is taken in.
    async fn look_for_run(&self, preview: PreviewId) {
        let closed = self.find_previews(vec![preview.clone()]).await;
        self.ctx.state_mut(|workflow| {
            let previews = &mut workflow.memory.previews;
            if closed.contains(&preview) {
                previews.name_is_free(&preview);
            } else {
                previews.start_refused(&preview);
            }
        });
    }

    async fn tell_to_end(&self, preview: &PreviewId, run_id: String, because: StopReason) {
        let handle = self
            .ctx
            .external_workflow(preview.to_string(), Some(run_id.clone()));
        let told = handle
            .signal(PreviewWorkflow::stop, because.into(), patience::signal())
            .await;
        self.ctx.state_mut(|workflow| match told {
            // Closed, and nobody has told us how: somebody has terminated it.
            Err(WorkflowSignalError::NotFound(_)) => workflow.memory.closed(preview, &run_id),
            _ => workflow.memory.previews.end_delivered(preview, &run_id),
        });
    }

    async fn tell_to_extend(&self, preview: &PreviewId, run_id: String, by: Ttl) {
        let handle = self
            .ctx
            .external_workflow(preview.to_string(), Some(run_id));
        // If it has ended meanwhile, it says so itself.
        let _ = handle
            .signal(PreviewWorkflow::extend_ttl, by.into(), patience::signal())
            .await;
        self.ctx
            .state_mut(|workflow| workflow.memory.previews.extension_delivered(preview));
    }

    async fn lead_address_to(&self, preview: PreviewId, run_id: String) {
        let input = LeadAddress {
            to: RunIdentity {
                preview: preview.clone(),
                run_id,
            },
        };
        let address = self
            .ctx
            .execute_activity(
                PullRequestActivities::lead_address,
                input,
                patience::address(),
            )
            .await
            .ok();
        self.ctx.state_mut(|workflow| {
            workflow.memory.previews.address_settled(&preview, address);
            workflow.memory.note_news();
        });
    }
}

fn how_to_start(request: &PreviewRequest) -> ChildWorkflowOptions {
    let login = &request.requested_by;
    ChildWorkflowOptions::builder()
        .workflow_id(request.preview.to_string())
        .parent_close_policy(ParentClosePolicy::Abandon)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .cancellation_token(WorkflowCancellationToken::new())
        .static_summary(format!(
            "{} {} for @{login}",
            request.pull_request(),
            request.preview.commit.short()
        ))
        .static_details(format!(
            "Asked for by @{login} in comment {}.",
            request.comment
        ))
        .build()
}
