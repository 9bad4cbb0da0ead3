//! Posts one-off replies to people whom the sticky comment does not answer.

use super::session::Session;
use crate::{contract::CommentActivities, uncancelled};

impl Session {
    /// Posts what is to be answered, one after the other, until the session is
    /// over and everybody has an answer.
    pub(super) async fn write_replies(&self) {
        loop {
            uncancelled::until(&self.ctx, |workflow| {
                workflow.conversation.has_replies() || workflow.is_draining
            })
            .await;
            let Some(mut reply) = self.ctx.state(|workflow| workflow.conversation.next_reply()) else {
                return;
            };
            reply.pull_request = self.pull_request();
            reply.sticky = self.ctx.state(|workflow| workflow.conversation.sticky());
            // What GitHub refuses for good stays in the history for the operator.
            let post = self
                .ctx
                .execute_activity(CommentActivities::post_reply, reply, self.github_write());
            if self.write("to post an answer", post).await.is_none() {
                return;
            }
            self.ctx.state_mut(|workflow| workflow.conversation.reply_posted());
        }
    }
}
