//! Creating repositories, committing to them, and who may do what in them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Actor, Refused, pulls::branch_reference, visible};
use crate::{
    git::{File, Git, NewCommit},
    model::{AccountKind, Repository, Role},
    shared::Shared,
};

/// A repository to be created.
#[derive(Clone, Debug)]
pub(crate) struct NewRepository<'a> {
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
    pub(crate) private: bool,
    pub(crate) collaborators: &'a [(&'a str, Role)],
    pub(crate) files: &'a [File],
    /// When the first commit was made; part of its SHA.
    pub(crate) at: Timestamp,
}

impl Shared {
    /// Creates a repository.
    pub(crate) async fn create_repository(&self, new: &NewRepository<'_>) -> Result<(), Refused> {
        let folder = self.repositories.join(new.owner.to_lowercase());
        let git = Git::init(folder.join(format!("{}.git", new.name.to_lowercase()))).await?;
        let main_sha = git
            .commit(&NewCommit {
                references: &[format!("refs/heads/{}", Repository::DEFAULT_BRANCH)],
                parents: &[],
                author: new.owner,
                at: new.at,
                message: &format!("Start {}/{}", new.owner, new.name),
                files: new.files,
            })
            .await?;
        let now = self.clock.now();
        self.change(|state| {
            state.add_account(new.owner, AccountKind::Organization);
            for (login, _) in new.collaborators {
                state.add_account(login, AccountKind::Person);
            }
            let repository = Repository {
                id: state.next_id(),
                owner: new.owner.to_owned(),
                name: new.name.to_owned(),
                private: new.private,
                fork: false,
                git,
                main_sha,
                collaborators: new
                    .collaborators
                    .iter()
                    .map(|(login, role)| (login.to_lowercase(), *role))
                    .collect(),
                issues: BTreeMap::new(),
                deployments: BTreeMap::new(),
                created_at: now,
            };
            state.add_repository(repository);
        });
        Ok(())
    }

    /// Commits to a branch, which begins at the end of the default branch if it is new, and returns the SHA.
    pub(crate) async fn commit(
        &self,
        actor: &Actor,
        owner: &str,
        repo: &str,
        branch: &str,
        files: &[File],
    ) -> Result<String, Refused> {
        let (git, login, default) = self.read(|wire| {
            let (repository, role) = visible(wire.state, owner, repo, actor)?;
            let login = actor.login(wire.state);
            if role < Role::Write {
                return Err(Refused::Forbidden(format!(
                    "{login} may not push to {}.",
                    repository.full_name()
                )));
            }
            Ok((repository.git.clone(), login, repository.main_sha.clone()))
        })?;
        let reference = branch_reference(None, branch);
        let parent = git.resolve(&reference).await.unwrap_or(default);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let sha = git
            .commit(&NewCommit {
                references: &[reference],
                parents: &[parent],
                author: &login,
                at: self.clock.now(),
                message: &format!("Change {}", paths.join(", ")),
                files,
            })
            .await?;
        self.change(|state| {
            let repository = state.repository_mut(owner, repo).ok_or(Refused::NotFound)?;
            if branch == Repository::DEFAULT_BRANCH {
                repository.main_sha.clone_from(&sha);
            }
            Ok(sha)
        })
    }

    /// Gives a person a role, or takes it away with [`Role::None`].
    pub(crate) fn set_role(&self, owner: &str, repo: &str, login: &str, role: Role) -> Result<(), Refused> {
        self.change(|state| {
            state.add_account(login, AccountKind::Person);
            let repository = state.repository_mut(owner, repo).ok_or(Refused::NotFound)?;
            if role == Role::None {
                repository.collaborators.remove(&login.to_lowercase());
            } else {
                repository.collaborators.insert(login.to_lowercase(), role);
            }
            Ok(())
        })
    }

    /// A fork: its own repository in name, sharing the objects of the original as on GitHub.
    pub(super) fn ensure_fork(&self, owner: &str, repo: &str, by: &str) -> Result<(), Refused> {
        self.change(|state| {
            if state.repository(by, repo).is_some() {
                return Ok(());
            }
            state.add_account(by, AccountKind::Person);
            let original = state.repository(owner, repo).ok_or(Refused::NotFound)?.clone();
            let id = state.next_id();
            state.add_repository(Repository {
                id,
                owner: by.to_owned(),
                fork: true,
                collaborators: [(by.to_lowercase(), Role::Admin)].into(),
                issues: BTreeMap::new(),
                deployments: BTreeMap::new(),
                created_at: self.clock.now(),
                ..original
            });
            Ok(())
        })
    }
}
