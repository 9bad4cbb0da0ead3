//! Closing, reopening, locking and merging pull requests, and whether they are drafts.

use super::{
    Actor, Place, Refused,
    pulls::{branch_reference, issue_mut},
    visible,
};
use crate::{
    git::NewCommit,
    model::{Merge, Repository, Role},
    shared::Shared,
};

/// What can be changed of a pull request besides its commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PullState {
    Closed,
    Open,
    Locked,
    Unlocked,
    Draft,
    ReadyForReview,
}

impl Shared {
    /// Closes, reopens, locks, unlocks, or says whether it is a draft.
    pub(crate) fn set_pull_state(
        &self,
        actor: &Actor,
        place: &Place,
        to: PullState,
    ) -> Result<Option<String>, Refused> {
        self.change(|state| {
            let (repository, role) = visible(state, &place.owner, &place.repo, actor)?;
            let issue = repository.issues.get(&place.number).ok_or(Refused::NotFound)?;
            let login = actor.login(state);
            let (needed, may_be_own) = match to {
                PullState::Closed | PullState::Open => (Role::Triage, true),
                PullState::Locked | PullState::Unlocked => (Role::Write, false),
                PullState::Draft | PullState::ReadyForReview => (Role::Write, true),
            };
            let is_own = may_be_own && issue.author.eq_ignore_ascii_case(&login);
            if role < needed && !is_own {
                return Err(Refused::Forbidden(format!(
                    "{login} needs the role {} for this.",
                    needed.role_name()
                )));
            }
            let merged = issue.pull_request.as_ref().is_some_and(|pull| pull.merge.is_some());
            let (was_open, now) = (issue.is_open(), self.clock.now());
            let issue = issue_mut(state, place)?;
            let action = match to {
                PullState::Closed if was_open => {
                    issue.closed_at = Some(now);
                    "closed"
                }
                PullState::Open if merged => {
                    return Err(Refused::Forbidden("A merged pull request cannot be reopened.".into()));
                }
                PullState::Open if !was_open => {
                    issue.closed_at = None;
                    "reopened"
                }
                PullState::Open | PullState::Closed => return Ok(None),
                PullState::Locked | PullState::Unlocked => {
                    issue.locked = to == PullState::Locked;
                    return Ok(None);
                }
                PullState::Draft | PullState::ReadyForReview => {
                    let draft = to == PullState::Draft;
                    let pull = issue.pull_request.as_mut().ok_or(Refused::NotFound)?;
                    if std::mem::replace(&mut pull.draft, draft) == draft {
                        return Ok(None);
                    }
                    if draft { "converted_to_draft" } else { "ready_for_review" }
                }
            };
            issue.updated_at = now;
            Ok(self.tell_of_pull(state, action, place, &login, None))
        })
    }

    /// Merges a pull request with a real merge commit.
    pub(crate) async fn merge(&self, actor: &Actor, place: &Place) -> Result<String, Refused> {
        let (git, login, base, head, message) = self.read(|wire| {
            let (repository, role) = visible(wire.state, &place.owner, &place.repo, actor)?;
            let (issue, pull) = repository
                .pull(place.number)
                .filter(|(issue, _)| issue.is_open())
                .ok_or(Refused::NotFound)?;
            let login = actor.login(wire.state);
            if role < Role::Write {
                return Err(Refused::Forbidden(format!("{login} needs the role write for this.")));
            }
            let message =
                format!("Merge pull request #{} from {}\n\n{}", issue.number, pull.head_branch, issue.title);
            Ok((
                repository.git.clone(),
                login,
                pull.base_branch.clone(),
                pull.head_sha().to_owned(),
                message,
            ))
        })?;
        let reference = branch_reference(None, &base);
        let onto = git.resolve(&reference).await.ok_or(Refused::NotFound)?;
        let at = self.clock.now();
        let sha = git
            .merge(&NewCommit {
                references: &[reference],
                parents: &[onto, head],
                author: &login,
                at,
                message: &message,
                files: &[],
            })
            .await?;
        self.change(|state| {
            let repository = state.repository_mut(&place.owner, &place.repo).ok_or(Refused::NotFound)?;
            if base == Repository::DEFAULT_BRANCH {
                repository.main_sha.clone_from(&sha);
            }
            let issue = issue_mut(state, place)?;
            issue.closed_at = Some(at);
            issue.updated_at = at;
            let pull = issue.pull_request.as_mut().ok_or(Refused::NotFound)?;
            pull.merge = Some(Merge { sha: sha.clone(), by: login.clone(), at });
            self.tell_of_pull(state, "closed", place, &login, None);
            Ok(sha)
        })
    }
}
