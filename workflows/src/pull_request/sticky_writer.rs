//! Keeps the sticky comment up to date.
//!
//! One writer, beside everything else and in nobody's way. The activity is only told *that* there is
//! something to write: it asks this workflow (query `comment`) at the moment of writing, so a comment that
//! waited for its turn is not out of date when it is written. A write that was in doubt is looked at again
//! a while later: GitHub may carry out what was given up on.

use std::{future::pending, time::Duration};

use domain::pull_request::Conversation;
use futures_util::FutureExt;
use temporalio_workflow::{WorkflowCancellationToken, select};

use super::{session::Session, timeouts};
use crate::{
    clock,
    contract::{CommentActivities, WriteSticky},
    uncancelled,
};

impl Session {
    /// Returns when the session is over and the comment says everything for certain, when GitHub refuses it,
    /// or when the next run goes on with it.
    pub(super) async fn write_sticky_comment(&self) {
        while self.has_more_to_write().await {
            let (comment, revision, is_progress) = self.ctx.state(|workflow| {
                let conversation = &workflow.conversation;
                let is_progress =
                    conversation.has_more_to_write() && conversation.has_only_progress_to_write();
                (conversation.sticky(), conversation.revision(), is_progress)
            });
            let input = WriteSticky { pull_request: self.pull_request(), comment };
            let options = if is_progress {
                self.github_write_unless_late()
            } else {
                self.github_write()
            };
            let write = self.ctx.execute_activity(CommentActivities::write_sticky, input, options);
            let Some(written) = self.write("to write its comment", write).await else {
                self.update(Conversation::doubt_write);
                return;
            };
            self.update(|conversation, now| match &written {
                Ok(written) => conversation.record_write(written, now),
                // Late progress, or something that GitHub refuses for good: the failed
                // activity stays in the history for the operator.
                Err(_) => conversation.skip_write(revision, now),
            });
        }
    }

    /// Waits until there is something to write, or to look at again. False if there is nothing any more.
    async fn has_more_to_write(&self) -> bool {
        loop {
            let now = clock::now(&self.ctx);
            let (has_more, confirm_at, is_draining) = self.ctx.state(|workflow| {
                let conversation = &workflow.conversation;
                (conversation.has_more_to_write(), conversation.confirm_at(), workflow.is_draining)
            });
            if has_more || confirm_at.is_some_and(|at| at <= now) {
                return true;
            }
            if is_draining && (confirm_at.is_none() || self.writes.is_cancelled()) {
                return false;
            }
            let timer = WorkflowCancellationToken::new();
            let confirmation = async {
                match confirm_at {
                    Some(at) => {
                        let pause = Duration::try_from(now.duration_until(at)).unwrap_or_default();
                        self.ctx.timer(timeouts::until_confirmed(pause, &timer)).await;
                    }
                    None => pending().await,
                }
            };
            let mut confirmation = std::pin::pin!(confirmation.fuse());
            select! {
                _ = uncancelled::until(&self.ctx, |workflow| {
                    workflow.conversation.has_more_to_write() || workflow.is_draining != is_draining
                }) => {}
                () = confirmation => {}
            }
            timer.cancel();
        }
    }
}
