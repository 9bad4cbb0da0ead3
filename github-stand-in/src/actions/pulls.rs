//! Opening issues and pull requests, and pushing to them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Actor, Place, Refused, visible};
use crate::{
    git::{File, Git, NewCommit},
    model::{Commit, Issue, PullRequest, Repository, Role, State},
    shared::{Push, Shared},
    wire::Wire,
};

/// A pull request to be opened.
#[derive(Clone, Debug)]
pub(crate) struct NewPull<'a> {
    pub(crate) owner: &'a str,
    pub(crate) repo: &'a str,
    pub(crate) author: &'a str,
    pub(crate) branch: &'a str,
    /// The branch that it wants to be merged into.
    pub(crate) base: &'a str,
    pub(crate) title: &'a str,
    pub(crate) body: &'a str,
    pub(crate) draft: bool,
    /// From the author's fork instead of a branch of the repository.
    pub(crate) from_fork: bool,
    pub(crate) files: &'a [File],
    /// When the commit was made; part of its SHA.
    pub(crate) at: Timestamp,
}

impl Shared {
    /// Opens an issue (without commits) and returns its number.
    pub(crate) fn open_issue(
        &self,
        owner: &str,
        repo: &str,
        author: &str,
        title: &str,
        body: &str,
    ) -> Result<u64, Refused> {
        self.change(|state| {
            visible(state, owner, repo, &Actor::Person(author.to_owned()))?;
            let id = state.next_id();
            let repository = state.repository_mut(owner, repo).ok_or(Refused::NotFound)?;
            Ok(add_issue(repository, id, (author, title, body), self.clock.now(), None))
        })
    }

    /// Opens a pull request with one commit and returns its number.
    pub(crate) async fn open_pull(&self, new: &NewPull<'_>) -> Result<u64, Refused> {
        let actor = Actor::Person(new.author.to_owned());
        let git = self.read(|wire| {
            let (repository, role) = visible(wire.state, new.owner, new.repo, &actor)?;
            if !new.from_fork && role < Role::Write {
                return Err(Refused::Forbidden(format!(
                    "{} may not push to {}/{}.",
                    new.author, new.owner, new.repo
                )));
            }
            Ok(repository.git.clone())
        })?;
        let base_sha =
            git.resolve(&branch_reference(None, new.base))
                .await
                .ok_or_else(|| Refused::Invalid {
                    resource: "PullRequest",
                    field: "base",
                    message: format!("There is no branch {}.", new.base),
                })?;
        if new.from_fork {
            self.ensure_fork(new.owner, new.repo, new.author)?;
        }
        let references = [branch_reference(new.from_fork.then_some(new.author), new.branch)];
        let commit =
            make_commit(&git, &references, &base_sha, (new.author, new.title, new.at), new.files).await?;
        let diff = git.diff_stat(&base_sha, &commit.sha).await?;
        let sha = commit.sha.clone();
        let number = self.change(|state| {
            let (issue_id, pull_id) = (state.next_id(), state.next_id());
            let repository = state.repository_mut(new.owner, new.repo).ok_or(Refused::NotFound)?;
            let pull = PullRequest {
                id: pull_id,
                draft: new.draft,
                head_branch: new.branch.to_owned(),
                fork: new.from_fork.then(|| (new.author.to_owned(), repository.name.clone())),
                base_branch: new.base.to_owned(),
                base_sha,
                commits: vec![commit],
                diff,
                merge: None,
            };
            let number = add_issue(
                repository,
                issue_id,
                (new.author, new.title, new.body),
                self.clock.now(),
                Some(pull),
            );
            let place = Place {
                owner: new.owner.to_owned(),
                repo: new.repo.to_owned(),
                number,
            };
            self.tell_of_pull(state, "opened", &place, new.author, None);
            Ok::<_, Refused>(number)
        })?;
        git.point(&format!("refs/pull/{number}/head"), &sha).await?;
        self.announce(new.owner, new.repo, number, &sha, &git);
        Ok(number)
    }

