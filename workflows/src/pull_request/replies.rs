//! What is written on GitHub beside the one comment: answers to people, and its own list of deployments?

use super::{desk::Desk, patience};
use crate::activities::CommentActivities;

impl Desk {
    /// Posts what is to be answered, one after the other, until the desk is closed and everybody has an answer.
    pub(super) async fn post_replies(&self) {
        loop {
            // Cannot fail: its token is nobody's child.
            let _ = self
                .ctx
                .wait_condition_with_options(
                    |workflow| !workflow.memory.replies.is_empty() || workflow.is_closing,
                    patience::patiently(),
                )
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
    /// Keeps GitHub's own list of deployments true, until the desk is closed and it is.
    pub(super) async fn keep_deployments_true(&self) {
        loop {
            // Cannot fail: its token is nobody's child.
            let _ = self
                .ctx
                .wait_condition_with_options(
                    |workflow| workflow.memory.deployments.are_behind() || workflow.is_closing,
                    patience::patiently(),
                )
                .await;
            let next = self
                .ctx
                .state(|workflow| workflow.memory.deployments.next_write(&self.pull_request));
            let Some(write) = next else { return };
            let id = self
                .ctx
                .execute_activity(
                    CommentActivities::sync_deployment,
                    write.clone(),
                    self.paced(),
                )
                .await
                .ok();
            self.ctx
                .state_mut(|workflow| workflow.memory.deployments.told(&write, id));
        }
    }
}
