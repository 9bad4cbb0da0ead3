//! What people and the App can do, whichever way they ask: REST, the page, or a test.
//!
//! An action checks who may do it, changes the state and tells the webhook. All under one lock, so that
//! deliveries tell of events in the order in which they happened.

mod apps;
mod comments;
mod pull_state;
mod pulls;
mod repositories;

use super::{
    git::GitError,
    model::{App, Repository, Role, State},
};

pub(crate) use apps::{Account, RegistrationRefused};
pub(crate) use pull_state::PullState;
pub(crate) use pulls::NewPull;
pub(crate) use repositories::NewRepository;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// A person, by login.
    Person(String),
    /// An App, by its number, with an installation token whose permissions were checked before.
    App(u64),
}

impl Actor {
    pub(crate) fn login(&self, state: &State) -> String {
        match self {
            Self::Person(login) => login.clone(),
            Self::App(id) => state.app_by_id(*id).map(App::bot_login).unwrap_or_default(),
        }
    }
}

/// Where something happens: an issue or pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: String,
    pub(crate) repo: String,
    pub(crate) number: u64,
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing, or the actor may not know of it.
    #[error("not found")]
    NotFound,
    /// The actor lacks the role.
    #[error("{0}")]
    Forbidden(String),
    /// The conversation is locked.
    #[error("Unable to create comment because issue is locked.")]
    Locked,
    /// The text is not acceptable.
    #[error("{message}")]
    Invalid {
        /// GitHub's name for the kind of thing.
        resource: &'static str,
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The repository on disk could not be changed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The repository, if the person may see it; GitHub does not admit that a hidden one exists.
fn visible<'a>(
    state: &'a State,
    owner: &str,
    repo: &str,
    actor: &Actor,
) -> Result<(&'a Repository, Role), Refused> {
    let repository = state.repository(owner, repo).ok_or(Refused::NotFound)?;
    match actor {
        Actor::App(_) => Ok((repository, Role::Write)),
        Actor::Person(login) => match state.role(repository, login) {
            Role::None => Err(Refused::NotFound),
            role => Ok((repository, role)),
        },
    }
}
