//! Who keeps the one comment true?
//!
//! One writer, beside everything else and in nobody's way. It only says *that* there is something to say: what is said is read from this workflow
//! at the moment of writing, so a comment that waited for its turn is not out of date when it is written.

use temporalio_workflow::ActivityOptions;

use super::{desk::Desk, patience};
use crate::{
    activities::{CommentActivities, WriteSticky, github_task_queue},
    uncancelled,
};

impl Desk {
    /// Returns when the desk is closed and the comment says everything, or when GitHub would not have it.
    pub(super) async fn keep_the_comment_true(&self) {
        while self.there_is_more_to_say().await {
            let (comment, revision, is_progress) = self.ctx.state(|workflow| {
                let memory = &workflow.memory;
                (
                    memory.sticky(),
                    memory.revision(),
                    memory.has_only_progress_to_tell(),
                )
            });
            let input = WriteSticky {
                pull_request: self.pull_request.clone(),
                comment,
            };
            let options = if is_progress {
                self.paced_unless_late()
            } else {
                self.paced()
            };
            let written = self
                .ctx
                .execute_activity(CommentActivities::write_sticky, input, options)
                .await;
            self.ctx.state_mut(|workflow| match &written {
                Ok(written) => workflow.memory.note_written(written),
                // Late progress, or something that GitHub would not have: the failed activity stays in the history for the operator.
                Err(_) => workflow.memory.leave_unsaid(revision),
            });
        }
    }

    async fn there_is_more_to_say(&self) -> bool {
        uncancelled::until(&self.ctx, |workflow| {
            workflow.memory.has_more_to_say() || workflow.is_closing
        })
        .await;
        self.ctx.state(|workflow| workflow.memory.has_more_to_say())
    }

    /// How anything is written to GitHub.
    pub(super) fn paced(&self) -> ActivityOptions {
        patience::github_write(
            github_task_queue(self.ctx.task_queue()),
            self.pull_request.installation,
        )
    }

    /// How something is written that is only worth its place in the queue while the queue is short.
    fn paced_unless_late(&self) -> ActivityOptions {
        let mut options = self.paced();
        options.schedule_to_start_timeout = Some(patience::LATE);
        options
    }
}