    /// Pushes a commit to a pull request's branch and returns its SHA and the GUID of the delivery.
    pub(crate) async fn push(
        &self,
        actor: &Actor,
        place: &Place,
        message: &str,
        files: &[File],
    ) -> Result<(String, Option<String>), Refused> {
        let (git, login, before, references) = self.read(|wire| {
            let (repository, role) = visible(wire.state, &place.owner, &place.repo, actor)?;
            let (issue, pull) = repository.pull(place.number).ok_or(Refused::NotFound)?;
            let login = actor.login(wire.state);
            let owns_fork = pull.fork.as_ref().is_some_and(|(owner, _)| owner.eq_ignore_ascii_case(&login));
            if !issue.is_open() {
                return Err(Refused::Forbidden(format!("Pull request #{} is closed.", place.number)));
            }
            if role < Role::Write && !owns_fork {
                return Err(Refused::Forbidden(format!("{login} may not push to {}.", pull.head_branch)));
            }
            let branch =
                branch_reference(pull.fork.as_ref().map(|(owner, _)| owner.as_str()), &pull.head_branch);
            let references = [branch, format!("refs/pull/{}/head", place.number)];
            Ok((
                repository.git.clone(),
                login,
                (pull.head_sha().to_owned(), pull.base_sha.clone()),
                references,
            ))
        })?;
        let (before, base) = before;
        let commit =
            make_commit(&git, &references, &before, (&login, message, self.clock.now()), files).await?;
        let diff = git.diff_stat(&base, &commit.sha).await?;
        let sha = commit.sha.clone();
        let delivery = self.change(|state| {
            let issue = issue_mut(state, place)?;
            issue.updated_at = commit.at;
            let pull = issue.pull_request.as_mut().ok_or(Refused::NotFound)?;
            pull.commits.push(commit);
            pull.diff = diff;
            Ok::<_, Refused>(self.tell_of_pull(state, "synchronize", place, &login, Some((&before, &sha))))
        })?;
        self.announce(&place.owner, &place.repo, place.number, &sha, &git);
        Ok((sha, delivery))
    }

    /// Tells the webhook; `pushed` holds the head before and after.
    pub(super) fn tell_of_pull(
        &self,
        state: &State,
        action: &'static str,
        place: &Place,
        sender: &str,
        pushed: Option<(&str, &str)>,
    ) -> Option<String> {
        let repository = state.repository(&place.owner, &place.repo)?;
        let (issue, pull) = repository.pull(place.number)?;
        let wire = Wire { state, urls: &self.urls };
        self.courier
            .send(wire.pull_request(action, (repository, issue, pull), sender, pushed))
    }

    fn announce(&self, owner: &str, repo: &str, number: u64, sha: &str, git: &Git) {
        // Without a listener there is nobody to build images, which is fine.
        let _ = self.pushes.send(Push {
            owner: owner.to_owned(),
            repo: repo.to_owned(),
            number,
            sha: sha.to_owned(),
            git_dir: git.folder().to_owned(),
        });
    }
}

pub(super) fn issue_mut<'a>(state: &'a mut State, place: &Place) -> Result<&'a mut Issue, Refused> {
    state
        .repository_mut(&place.owner, &place.repo)
        .and_then(|repository| repository.issues.get_mut(&place.number))
        .ok_or(Refused::NotFound)
}

fn add_issue(
    repository: &mut Repository,
    id: u64,
    (author, title, body): (&str, &str, &str),
    now: Timestamp,
    pull_request: Option<PullRequest>,
) -> u64 {
    let number = repository.next_number();
    repository.issues.insert(
        number,
        Issue {
            id,
            number,
            title: title.to_owned(),
            body: body.to_owned(),
            author: author.to_owned(),
            locked: false,
            created_at: now,
            updated_at: now,
            closed_at: None,
            comments: BTreeMap::new(),
            pull_request,
        },
    );
    number
}

async fn make_commit(
    git: &Git,
    references: &[String],
    parent: &str,
    (author, message, at): (&str, &str, Timestamp),
    files: &[File],
) -> Result<Commit, Refused> {
    let sha = git
        .commit(&NewCommit {
            references,
            parents: &[parent.to_owned()],
            author,
            at,
            message,
            files,
        })
        .await?;
    Ok(Commit {
        sha,
        message: message.to_owned(),
        author: author.to_owned(),
        at,
    })
}

/// Branches of forks live beside the repository's own, as all objects do.
pub(super) fn branch_reference(fork: Option<&str>, branch: &str) -> String {
    match fork {
        Some(owner) => format!("refs/forks/{}/heads/{branch}", owner.to_lowercase()),
        None => format!("refs/heads/{branch}"),
    }
}
