//! Who answers people whom the one comment does not answer?

use super::desk::Desk;
use crate::{activities::CommentActivities, uncancelled};

impl Desk {
    /// Posts what is to be answered, one after the other, until the desk is closed and everybody has an answer.
    pub(super) async fn post_replies(&self) {
        loop {
            uncancelled::until(&self.ctx, |workflow| {
                !workflow.memory.replies.is_empty() || workflow.is_closing
            })
            .await;
            let Some(mut reply) = self
                .ctx
                .state_mut(|workflow| workflow.memory.replies.pop_front())
            else {
                return;
            };
            reply.sticky = self.ctx.state(|workflow| workflow.memory.sticky());
            // What GitHub would not have, now or ever, stays in the history for the operator.
            let _ = self
                .ctx
                .execute_activity(CommentActivities::post_reply, reply, self.paced())
                .await;
        }
    }
}
