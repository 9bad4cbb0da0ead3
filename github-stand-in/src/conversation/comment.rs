//! A comment, as a test sees it.

use jiff::Timestamp;

use crate::{
    Refused, StandIn, User, Version,
    actions::{Actor, Place},
    model,
};

/// A comment as it was when it was looked at.
#[derive(Clone)]
pub struct Comment {
    /// GitHub's identifier.
    pub id: u64,
    /// Who wrote it.
    pub author: String,
    /// The Markdown.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// The reactions to it, `eyes` and so on, oldest first.
    pub reactions: Vec<String>,
    /// GUID of the delivery that told of it; only known of a comment that one has just written.
    pub delivery: Option<String>,
    stand_in: StandIn,
    place: Place,
}

impl std::fmt::Debug for Comment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Comment")
            .field("id", &self.id)
            .field("author", &self.author)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl Comment {
    pub(super) fn all(stand_in: &StandIn, place: &Place) -> Vec<Self> {
        stand_in.shared.read(|wire| {
            let issue = wire
                .state
                .repository(&place.owner, &place.repo)
                .and_then(|repository| repository.issues.get(&place.number));
            issue
                .map(|issue| {
                    issue
                        .visible_comments()
                        .map(|comment| Self::of(stand_in, place, comment))
                        .collect()
                })
                .unwrap_or_default()
        })
    }

    pub(super) fn find(stand_in: &StandIn, place: &Place, id: u64) -> Option<Self> {
        Self::all(stand_in, place).into_iter().find(|comment| comment.id == id)
    }

    pub(super) fn told_by(self, delivery: Option<String>) -> Self {
        Self { delivery, ..self }
    }

    fn of(stand_in: &StandIn, place: &Place, comment: &model::Comment) -> Self {
        Self {
            id: comment.id,
            author: comment.author.clone(),
            body: comment.latest().body.clone(),
            created_at: comment.created_at(),
            updated_at: comment.latest().at,
            reactions: comment.reactions.iter().map(|reaction| reaction.content.clone()).collect(),
            delivery: None,
            stand_in: stand_in.clone(),
            place: place.clone(),
        }
    }

    /// Every body that it had so far, oldest first; also after it was deleted.
    #[must_use]
    pub fn history(&self) -> Vec<Version> {
        self.stand_in.shared.comment_history(&self.place, self.id)
    }

    /// Edits it; returns the GUID of the delivery.
    ///
    /// # Errors
    /// When `by` may not, or the text is empty or too long.
    pub fn edit(&self, by: &User, body: &str) -> Result<Option<String>, Refused> {
        let actor = Actor::Person(by.login().to_owned());
        self.stand_in
            .shared
            .edit_comment(&actor, &self.place.owner, &self.place.repo, self.id, body)
            .map(|written| written.delivery)
    }

    /// Deletes it; returns the GUID of the delivery.
    ///
    /// # Errors
    /// When `by` may not, or it is gone.
    pub fn delete(&self, by: &User) -> Result<Option<String>, Refused> {
        let actor = Actor::Person(by.login().to_owned());
        self.stand_in
            .shared
            .delete_comment(&actor, &self.place.owner, &self.place.repo, self.id)
    }
}
