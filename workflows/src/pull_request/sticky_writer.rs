//! Keeps the sticky comment up to date.
//!
//! One writer, beside everything else and in nobody's way. The activity is only told *that* there is
//! something to write: it asks this workflow (query `comment`) at the moment of writing, so a comment that
//! waited for its turn is not out of date when it is written.

use super::session::Session;
use crate::{
    contract::{CommentActivities, WriteSticky},
    uncancelled,
};

impl Session {
    /// Returns when the session is over and the comment says everything, or when GitHub refuses it.
    pub(super) async fn write_sticky_comment(&self) {
        while self.has_more_to_write().await {
            let (comment, revision, is_progress) = self.ctx.state(|workflow| {
                let conversation = &workflow.conversation;
                (conversation.sticky(), conversation.revision(), conversation.has_only_progress_to_write())
            });
            let input = WriteSticky { pull_request: self.pull_request(), comment };
            let options = if is_progress {
                self.github_write_unless_late()
            } else {
                self.github_write()
            };
            let write = self.ctx.execute_activity(CommentActivities::write_sticky, input, options);
            let Some(written) = self.write("to write its comment", write).await else {
                return;
            };
            self.ctx.state_mut(|workflow| match &written {
                Ok(written) => workflow.conversation.record_write(written),
                // Late progress, or something that GitHub refuses for good: the failed
                // activity stays in the history for the operator.
                Err(_) => workflow.conversation.skip_write(revision),
            });
        }
    }

    async fn has_more_to_write(&self) -> bool {
        uncancelled::until(&self.ctx, |workflow| {
            workflow.conversation.has_more_to_write() || workflow.is_draining
        })
        .await;
        self.ctx.state(|workflow| workflow.conversation.has_more_to_write())
    }
}
