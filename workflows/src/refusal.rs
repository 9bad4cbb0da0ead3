//! How is a person told, once, why nothing was started?

use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    WorkflowContext, WorkflowContextView, WorkflowResult, common::error::ApplicationFailure,
};

use crate::{
    activities::{CommentActivities, Notice, github_task_queue},
    payload::Lenient,
    preview::github_write,
};

/// Posts one notice through the paced queue. Its workflow ID names person and pull request, so that nobody is told twice.
#[workflow]
pub struct RefusalNotice {
    notice: Result<Notice, String>,
}

#[workflow_methods]
impl RefusalNotice {
    /// Takes anything, so that a wrong input is a failed run that says why.
    #[init]
    pub fn new(_view: &WorkflowContextView, notice: Lenient<Notice>) -> Self {
        Self {
            notice: notice.into_inner(),
        }
    }

    /// Posts the notice.
    #[run(name = "RefusalNotice")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let notice = ctx
            .state(|workflow| workflow.notice.clone())
            .map_err(ApplicationFailure::non_retryable)?;
        let options = github_write(github_task_queue(ctx.task_queue()));
        ctx.execute_activity(CommentActivities::post_notice, notice, options)
            .await?;
        Ok(())
    }
}
