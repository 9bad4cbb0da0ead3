//! What is done on a pull request without anybody asking: starting what waited, leading the address, removing what is superseded.

use temporalio_workflow::{
    ChildWorkflowOptions, ParentClosePolicy, StartChildWorkflowExecutionFailedCause,
    WorkflowCancellationToken, WorkflowIdReusePolicy, common::error::ChildWorkflowStartError,
    select,
};

use super::{desk::Desk, patience, previews::Chore};
use crate::{
    PreviewWorkflow,
    activities::{
        Explanation, LeadAddress, PreviewReport, PullRequestActivities, ReportedState, RunIdentity,
        StopReason,
    },
    uncancelled,
    vocabulary::{PreviewId, PreviewRequest},
};

/// How often a start is tried while the predecessor of the same name is about to close.
const STARTS_MAX: u32 = 10;

impl Desk {
    /// Does what follows from the previews' reports, until the desk is closed and nothing is left.
    pub(super) async fn keep_house(&self) {
        loop {
            select! {
                _ = uncancelled::until(&self.ctx, |workflow| workflow.memory.previews.has_chores() || workflow.is_closing) => {
                    match self.next_chore() {
                        Some(chore) => self.do_chore(chore).await,
                        None => return,
                    }
                }
                run = self.children.next_closed() => self.ctx.state_mut(|workflow| {
                    workflow.memory.closed(&run.preview, &run.run_id);
                }),
            }
        }
    }

    fn next_chore(&self) -> Option<Chore> {
        self.ctx.state_mut(|workflow| {
            let previews = &mut workflow.memory.previews;
            previews.take_successor().or_else(|| previews.next_chore())
        })
    }

    async fn do_chore(&self, chore: Chore) {
        match chore {
            Chore::StartSuccessor { request } => self.start(request).await,
            Chore::LeadAddress { preview, run_id } => self.lead_address_to(preview, run_id).await,
            Chore::Supersede {
                preview,
                run_id,
                by,
            } => {
                self.stop(&preview, run_id, StopReason::Superseded { by })
                    .await;
            }
        }
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

    /// Starts a preview as a run of its own, which outlives this one.
    pub(super) async fn start(&self, request: PreviewRequest) {
        let preview = request.preview.clone();
        self.ctx.state_mut(|workflow| {
            workflow.memory.previews.request(&request);
            workflow.memory.deployments.begin(&request);
            workflow.memory.note_progress();
        });
        for _ in 0..STARTS_MAX {
            let started = self
                .ctx
                .start_child_workflow(
                    PreviewWorkflow::run,
                    request.clone(),
                    how_to_start(&request),
                )
                .await;
            match started {
                Ok(child) => {
                    let run_id = child.run_id.clone();
                    self.children.watch(preview.clone(), child);
                    self.ctx
                        .state_mut(|workflow| workflow.memory.previews.started(&preview, &run_id));
                    return;
                }
                // Its predecessor has said its last word and closes in a moment; or somebody has started it by hand, and it reports itself.
                Err(ChildWorkflowStartError::StartFailed {
                    cause: StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists,
                    ..
                }) => {
                    self.ctx.timer(patience::until_closed()).await;
                    if self.runs_already(&preview) {
                        return;
                    }
                }
                Err(error) => return self.could_not_start(&request, &error.to_string()),
            }
        }
        self.could_not_start(
            &request,
            "a workflow of that name is open, and does not report",
        );
    }

    fn runs_already(&self, preview: &PreviewId) -> bool {
        self.ctx
            .state(|workflow| workflow.memory.previews.has_reported(preview))
    }

    fn could_not_start(&self, request: &PreviewRequest, reason: &str) {
        let report = PreviewReport {
            preview: request.preview.clone(),
            run_id: None,
            revision: 1,
            requested_by: request.requested_by.clone(),
            state: ReportedState::Failed {
                explanation: Explanation {
                    summary: format!("Temporal did not start the preview's workflow: {reason}."),
                    log_tail: None,
                },
            },
        };
        self.ctx.state_mut(|workflow| workflow.memory.learn(report));
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
