//! A pull request, as a test sees it.

use std::{fmt, time::Duration};

use url::Url;

use super::Comment;
use crate::{
    File, Refused, StandIn, TimedOut, User,
    actions::{Actor, Place, PullState},
    model,
};

/// A pull request of the stand-in.
#[derive(Clone)]
pub struct PullRequest {
    stand_in: StandIn,
    place: Place,
}

impl fmt::Display for PullRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { owner, repo, number } = &self.place;
        write!(f, "{owner}/{repo}#{number}")
    }
}

impl PullRequest {
    pub(crate) fn new(stand_in: StandIn, place: Place) -> Self {
        Self { stand_in, place }
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.place.number
    }

    /// The commit at its head, 40 hexadecimal digits; empty for an issue.
    #[must_use]
    pub fn head_sha(&self) -> String {
        self.read(|pull| pull.head_sha().to_owned())
    }

    /// The branch that it is of; empty for an issue.
    #[must_use]
    pub fn branch(&self) -> String {
        self.read(|pull| pull.head_branch.clone())
    }

    fn read(&self, what: impl FnOnce(&model::PullRequest) -> String) -> String {
        let Place { owner, repo, number } = &self.place;
        self.stand_in
            .shared
            .read(|wire| {
                let repository = wire.state.repository(owner, repo);
                repository
                    .and_then(|repository| repository.pull(*number))
                    .map(|(_, pull)| what(pull))
            })
            .unwrap_or_default()
    }

    /// Its page.
    #[must_use]
    pub fn url(&self) -> Url {
        let Place { owner, repo, number } = &self.place;
        let page = self.stand_in.page_url();
        page.join(&format!("{owner}/{repo}/pull/{number}")).unwrap_or(page)
    }

    /// Comments.
    ///
    /// # Errors
    /// When `by` may not see the pull request, it is locked for them, or the text is empty or too long.
    pub fn comment(&self, by: &User, body: &str) -> Result<Comment, Refused> {
        let written = self.stand_in.shared.write_comment(&person(by), &self.place, body)?;
        let comment = Comment::find(&self.stand_in, &self.place, written.comment).ok_or(Refused::NotFound)?;
        Ok(comment.told_by(written.delivery))
    }

    /// Pushes a commit by the pull request's author that adds or replaces `files`, and returns its SHA.
    ///
    /// # Errors
    /// When the pull request is closed, or git fails.
    pub async fn push<F: Into<File>>(&self, files: impl IntoIterator<Item = F>) -> Result<String, Refused> {
        let author = self.stand_in.shared.read(|wire| {
            let repository = wire.state.repository(&self.place.owner, &self.place.repo)?;
            Some(User::named(&repository.issues.get(&self.place.number)?.author))
        });
        self.push_as(&author.ok_or(Refused::NotFound)?, files).await
    }

    /// Pushes a commit by somebody.
    ///
    /// # Errors
    /// When the pull request is closed, `by` may not push to its branch, or git fails.
    pub async fn push_as<F: Into<File>>(
        &self,
        by: &User,
        files: impl IntoIterator<Item = F>,
    ) -> Result<String, Refused> {
        let files: Vec<File> = files.into_iter().map(Into::into).collect();
        let message = files
            .first()
            .map_or_else(|| "Empty commit".to_owned(), |file| format!("Change {}", file.path));
        let (sha, _) = self.stand_in.shared.push(&person(by), &self.place, &message, &files).await?;
        Ok(sha)
    }

    /// Closes it without merging, as the admin; returns the GUID of the delivery.
    ///
    /// # Errors
    /// When it is gone.
    pub fn close(&self) -> Result<Option<String>, Refused> {
        self.set(PullState::Closed)
    }

    /// Opens it again, as the admin; returns the GUID of the delivery.
    ///
    /// # Errors
    /// When it was merged.
    pub fn reopen(&self) -> Result<Option<String>, Refused> {
        self.set(PullState::Open)
    }

    /// Locks the conversation, as the admin.
    ///
    /// # Errors
    /// When it is gone.
    pub fn lock(&self) -> Result<(), Refused> {
        self.set(PullState::Locked).map(drop)
    }

    /// Unlocks the conversation, as the admin.
    ///
    /// # Errors
    /// When it is gone.
    pub fn unlock(&self) -> Result<(), Refused> {
        self.set(PullState::Unlocked).map(drop)
    }

    /// Makes it a draft, as the admin; returns the GUID of the delivery.
    ///
    /// # Errors
    /// When it is gone, or an issue.
    pub fn convert_to_draft(&self) -> Result<Option<String>, Refused> {
        self.set(PullState::Draft)
    }

    /// Makes it more than a draft, as the admin; returns the GUID of the delivery.
    ///
    /// # Errors
    /// When it is gone, or an issue.
    pub fn mark_ready_for_review(&self) -> Result<Option<String>, Refused> {
        self.set(PullState::ReadyForReview)
    }

    /// Merges it, as the admin, and returns the SHA of the merge commit.
    ///
    /// # Errors
    /// When it is not open, or git fails.
    pub async fn merge(&self) -> Result<String, Refused> {
        self.stand_in.shared.merge(&person(&User::admin()), &self.place).await
    }

    fn set(&self, to: PullState) -> Result<Option<String>, Refused> {
        self.stand_in.shared.set_pull_state(&person(&User::admin()), &self.place, to)
    }

    /// The comments that are not deleted, oldest first.
    #[must_use]
    pub fn comments(&self) -> Vec<Comment> {
        Comment::all(&self.stand_in, &self.place)
    }

    /// The comments of the App, oldest first.
    #[must_use]
    pub fn app_comments(&self) -> Vec<Comment> {
        self.comments()
            .into_iter()
            .filter(|comment| comment.author == self.stand_in.app_login())
            .collect()
    }

    /// How often the App has written here: comments and edits, also of comments that are deleted by now.
    #[must_use]
    pub fn app_writes(&self) -> usize {
        let Place { owner, repo, number } = &self.place;
        self.stand_in.shared.read(|wire| {
            let comments = wire
                .state
                .repository(owner, repo)
                .and_then(|repository| repository.issues.get(number))
                .into_iter()
                .flat_map(|issue| issue.comments.values());
            comments
                .filter(|comment| comment.via_app)
                .map(|comment| comment.versions.len())
                .sum()
        })
    }

    /// Waits until some comment of the App is as wanted.
    ///
    /// # Errors
    /// When none is by the deadline; the error shows those that there are.
    pub async fn wait_for_comment(
        &self,
        wanted: impl Fn(&Comment) -> bool,
        deadline: Duration,
    ) -> Result<Comment, TimedOut> {
        let what = format!("a comment of the App on {self}");
        let found = self
            .stand_in
            .wait_for(&what, deadline, || self.app_comments().into_iter().find(&wanted))
            .await;
        found.map_err(|timed_out| {
            let seen = self
                .comments()
                .iter()
                .map(|comment| format!("{} wrote: {}", comment.author, comment.body))
                .collect::<Vec<_>>();
            TimedOut { seen: format!("The comments are: {seen:#?}"), ..timed_out }
        })
    }
}

fn person(user: &User) -> Actor {
    Actor::Person(user.login().to_owned())
}
