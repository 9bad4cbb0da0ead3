//! Who keeps the comment true?
//!
//! One writer, beside the preview's life and never in its way: it writes the newest state, and when GitHub is slow it skips what has been
//! overtaken meanwhile. The final truth is never skipped.

use temporalio_workflow::{WaitConditionOptions, WorkflowCancellationToken};

use super::{patience, stages::Stages};
use crate::activities::{CommentActivities, PreviewReport, WriteComment, github_task_queue};

impl Stages {
    /// Returns when the comment says how the preview ended, or when GitHub would not have it.
    pub(super) async fn keep_the_comment_true(&self) {
        let mut comment = None;
        let mut written = 0;
        while !self
            .ctx
            .state(|workflow| workflow.life.said_everything_with(written))
        {
            let patient = WaitConditionOptions::builder()
                .cancellation_token(WorkflowCancellationToken::new())
                .build();
            // Never cancelled: its token is nobody's child.
            let _ = self
                .ctx
                .wait_condition_with_options(
                    |workflow| workflow.life.has_more_to_say_than(written),
                    patient,
                )
                .await;

            let (state, revision) = self.ctx.state(|workflow| workflow.life.current_report());
            let input = WriteComment {
                pull_request: self.request.pull_request(),
                comment,
                report: PreviewReport {
                    preview: self.request.preview.clone(),
                    run_id: self.ctx.run_id().to_owned(),
                    requested_by: self.request.requested_by.clone(),
                    state,
                },
            };
            let options = patience::github_write(github_task_queue(self.ctx.task_queue()));
            // A comment that GitHub refuses for good (repository gone, permission withdrawn) must not keep a preview alive or a teardown waiting;
            // the failed activity stays in the history for the operator.
            if let Ok(id) = self
                .ctx
                .execute_activity(CommentActivities::write_comment, input, options)
                .await
            {
                comment = Some(id);
            }
            written = revision;
        }
    }
}
