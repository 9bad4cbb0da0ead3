//! How is it said on the pull request, once, by us alone, and kept true?

mod deployment;
mod links;
mod logs;
mod markdown;
mod reply;
mod state;
mod sticky;
#[cfg(test)]
mod tests;
mod turns;

use std::{sync::Arc, time::Duration};

use github::{Comment, GitHubApp, Visibility};
use temporalio_client::Client as Temporal;
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::{
    activities::{DeploymentId, Reply, SyncDeployment, WriteSticky, Written, comment_declared},
    vocabulary::{AllowedOwners, CommentId, PullRequestRef},
};

use crate::{
    fault::{Explanation, Fault, explain, give_up},
    github_waits::{Asked, GitHubWaits},
    served::assert_served,
    temporal::{TemporalError, truth_about},
};
pub use links::Links;
pub use logs::{InvalidPostLogs, PostLogs};
use reply::{reply, reply_marker};
use sticky::{STICKY_MARKER, has_log, sticky};
use turns::Turns;

/// Speaks on pull requests. Registered on the paced GitHub queue.
pub struct Comments {
    github: GitHubApp,
    owners: AllowedOwners,
    links: Links,
    post_logs: PostLogs,
    waits: GitHubWaits,
    turns: Turns,
}

impl Comments {
    /// Speaks as `github` to those who are served, points to `links`, and posts logs when `post_logs` says so.
    #[must_use]
    pub fn new(
        github: GitHubApp,
        owners: AllowedOwners,
        links: Links,
        post_logs: PostLogs,
        waits: GitHubWaits,
    ) -> Self {
        Self {
            github,
            owners,
            links,
            post_logs,
            waits,
            turns: Turns::default(),
        }
    }

    fn give_up(&self, asked: Asked, error: CommentError) -> ActivityError {
        if let CommentError::GitHub(error) | CommentError::Deployment(error) = &error {
            self.waits.count(asked, error);
        }
        give_up(error)
    }

    async fn write(
        &self,
        temporal: &Temporal,
        request: &WriteSticky,
    ) -> Result<Written, CommentError> {
        let pull_request = &request.pull_request;
        let _turn = self.turns.take(pull_request).await;
        let own = self.github.own_comments(pull_request).await?;
        let known = request
            .comment
            .and_then(|id| own.iter().find(|comment| comment.id == id));
        let shown = known.or_else(|| marked(&own, STICKY_MARKER));
        // Asked last: nothing but the write itself lies between what is true and what is said.
        let truth = truth_about(temporal, pull_request).await?;
        let with_log = has_log(&truth) && self.posts_logs(pull_request).await?;
        let body = sticky(&truth, &self.links, with_log).ok_or(CommentError::NothingToSay)?;
        let comment = match shown {
            Some(shown) if says(shown, &body) => shown.id,
            Some(shown) => self.update(request, shown.id, &body).await?,
            None => self.github.create_comment(pull_request, &body).await?.id,
        };
        Ok(Written {
            comment,
            revision: truth.revision,
        })
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
        request: &WriteSticky,
        comment: CommentId,
        body: &str,
    ) -> Result<CommentId, CommentError> {
        let pull_request = &request.pull_request;
        match self
            .github
            .update_comment(pull_request, comment, body)
            .await
        {
            // Deleted between our look and our deed.
            Err(error) if error.is_gone() => {
                Ok(self.github.create_comment(pull_request, body).await?.id)
            }
            result => Ok(result?.id),
        }
    }

    async fn post(&self, request: &Reply) -> Result<CommentId, CommentError> {
        let pull_request = &request.pull_request;
        let _turn = self.turns.take(pull_request).await;
        let own = self.github.own_comments(pull_request).await?;
        if let Some(posted) = marked(&own, &reply_marker(request.comment_id)) {
            return Ok(posted.id);
        }
        let sticky = request
            .sticky
            .and_then(|id| own.iter().find(|comment| comment.id == id));
        let body = reply(request, sticky.map(|comment| &comment.html_url))
            .ok_or(CommentError::NothingToSay)?;
        Ok(self.github.create_comment(pull_request, &body).await?.id)
    }
}

#[activities]
impl Comments {
    /// Twice is harmless: the comment is found again, by its number or by its hidden first line, and written only if it does not say yet what is
    /// true at that moment.
    #[activity(definition = comment_declared::WriteSticky)]
    pub async fn write_sticky(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: WriteSticky,
    ) -> Result<Written, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository).map_err(give_up)?;
        let written = self.write(&ctx.client(), &request).await;
        written.map_err(|error| self.give_up(Asked::Comment, error))
    }

    /// Twice is harmless: the reply names the comment it answers in its hidden first line, and is looked for before it is posted.
    #[activity(definition = comment_declared::PostReply)]
    pub async fn post_reply(
        self: Arc<Self>,
        _ctx: ActivityContext,
        request: Reply,
    ) -> Result<CommentId, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository).map_err(give_up)?;
        let posted = self.post(&request).await;
        posted.map_err(|error| self.give_up(Asked::Reply, error))
    }

    /// Twice is harmless: a deployment carries the comment that asked for it and is looked for before it is made; saying its state again changes
    /// nothing that people see.
    #[activity(definition = comment_declared::SyncDeployment)]
    pub async fn sync_deployment(
        self: Arc<Self>,
        _ctx: ActivityContext,
        request: SyncDeployment,
    ) -> Result<DeploymentId, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository).map_err(give_up)?;
        let _turn = self.turns.take(&request.pull_request).await;
        deployment::sync(&self.github, &self.links, &request)
            .await
            .map_err(|error| self.give_up(Asked::Deployment, CommentError::Deployment(error)))
    }
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
    #[error("there is nothing to say")]
    NothingToSay,
}

impl Fault for CommentError {
    fn kind(&self) -> &'static str {
        match self {
            Self::GitHub(error) | Self::Deployment(error) => error.label(),
            Self::Temporal(error) => error.kind(),
            Self::NothingToSay => "NothingToSay",
        }
    }

    fn is_permanent(&self) -> bool {
        match self {
            Self::GitHub(error) => !error.is_retryable(),
            // A list beside the comment: nobody waits until the App may write it.
            Self::Deployment(error) => {
                !error.is_retryable() || matches!(error.label(), "forbidden" | "not_found")
            }
            Self::Temporal(error) => error.is_permanent(),
            Self::NothingToSay => true,
        }
    }

    fn explanation(&self) -> Explanation {
        match self {
            Self::GitHub(_) => explain("GitHub did not take the comment."),
            Self::Deployment(_) => explain("GitHub did not take the deployment."),
            Self::Temporal(error) => error.explanation(),
            Self::NothingToSay => explain("There was nothing to say."),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::GitHub(error) | Self::Deployment(error) => error.retry_after(),
            Self::Temporal(_) | Self::NothingToSay => None,
        }
    }
}

fn marked<'a>(own: &'a [Comment], marker: &str) -> Option<&'a Comment> {
    own.iter().find(|comment| {
        comment
            .body
            .lines()
            .next()
            .is_some_and(|line| line.trim() == marker)
    })
}

/// GitHub may have changed line ends and trailing space.
fn says(shown: &Comment, body: &str) -> bool {
    shown.body.trim().lines().eq(body.trim().lines())
}
