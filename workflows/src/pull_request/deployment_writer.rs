//! Keeps GitHub's own list of deployments true.

use super::session::Session;
use crate::{contract::CommentActivities, uncancelled};

impl Session {
    /// Returns when the session is over and the list says everything, or when GitHub would not have it.
    pub(super) async fn write_deployments(&self) {
        loop {
            uncancelled::until(&self.ctx, |workflow| {
                workflow.conversation.deployments.are_behind() || workflow.is_draining
            })
            .await;
            let next = self
                .ctx
                .state(|workflow| workflow.conversation.deployments.next_write(&self.pull_request()));
            let Some(write) = next else { return };
            let sync = self.ctx.execute_activity(
                CommentActivities::sync_deployment,
                write.clone(),
                self.github_write(),
            );
            let Some(listed) = self.write("to list a deployment", sync).await else {
                return;
            };
            self.ctx
                .state_mut(|workflow| workflow.conversation.deployments.record_write(&write, listed.ok()));
        }
    }
}
