//! Keeps the pull request's one comment true.
//!
//! One writer, beside everything else and in nobody's way. It only says *that* there is something to say: what is said is read from this workflow
//! at the moment of writing, so a comment that waited for its turn is not out of date when it is written.

use super::session::Session;
use crate::{
    activities::{CommentActivities, WriteSticky},
    uncancelled,
};

impl Session {
    /// Returns when the session is over and the comment says everything, or when GitHub would not have it.
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
                pull_request: self.pull_request(),
                comment,
            };
            let options = if is_progress {
                self.paced_unless_late()
            } else {
                self.paced()
            };
            let write = self
                .ctx
                .execute_activity(CommentActivities::write_sticky, input, options);
            let written = self.waiting_for("to write its comment", write).await;
            if written.is_err() && self.is_handed_over() {
                return;
            }
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
}
