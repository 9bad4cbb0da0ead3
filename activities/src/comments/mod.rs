//! Writes to the pull request: the sticky comment, replies, deployments.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

mod filters;
mod logs;
mod markdown;
mod reply;
mod state;
mod sticky;
#[cfg(test)]
mod tests;
mod waits;

use std::{sync::Arc, time::Duration};

use domain::{
    AllowedOwners, CommentId, DeploymentId, PullRequestRef,
    pull_request::{DeploymentWrite, Reply, StickyWritten},
};
use github::{Comment, Comments as Written, ErrorKind, GitHubApp, Visibility};
use temporalio_client::Client as Temporal;
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::contract::{WriteSticky, comment_declared};

use crate::{
    Lifecycle, TemporalUi,
    failure::{ActivityFailure, Failure, explain, into_activity_error},
    github_deployment,
    github_failures::{Asked, GitHubFailures},
    keyed_lock::KeyedLock,
    served::assert_served,
    temporal::{TemporalError, fetch_sticky_comment},
    time_left::{time_left, within},
};
pub use logs::{InvalidPostLogs, PostLogs};
use reply::{reply, reply_marker};
use sticky::{STICKY_MARKER, has_log, sticky};

/// Speaks on pull requests. Registered on the paced GitHub queue.
pub struct Comments {
    github: GitHubApp,
    owners: AllowedOwners,
    temporal_ui: TemporalUi,
    post_logs: PostLogs,
    github_failures: GitHubFailures,
    lifecycle: Lifecycle,
    writes: KeyedLock,
}

impl Comments {
    /// Speaks as `github` to those who are served, points to `temporal_ui`, and posts
    /// logs when `post_logs` says so.
    #[must_use]
    pub fn new(
        github: GitHubApp,
        owners: AllowedOwners,
        temporal_ui: TemporalUi,
        post_logs: PostLogs,
        github_failures: GitHubFailures,
        lifecycle: Lifecycle,
    ) -> Self {
        Self {
            github,
            owners,
            temporal_ui,
            post_logs,
            github_failures,
            lifecycle,
            writes: KeyedLock::default(),
        }
    }

    fn failed(&self, asked: Asked, error: CommentError) -> ActivityError {
        if let CommentError::GitHub(error) | CommentError::Deployment(error) = &error {
            self.github_failures.count(asked, error);
        }
        into_activity_error(error)
    }

    /// `attempt` counts from 1.
    async fn write(
        &self,
        temporal: &Temporal,
        request: &WriteSticky,
        attempt: u32,
    ) -> Result<StickyWritten, CommentError> {
        let pull_request = &request.pull_request;
        let _lock = self.writes.lock(pull_request).await;
        let Written { own, written } = self.github.comments(pull_request).await?;
        let known = request.comment.and_then(|id| own.iter().find(|comment| comment.id == id));
        let shown = known.or_else(|| marked(&own, STICKY_MARKER));
        // Asked last: nothing but the write itself lies between what is true and what is said.
        let truth = fetch_sticky_comment(temporal, pull_request).await?;
        let with_log = has_log(&truth) && self.posts_logs(pull_request).await?;
        let body = sticky(&truth, &self.temporal_ui, with_log).ok_or(CommentError::NothingToSay)?;
        let comment = match shown {
            Some(shown) if says(shown, &body) => shown.id,
            shown => {
                let now = match shown {
                    Some(shown) => self.update(pull_request, shown.id, &body).await?,
                    None => self.github.create_comment(pull_request, &body).await?,
                };
                // A comment that people have deleted has said it before.
                if shown.is_some() || request.comment.is_none() {
                    waits::measure(&self.lifecycle, &truth, &written, shown, &now);
                }
                now.id
            }
        };
        self.delete_surplus(pull_request, &own, comment).await?;
        Ok(StickyWritten { comment, revision: truth.revision, is_doubtful: attempt > 1 })
    }

