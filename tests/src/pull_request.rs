//! Acts on a pull request, and reads what the service writes there.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use domain::{CommitSha, PreviewId, PullRequestNumber};
use github_stand_in::{Comment, File, Outcome, Push, Repository, StandIn, User};
use serde_json::json;
use url::Url;

use crate::{
    preview::Preview,
    shared_stack::SharedStack,
    timeouts::{ANSWER, URL},
};

/// What asks for a preview.
const COMMAND: &str = "/preview";
/// How the webhook asks for a delivery to be made again.
const UNAVAILABLE: u16 = 503;
/// How our one comment begins. Nobody sees it.
const STICKY: &str = "<!-- preview:sticky -->";

/// How the answer to a comment begins. Nobody sees that either.
fn reply_to(comment: u64) -> String {
    format!("<!-- preview:reply:{comment} -->")
}

/// A text without the escapes that keep parts of it from being read as Markdown.
#[must_use]
pub fn plain(markdown: &str) -> String {
    markdown.replace('\\', "")
}

/// A pull request of a conversation.
#[derive(Clone)]
pub struct PullRequest {
    /// The pull request itself.
    pub github: github_stand_in::PullRequest,
    stand_in: StandIn,
    repository: Repository,
    stack: Arc<SharedStack>,
}

impl PullRequest {
    pub(crate) fn new(
        github: github_stand_in::PullRequest,
        stand_in: StandIn,
        repository: Repository,
        stack: Arc<SharedStack>,
    ) -> Self {
        Self { github, stand_in, repository, stack }
    }

    /// The file that makes the app's page show this greeting.
    #[must_use]
    pub fn content(greeting: &str) -> File {
        let content = json!({"greeting": greeting, "message": "Written by a test.", "colour": "#2457d6"});
        ("content.json", content.to_string()).into()
    }

    /// Comments, and waits for the webhook's answer to the delivery.
    ///
    /// # Errors
    /// When GitHub refuses the comment, or the webhook does not answer.
    pub async fn comment(&self, by: &User, body: &str) -> Result<(Comment, Outcome)> {
        let comment = self.github.comment(by, body)?;
        let guid = comment.delivery.as_deref().context("GitHub made no delivery of the comment")?;
        let outcome = self.outcome_of(guid).await?;
        Ok((comment, outcome))
    }

