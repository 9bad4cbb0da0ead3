//! Who keeps GitHub's own list of deployments true?

use super::desk::Desk;
use crate::{activities::CommentActivities, uncancelled};

impl Desk {
    /// Returns when the desk is closed and the list says everything, or when GitHub would not have it.
    pub(super) async fn keep_deployments_true(&self) {
        loop {
            uncancelled::until(&self.ctx, |workflow| {
                workflow.memory.deployments.are_behind() || workflow.is_closing
            })
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
