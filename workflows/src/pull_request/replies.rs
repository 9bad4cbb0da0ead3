//! Posts what people are answered whom the one comment does not answer.

use super::session::Session;
use crate::{activities::CommentActivities, uncancelled};

impl Session {
    /// Posts what is to be answered, one after the other, until the session is over and everybody has an answer.
    pub(super) async fn post_replies(&self) {
        loop {
            uncancelled::until(&self.ctx, |workflow| {
                !workflow.memory.replies.is_empty() || workflow.is_closing
            })
            .await;
            let Some(mut reply) = self
                .ctx
                .state(|workflow| workflow.memory.replies.front().cloned())
            else {
                return;
            };
            reply.pull_request = self.pull_request();
            reply.sticky = self.ctx.state(|workflow| workflow.memory.sticky());
            // What GitHub would not have, now or ever, stays in the history for the operator.
            let post =
                self.ctx
                    .execute_activity(CommentActivities::post_reply, reply, self.paced());
            let posted = self.waiting_for("to post an answer", post).await;
            if posted.is_err() && self.is_handed_over() {
                return;
            }
            self.ctx
                .state_mut(|workflow| workflow.memory.replies.pop_front());
        }
    }
}
