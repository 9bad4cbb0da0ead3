//! How is it said on the pull request, once, by us alone, and kept true?

mod markdown;
mod render;

use std::{
    array,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use github::{Comment, GitHubApp};
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use tokio::sync::{Mutex, MutexGuard};
use workflows::{
    activities::{Explanation, Notice, WriteComment, comment_declared},
    vocabulary::{CommentId, PullRequestRef},
};

use crate::fault::{Fault, explain, give_up};
pub use render::Links;
use render::{STICKY_MARKER, notice, notice_marker, sticky, would_hide_a_living_preview};

/// Speaks on pull requests. Registered on the paced GitHub queue.
pub struct Comments {
    github: GitHubApp,
    links: Links,
    turns: Turns,
}

impl Comments {
    /// Speaks as `github`, and points to `links`.
    #[must_use]
    pub fn new(github: GitHubApp, links: Links) -> Self {
        Self {
            github,
            links,
            turns: Turns::default(),
        }
    }

    async fn write(&self, request: &WriteComment) -> Result<CommentId, CommentError> {
        let pull_request = &request.pull_request;
        let _turn = self.turns.take(pull_request).await;
        let own = self.github.own_comments(pull_request).await?;
        let known = request
            .comment
            .and_then(|id| own.iter().find(|comment| comment.id == id));
        let body = sticky(&request.report, &self.links);
        let Some(shown) = known.or_else(|| marked(&own, STICKY_MARKER)) else {
            return Ok(self.github.create_comment(pull_request, &body).await?.id);
        };
        if says(shown, &body) || would_hide_a_living_preview(&shown.body, &request.report) {
            return Ok(shown.id);
        }
        match self
            .github
            .update_comment(pull_request, shown.id, &body)
            .await
        {
            // Deleted between our look and our deed.
            Err(error) if error.is_gone() => {
                Ok(self.github.create_comment(pull_request, &body).await?.id)
            }
            result => Ok(result?.id),
        }
    }

    async fn post(&self, request: &Notice) -> Result<CommentId, CommentError> {
        let pull_request = &request.pull_request;
        let _turn = self.turns.take(pull_request).await;
        let own = self.github.own_comments(pull_request).await?;
        if let Some(posted) = marked(&own, &notice_marker(request.comment_id)) {
            return Ok(posted.id);
        }
        Ok(self
            .github
            .create_comment(pull_request, &notice(request))
            .await?
            .id)
    }
}

#[activities]
impl Comments {
    /// Twice is harmless: the comment is found again, by its number or by its hidden first line, and written only if it says something else.
    #[activity(definition = comment_declared::WriteComment)]
    pub async fn write_comment(
        self: Arc<Self>,
        _ctx: ActivityContext,
        request: WriteComment,
    ) -> Result<CommentId, ActivityError> {
        self.write(&request).await.map_err(give_up)
    }

    /// Twice is harmless: the notice names the comment it answers in its hidden first line, and is looked for before it is posted.
    #[activity(definition = comment_declared::PostNotice)]
    pub async fn post_notice(
        self: Arc<Self>,
        _ctx: ActivityContext,
        request: Notice,
    ) -> Result<CommentId, ActivityError> {
        self.post(&request).await.map_err(give_up)
    }
}

/// GitHub did not take it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct CommentError(#[from] github::Error);

impl Fault for CommentError {
    fn kind(&self) -> &'static str {
        self.0.label()
    }

    fn is_permanent(&self) -> bool {
        !self.0.is_retryable()
    }

    fn explanation(&self) -> Explanation {
        explain("GitHub did not take the comment.")
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
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

/// Looking for the comment and writing it are two calls. Two previews of one pull request that did this at the same time would make two comments.
/// More locks than writes at once; that two pull requests may share one costs a moment, not correctness.
struct Turns([Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    async fn take(&self, pull_request: &PullRequestRef) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        pull_request.to_string().hash(&mut hasher);
        let index = hasher.finish() % self.0.len() as u64;
        self.0[usize::try_from(index).expect("less than the number of locks")]
            .lock()
            .await
    }
}