    /// A comment that GitHub has made after it was given up on.
    async fn delete_surplus(
        &self,
        pull_request: &PullRequestRef,
        own: &[Comment],
        kept: CommentId,
    ) -> Result<(), CommentError> {
        for surplus in own
            .iter()
            .filter(|comment| comment.id != kept && has_marker(comment, STICKY_MARKER))
        {
            tracing::warn!(%pull_request, comment = %surplus.id, "deleting a second comment that GitHub made late");
            match self.github.delete_comment(pull_request, surplus.id).await {
                Err(error) if error.is_gone() => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// Of a repository that GitHub will not show us, we take it that everybody can see it.
    async fn posts_logs(&self, pull_request: &PullRequestRef) -> Result<bool, CommentError> {
        if let Some(decided) = self.post_logs.decided(None) {
            return Ok(decided);
        }
        let visibility = match self.github.visibility(pull_request).await {
            Ok(visibility) => visibility,
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%pull_request, %error, "who can see the repository is unknown; no log is posted there");
                Visibility::Public
            }
        };
        Ok(self.post_logs.decided(Some(visibility)) == Some(true))
    }

    async fn update(
        &self,
        pull_request: &PullRequestRef,
        comment: CommentId,
        body: &str,
    ) -> Result<Comment, CommentError> {
        match self.github.update_comment(pull_request, comment, body).await {
            // It may have been deleted a moment ago. Or it is there, and GitHub does not find it while the
            // repository is renamed: the next attempt looks.
            Err(error) if error.is_gone() => Err(CommentError::Vanished { comment }),
            result => Ok(result?),
        }
    }

    async fn sync(&self, request: &DeploymentWrite) -> Result<DeploymentId, CommentError> {
        let _lock = self.writes.lock(&request.pull_request).await;
        let synced = github_deployment::sync(&self.github, &self.temporal_ui, request).await;
        synced.map_err(CommentError::Deployment)
    }

    async fn post(&self, request: &Reply) -> Result<CommentId, CommentError> {
        let pull_request = &request.pull_request;
        let _lock = self.writes.lock(pull_request).await;
        let Written { own, written } = self.github.comments(pull_request).await?;
        let sticky = request.sticky.and_then(|id| own.iter().find(|comment| comment.id == id));
        let body =
            reply(request, sticky.map(|comment| &comment.html_url)).ok_or(CommentError::NothingToSay)?;
        match marked(&own, &reply_marker(request)) {
            Some(posted) if posted.body == body => Ok(posted.id),
            // By a workflow that has been ended since, with all that it knew: it is answered anew.
            Some(posted) => Ok(self.update(pull_request, posted.id, &body).await?.id),
            None => {
                let posted = self.github.create_comment(pull_request, &body).await?;
                let asked = written.get(&request.comment_id).copied();
                self.lifecycle.replied(request, asked, posted.updated_at);
                Ok(posted.id)
            }
        }
    }
}

#[activities]
impl Comments {
    /// Idempotent: the comment is found again, by its number or by its hidden first line, and written only if
    /// it does not say yet what is true at that moment.
    #[activity(definition = comment_declared::WriteSticky)]
    pub async fn write_sticky(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: WriteSticky,
    ) -> Result<StickyWritten, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository)?;
        let temporal = ctx.client();
        let write = self.write(&temporal, &request, ctx.info().attempt);
        let written = in_time(&ctx, Box::pin(write)).await;
        written.map_err(|error| self.failed(Asked::Comment, error))
    }

    /// Idempotent: the reply names the comment it answers in its hidden first line, and is looked for before
    /// it is posted. One that says something else is given the new text.
    #[activity(definition = comment_declared::PostReply)]
    pub async fn post_reply(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: Reply,
    ) -> Result<CommentId, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository)?;
        let posted = in_time(&ctx, Box::pin(self.post(&request))).await;
        posted.map_err(|error| self.failed(Asked::Reply, error))
    }

    /// Idempotent: a deployment carries the comment that asked for it and is looked for before it is made;
    /// saying its state again changes nothing that people see.
    #[activity(definition = comment_declared::SyncDeployment)]
    pub async fn sync_deployment(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: DeploymentWrite,
    ) -> Result<DeploymentId, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository)?;
        let synced = in_time(&ctx, Box::pin(self.sync(&request))).await;
        synced.map_err(|error| self.failed(Asked::Deployment, error))
    }
}

/// Another attempt is made when the time is over, which must not be followed by this one's text.
async fn in_time<T>(
    ctx: &ActivityContext,
    work: impl Future<Output = Result<T, CommentError>>,
) -> Result<T, CommentError> {
    let time = time_left(ctx);
    within(time, work).await.unwrap_or(Err(CommentError::TooSlow { time }))
}

/// It was not said.
#[derive(Debug, thiserror::Error)]
enum CommentError {
    #[error(transparent)]
    GitHub(#[from] github::Error),
    #[error(transparent)]
    Deployment(github::Error),
    #[error(transparent)]
    Temporal(#[from] TemporalError),
    #[error("comment {comment} is in the list, and GitHub does not find it")]
    Vanished { comment: CommentId },
    #[error("there is nothing to say")]
    NothingToSay,
    #[error("it was not written within {} s", time.as_secs())]
    TooSlow { time: Duration },
}

impl ActivityFailure for CommentError {
    fn failure(&self) -> Failure {
        match self {
            Self::GitHub(error) => {
                let explanation = explain("GitHub did not take the comment.");
                Failure::of_github(error, !error.is_retryable(), explanation)
            }
            // A list beside the comment: nobody waits until the App may write it.
            Self::Deployment(error) => {
                let is_permanent = !error.is_retryable()
                    || matches!(error.kind(), ErrorKind::Forbidden(_) | ErrorKind::NotFound(_));
                let explanation = explain("GitHub did not take the deployment.");
                Failure::of_github(error, is_permanent, explanation)
            }
            Self::Temporal(error) => error.failure(),
            Self::Vanished { .. } => {
                Failure::temporary("CommentVanished", explain("GitHub did not find its own comment."))
            }
            Self::NothingToSay => Failure::permanent("NothingToSay", explain("There was nothing to say.")),
            Self::TooSlow { .. } => {
                Failure::temporary("TooSlow", explain("GitHub did not take the comment in time."))
            }
        }
    }
}

fn marked<'a>(own: &'a [Comment], marker: &str) -> Option<&'a Comment> {
    own.iter().find(|comment| has_marker(comment, marker))
}

fn has_marker(comment: &Comment, marker: &str) -> bool {
    comment.body.lines().next().is_some_and(|line| line.trim() == marker)
}

/// GitHub may have changed line ends and trailing space.
fn says(shown: &Comment, body: &str) -> bool {
    shown.body.trim().lines().eq(body.trim().lines())
}
