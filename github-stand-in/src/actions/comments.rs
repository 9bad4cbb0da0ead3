//! Writing, editing and deleting comments, and reacting to them.

use std::collections::BTreeMap;

use super::{Actor, Place, Refused, visible};
use crate::{
    limits::LONGEST_BODY,
    model::{Comment, Reaction, Role, State, Version},
    shared::Shared,
    wire::Wire,
};

/// A comment that was written or edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) comment: u64,
    /// GUID of the delivery that tells of it.
    pub(crate) delivery: Option<String>,
}

/// Who may change a comment: its author, and people with write access.
fn may_edit(state: &State, owner: &str, repo: &str, id: u64, actor: &Actor) -> Result<String, Refused> {
    let (repository, role) = visible(state, owner, repo, actor)?;
    let (_, comment) = repository.comment(id).ok_or(Refused::NotFound)?;
    let login = actor.login(state);
    let own = comment.author.eq_ignore_ascii_case(&login);
    match actor {
        _ if own => Ok(login),
        Actor::Person(_) if role >= Role::Write => Ok(login),
        Actor::Person(_) => {
            Err(Refused::Forbidden("Must have write access to change somebody else's comment.".into()))
        }
        Actor::App(_) => Err(Refused::Forbidden("Resource not accessible by integration".into())),
    }
}

fn acceptable(body: &str) -> Result<(), Refused> {
    let invalid =
        |message: String| Err(Refused::Invalid { resource: "IssueComment", field: "data", message });
    if body.trim().is_empty() {
        invalid("Body cannot be blank".into())
    } else if body.chars().count() > LONGEST_BODY {
        invalid(format!("Body is too long (maximum is {LONGEST_BODY} characters)"))
    } else {
        Ok(())
    }
}

impl Shared {
    /// Writes a comment.
    pub(crate) fn write_comment(&self, actor: &Actor, place: &Place, body: &str) -> Result<Written, Refused> {
        self.change(|state| {
            let Place { owner, repo, number } = place;
            let (repository, role) = visible(state, owner, repo, actor)?;
            let issue = repository.issues.get(number).ok_or(Refused::NotFound)?;
            // A locked conversation is closed to Apps too, whatever their
            // permissions (probot/stale#25, renovate#6215).
            if issue.locked && (role < Role::Write || matches!(actor, Actor::App(_))) {
                return Err(Refused::Locked);
            }
            acceptable(body)?;
            let (id, now, author) = (state.next_id(), self.clock.now(), actor.login(state));
            let comment = Comment {
                id,
                author: author.clone(),
                via_app: matches!(actor, Actor::App(_)),
                versions: vec![Version { body: body.to_owned(), at: now }],
                reactions: Vec::new(),
                deleted_at: None,
            };
            let issue = state
                .repository_mut(owner, repo)
                .and_then(|repository| repository.issues.get_mut(number))
                .ok_or(Refused::NotFound)?;
            issue.updated_at = now;
            issue.comments.insert(id, comment);
            let delivery = self.tell_of_comment(state, "created", place, id, &author, None);
            Ok(Written { comment: id, delivery })
        })
    }

    /// Edits a comment.
    pub(crate) fn edit_comment(
        &self,
        actor: &Actor,
        owner: &str,
        repo: &str,
        id: u64,
        body: &str,
    ) -> Result<Written, Refused> {
        self.change(|state| {
            let login = may_edit(state, owner, repo, id, actor)?;
            acceptable(body)?;
            let place = place_of(state, owner, repo, id)?;
            let comment = state
                .repository_mut(owner, repo)
                .and_then(|repository| repository.comment_mut(id))
                .ok_or(Refused::NotFound)?;
            let was = comment.latest().body.clone();
            comment.versions.push(Version { body: body.to_owned(), at: self.clock.now() });
            let delivery = self.tell_of_comment(state, "edited", &place, id, &login, Some(&was));
            Ok(Written { comment: id, delivery })
        })
    }

    /// Deletes a comment.
    pub(crate) fn delete_comment(
        &self,
        actor: &Actor,
        owner: &str,
        repo: &str,
        id: u64,
    ) -> Result<Option<String>, Refused> {
        self.change(|state| {
            let login = may_edit(state, owner, repo, id, actor)?;
            let place = place_of(state, owner, repo, id)?;
            // Told before it is done: the payload holds the comment as it was.
            let delivery = self.tell_of_comment(state, "deleted", &place, id, &login, None);
            let comment = state
                .repository_mut(owner, repo)
                .and_then(|repository| repository.comment_mut(id))
                .ok_or(Refused::NotFound)?;
            comment.deleted_at = Some(self.clock.now());
            Ok(delivery)
        })
    }

    /// Reacts to a comment; the same reaction twice is one. Tells whether it is new.
    pub(crate) fn react(
        &self,
        actor: &Actor,
        owner: &str,
        repo: &str,
        id: u64,
        content: &str,
    ) -> Result<(Reaction, bool), Refused> {
        self.change(|state| {
            visible(state, owner, repo, actor)?;
            let (reaction_id, now, author) = (state.next_id(), self.clock.now(), actor.login(state));
            let comment = state
                .repository_mut(owner, repo)
                .and_then(|repository| repository.comment_mut(id))
                .ok_or(Refused::NotFound)?;
            let same = comment
                .reactions
                .iter()
                .find(|reaction| reaction.author == author && reaction.content == content);
            if let Some(same) = same {
                return Ok((same.clone(), false));
            }
            let reaction = Reaction {
                id: reaction_id,
                author,
                content: content.to_owned(),
                at: now,
            };
            comment.reactions.push(reaction.clone());
            Ok((reaction, true))
        })
    }

    fn tell_of_comment(
        &self,
        state: &State,
        action: &'static str,
        place: &Place,
        id: u64,
        sender: &str,
        was: Option<&str>,
    ) -> Option<String> {
        let repository = state.repository(&place.owner, &place.repo)?;
        let (issue, comment) = repository.comment(id)?;
        let wire = Wire { state, urls: &self.urls };
        self.courier
            .send(wire.issue_comment(action, (repository, issue, comment), sender, was))
    }

    /// Every body that a comment had, oldest first; also of a deleted one.
    pub(crate) fn comment_history(&self, place: &Place, id: u64) -> Vec<Version> {
        self.read(|wire| {
            let repository = wire.state.repository(&place.owner, &place.repo)?;
            let comments: &BTreeMap<u64, Comment> = &repository.issues.get(&place.number)?.comments;
            Some(comments.get(&id)?.versions.clone())
        })
        .unwrap_or_default()
    }
}

fn place_of(state: &State, owner: &str, repo: &str, comment: u64) -> Result<Place, Refused> {
    let repository = state.repository(owner, repo).ok_or(Refused::NotFound)?;
    let (issue, _) = repository.comment(comment).ok_or(Refused::NotFound)?;
    Ok(Place {
        owner: owner.to_owned(),
        repo: repo.to_owned(),
        number: issue.number,
    })
}