    /// The webhook's answer to the last delivery with this GUID. When it says that somebody it needs
    /// did not answer in time, which happens on a machine that is busy with other things, it is
    /// asked once more, as people do at GitHub.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn outcome_of(&self, guid: &str) -> Result<Outcome> {
        let outcome = self.next_outcome_of(guid).await?;
        if outcome.status_code == UNAVAILABLE && self.stand_in.redeliver(guid) {
            return self.next_outcome_of(guid).await;
        }
        Ok(outcome)
    }

    async fn next_outcome_of(&self, guid: &str) -> Result<Outcome> {
        let delivery = self.stand_in.wait_for_delivery(guid, ANSWER).await?;
        delivery.outcome.context("it has ended, so it has an outcome")
    }

    /// Comments something that is meant for us; returns when it is accepted.
    ///
    /// # Errors
    /// When it is not.
    pub async fn asks(&self, who: &User, text: &str) -> Result<Comment> {
        let (comment, outcome) = self.comment(who, text).await?;
        ensure!(outcome.status_code == 202, "{text} was answered with {outcome:?}");
        Ok(comment)
    }

    /// Waits until a comment is answered in a comment of its own, and returns that.
    ///
    /// # Errors
    /// When it is not in time; the error shows all comments.
    pub async fn reply_to(&self, comment: &Comment) -> Result<Comment> {
        let marker = reply_to(comment.id);
        let answered = self
            .github
            .wait_for_comment(|reply| reply.body.starts_with(&marker), ANSWER)
            .await;
        answered.with_context(|| format!("nobody answered {:?}", comment.body))
    }

    /// Comments something that is meant for us, and returns what is answered, without escapes.
    ///
    /// # Errors
    /// When nothing is.
    pub async fn hears(&self, who: &User, text: &str) -> Result<String> {
        let comment = self.asks(who, text).await?;
        Ok(plain(&self.reply_to(&comment).await?.body))
    }

    /// Our answers to single comments, oldest first.
    #[must_use]
    pub fn replies(&self) -> Vec<Comment> {
        let mut ours = self.github.app_comments();
        ours.retain(|comment| !comment.body.starts_with(STICKY));
        ours
    }

    /// Mona asks for a preview of the head commit; returns when that is accepted.
    ///
    /// # Errors
    /// When it is not.
    pub async fn request_preview(&self) -> Result<Preview> {
        self.asks(&User::writer(), COMMAND).await?;
        self.preview()
    }

    /// The preview of the head commit, whether anybody asked for it or not.
    ///
    /// # Errors
    /// When this is an issue, which has no commits.
    pub fn preview(&self) -> Result<Preview> {
        let id = PreviewId {
            repository: self.repository.full_name().parse()?,
            pull_request: PullRequestNumber::new(self.github.number()).context("GitHub counts from 1")?,
            commit: self.github.head_sha().parse::<CommitSha>()?,
        };
        Ok(Preview::new(id, Arc::clone(&self.stack)))
    }

    /// The address that leads to the newest preview that is ready.
    ///
    /// # Errors
    /// When the stack's addresses are of no use.
    pub fn stable_url(&self) -> Result<Url> {
        let names = self.stack.names()?;
        Ok(names.stable_url(&self.preview()?.id).parse()?)
    }

    /// Waits until our one comment contains `text`, escapes aside.
    ///
    /// # Errors
    /// When it does not in time; the error shows all comments.
    pub async fn says(&self, text: &str) -> Result<Comment> {
        self.comes_to_say(text, |comment| comment.contains(text)).await
    }

    /// Waits until our one comment is as wanted, escapes aside; `what` says how that is.
    ///
    /// # Errors
    /// When it is not in time; the error shows all comments.
    pub async fn comes_to_say(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<Comment> {
        let is_wanted = |comment: &Comment| comment.body.starts_with(STICKY) && wanted(&plain(&comment.body));
        let said = self.github.wait_for_comment(is_wanted, URL).await;
        said.with_context(|| format!("our comment did not come to say {what:?}"))
    }

    /// Waits until our comment holds the URL of the head commit's preview, and returns the preview.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn shows_url(&self) -> Result<Preview> {
        let preview = self.preview()?;
        self.says(preview.url()?.as_str()).await?;
        Ok(preview)
    }

    /// Asks for a preview and waits for its URL.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn previewed(&self) -> Result<Preview> {
        // The comment may still tell of an earlier run, whose URL was the same.
        let earlier = self.preview()?.closed_run_id().await?;
        let preview = self.request_preview().await?;
        let url = preview.url()?;
        let is_of_this_run = |comment: &str| earlier.as_deref().is_none_or(|run| !comment.contains(run));
        self.comes_to_say(url.as_str(), |comment| comment.contains(url.as_str()) && is_of_this_run(comment))
            .await?;
        Ok(preview)
    }

    /// What our one comment says now.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn sticky(&self) -> Result<Comment> {
        let mut sticky = self.github.app_comments();
        sticky.retain(|comment| comment.body.starts_with(STICKY));
        ensure!(
            sticky.len() == 1,
            "there should be one comment of ours, and there are {}: {sticky:#?}",
            sticky.len()
        );
        Ok(sticky.remove(0))
    }

    /// Every text that our one comment has had.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn sticky_history(&self) -> Result<Vec<String>> {
        Ok(self.sticky()?.history().into_iter().map(|version| version.body).collect())
    }

    /// Builds the image of the head commit, as the project's CI would.
    ///
    /// # Errors
    /// When it does not build.
    pub async fn build_image(&self) -> Result<()> {
        let push = Push {
            owner: self.repository.owner().to_owned(),
            repo: self.repository.name().to_owned(),
            number: self.github.number(),
            sha: self.github.head_sha(),
            git_dir: self.repository.git_dir()?,
        };
        self.stack.build_image(&push).await.map(drop)
    }

    /// Pushes a commit and builds its image.
    ///
    /// # Errors
    /// When GitHub refuses it or it does not build.
    pub async fn push(&self, file: File) -> Result<()> {
        self.github.push([file]).await?;
        self.build_image().await
    }
}
