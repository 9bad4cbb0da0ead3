//! What happens on a pull request: one type from the delivery to the workflow.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Command, CommentId, CommitSha, InstallationId, Login, Misunderstood, RepositoryId};

/// One thing that happened on a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestEvent {
    /// Somebody asked for something.
    Commented(Commented),
    /// There is a new newest commit.
    Pushed(Pushed),
    /// It was closed or merged.
    Closed(Closed),
}

/// A new comment with at least one line that is addressed to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commented {
    /// Which comment; the same one is carried out once, however often it is signalled.
    pub comment: CommentId,
    /// Who wrote it.
    pub author: Login,
    /// Its lines that are addressed to us, in order.
    pub commands: Vec<Result<Command, Misunderstood>>,
    /// Where it comes from, and when it was written.
    pub origin: Origin,
    /// The commands before these were obeyed, and answered, when GitHub did not say whether the author may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rest: bool,
}

impl Commented {
    /// Is a `stop` among its commands?
    #[must_use]
    pub fn has_stop(&self) -> bool {
        self.commands.contains(&Ok(Command::Stop))
    }

    /// Does it ask for a preview, or for more time?
    #[must_use]
    pub fn has_request(&self) -> bool {
        self.commands.iter().flatten().any(Command::is_request)
    }
}

/// The pull request has a new newest commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Which.
    pub head: CommitSha,
    /// Who pushed it; none where that is not a person.
    pub by: Option<Login>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The pull request was closed or merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Merged, not merely closed.
    pub merged: bool,
    /// Where it comes from, and when it was closed.
    pub origin: Origin,
}

/// What every event on a pull request says beside what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Through which installation the pull request is reached.
    pub installation: InstallationId,
    /// The repository, whatever it is called.
    pub repository_id: RepositoryId,
    /// When it happened, by GitHub's clock.
    pub happened_at: Timestamp,
    /// When it reached us, by the webhook's clock.
    pub received_at: Timestamp,
}

impl PullRequestEvent {
    /// Where it comes from, and when it happened.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Commented(comment) => &comment.origin,
            Self::Pushed(push) => &push.origin,
            Self::Closed(close) => &close.origin,
        }
    }

    /// The signal that carries it to the pull request's workflow, and what logs and metrics call it.
    #[must_use]
    pub fn signal_name(&self) -> &'static str {
        match self {
            Self::Commented(_) => "commented",
            Self::Pushed(_) => "pushed",
            Self::Closed(_) => "closed",
        }
    }

    /// Is the pull request to be attended to from now on? If not, it is only where previews are open.
    #[must_use]
    pub fn starts_workflow(&self) -> bool {
        matches!(self, Self::Commented(_))
    }

    /// Whose rights decide whether it is obeyed; nobody's, where only the pull request's state matters.
    #[must_use]
    pub fn person(&self) -> Option<&Login> {
        match self {
            Self::Commented(comment) => Some(&comment.author),
            Self::Pushed(push) => push.by.as_ref(),
            Self::Closed(_) => None,
        }
    }
}
