//! A repository, as a test sees it.

use std::path::PathBuf;

use super::PullRequest;
use crate::{
    File, Refused, Role, StandIn, User,
    actions::{Actor, NewPull, Place},
    model,
};

const DEFAULT_BRANCH: &str = model::Repository::DEFAULT_BRANCH;

/// A repository of the stand-in.
#[derive(Clone)]
pub struct Repository {
    stand_in: StandIn,
    owner: String,
    name: String,
}

/// A deployment as GitHub's list of deployments shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The commit.
    pub sha: String,
    /// Where to.
    pub environment: String,
    /// It is meant to end.
    pub is_transient: bool,
    /// How far it got, oldest first.
    pub states: Vec<String>,
    /// What the button "View deployment" leads to; empty if there is nothing to view.
    pub url: String,
}

/// How a pull request comes into the world.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PullKind {
    Ready,
    Draft,
    FromFork,
}

impl Repository {
    pub(crate) fn new(stand_in: &StandIn, owner: &str, name: &str) -> Self {
        Self {
            stand_in: stand_in.clone(),
            owner: owner.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The owner's login.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name, without the owner.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `owner/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The bare git repository on disk.
    ///
    /// # Errors
    /// When the repository is gone.
    pub fn git_dir(&self) -> Result<PathBuf, Refused> {
        self.stand_in.shared.read(|wire| {
            let repository = wire.state.repository(&self.owner, &self.name).ok_or(Refused::NotFound)?;
            Ok(repository.git.folder().to_owned())
        })
    }

    /// Commits to the default branch, adding or replacing `files`, and returns the SHA.
    ///
    /// # Errors
    /// When `by` may not push here, or git fails.
    pub async fn commit<F: Into<File>>(
        &self,
        by: &User,
        files: impl IntoIterator<Item = F>,
    ) -> Result<String, Refused> {
        self.commit_to(by, DEFAULT_BRANCH, files).await
    }

    /// Commits to a branch, which begins at the end of the default branch if it is new, and returns the SHA.
    ///
    /// # Errors
    /// When `by` may not push here, or git fails.
    pub async fn commit_to<F: Into<File>>(
        &self,
        by: &User,
        branch: &str,
        files: impl IntoIterator<Item = F>,
    ) -> Result<String, Refused> {
        let files: Vec<File> = files.into_iter().map(Into::into).collect();
        let actor = Actor::Person(by.login().to_owned());
        self.stand_in
            .shared
            .commit(&actor, &self.owner, &self.name, branch, &files)
            .await
    }

    /// Opens a pull request from a new branch of this repository, with one
    /// commit that adds or replaces `files`.
    ///
    /// # Errors
    /// When `by` may not push here, or git fails.
    pub async fn open_pull_request<F: Into<File>>(
        &self,
        by: &User,
        title: &str,
        files: impl IntoIterator<Item = F>,
    ) -> Result<PullRequest, Refused> {
        self.open(by, title, files, PullKind::Ready, DEFAULT_BRANCH).await
    }

    /// The same, to be merged into another branch than the default one.
    ///
    /// # Errors
    /// When there is no such branch, `by` may not push here, or git fails.
    pub async fn open_pull_request_into<F: Into<File>>(
        &self,
        base: &str,
        by: &User,
        title: &str,
        files: impl IntoIterator<Item = F>,
    ) -> Result<PullRequest, Refused> {
        self.open(by, title, files, PullKind::Ready, base).await
    }

    /// Opens a draft.
    ///
    /// # Errors
    /// When `by` may not push here, or git fails.
    pub async fn open_draft<F: Into<File>>(
        &self,
        by: &User,
        title: &str,
        files: impl IntoIterator<Item = F>,
    ) -> Result<PullRequest, Refused> {
        self.open(by, title, files, PullKind::Draft, DEFAULT_BRANCH).await
    }

    /// Opens a pull request from a fork that belongs to `by`.
    ///
    /// # Errors
    /// When `by` may not see this repository, or git fails.
    pub async fn open_from_fork<F: Into<File>>(
        &self,
        by: &User,
        title: &str,
        files: impl IntoIterator<Item = F>,
    ) -> Result<PullRequest, Refused> {
        self.open(by, title, files, PullKind::FromFork, DEFAULT_BRANCH).await
    }

    async fn open<F: Into<File>>(
        &self,
        by: &User,
        title: &str,
        files: impl IntoIterator<Item = F>,
        kind: PullKind,
        base: &str,
    ) -> Result<PullRequest, Refused> {
        let files: Vec<File> = files.into_iter().map(Into::into).collect();
        let shared = &self.stand_in.shared;
        let branch = format!("{}-{}", by.login(), &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let new = NewPull {
            owner: &self.owner,
            repo: &self.name,
            author: by.login(),
            branch: &branch,
            base,
            title,
            body: "",
            draft: kind == PullKind::Draft,
            from_fork: kind == PullKind::FromFork,
            files: &files,
            at: shared.clock.now(),
        };
        let number = shared.open_pull(&new).await?;
        Ok(self.pull_request(number))
    }

    /// Opens an issue, which has no commits, and hands it over as if it were a
    /// pull request: one can comment on both.
    ///
    /// # Errors
    /// When `by` may not see this repository.
    pub fn open_issue(&self, by: &User, title: &str) -> Result<PullRequest, Refused> {
        let number = self
            .stand_in
            .shared
            .open_issue(&self.owner, &self.name, by.login(), title, "")?;
        Ok(self.pull_request(number))
    }

    /// The pull request (or issue) with this number, which should exist.
    #[must_use]
    pub fn pull_request(&self, number: u64) -> PullRequest {
        PullRequest::new(
            self.stand_in.clone(),
            Place { owner: self.owner.clone(), repo: self.name.clone(), number },
        )
    }

    /// GitHub's list of deployments, oldest first.
    #[must_use]
    pub fn deployments(&self) -> Vec<Deployment> {
        self.stand_in.shared.read(|wire| {
            let repository = wire.state.repository(&self.owner, &self.name);
            let deployments = repository.into_iter().flat_map(|repository| repository.deployments.values());
            deployments
                .map(|deployment| {
                    let statuses = &deployment.statuses;
                    Deployment {
                        sha: deployment.sha.clone(),
                        environment: deployment.environment.clone(),
                        is_transient: deployment.transient_environment,
                        states: statuses.iter().map(|one| one.state.clone()).collect(),
                        url: statuses.last().map(|one| one.environment_url.clone()).unwrap_or_default(),
                    }
                })
                .collect()
        })
    }

    /// Renames the repository, as its settings page does. Handles of its old name find nothing any more.
    ///
    /// # Errors
    /// When the repository is gone.
    pub fn rename(&self, name: &str) -> Result<Self, Refused> {
        let renamed = self
            .stand_in
            .shared
            .change(|state| state.rename_repository(&self.owner, &self.name, name));
        if renamed {
            Ok(Self::new(&self.stand_in, &self.owner, name))
        } else {
            Err(Refused::NotFound)
        }
    }

    /// Gives somebody a role here, or takes it away with [`Role::None`].
    ///
    /// # Errors
    /// When the repository is gone.
    pub fn set_role(&self, user: &User, role: Role) -> Result<(), Refused> {
        self.stand_in.shared.set_role(&self.owner, &self.name, user.login(), role)
    }
}
