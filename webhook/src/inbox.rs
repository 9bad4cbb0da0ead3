//! What do we tell a pull request's workflow? Behind a trait, so that HTTP tests run without Temporal.

use async_trait::async_trait;
use workflows::{
    pull_request::{Closed, Commented, Origin, Pushed},
    vocabulary::PullRequestRef,
};

use crate::delivery::DeliveryId;

/// Where pull requests' workflows hear what happens. Whatever it has confirmed survives this process.
#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// Tells the workflow of a pull request.
    ///
    /// Telling it the same again changes nothing.
    async fn tell(
        &self,
        pull_request: &PullRequestRef,
        news: &News,
        delivery: &DeliveryId,
    ) -> Result<Told, Unconfirmed>;

    /// Is anybody there who could confirm something?
    async fn check(&self) -> Result<(), Unconfirmed>;
}

/// What happened on a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Someone asks for something. Begins a conversation if there is none.
    Commented(Commented),
    /// Concerns a conversation only that there is already.
    Pushed(Pushed),
    /// As before.
    Closed(Closed),
}

/// Who heard it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The pull request's workflow.
    Heard,
    /// Nobody: nothing was asked for on that pull request, or it is long over, and no preview is open.
    NobodyThere,
}

/// Temporal has not confirmed. It may have acted all the same; telling it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing} failed: Temporal says {reason}; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE")]
pub struct Unconfirmed {
    /// `telling octo-org/hello-world#12`
    pub doing: String,
    /// Code and words of the answer.
    pub reason: String,
}

impl News {
    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Commented(commented) => &commented.origin,
            Self::Pushed(pushed) => &pushed.origin,
            Self::Closed(closed) => &closed.origin,
        }
    }

    /// The name of the signal that carries it, which is also what logs and metrics call it.
    #[must_use]
    pub fn signal(&self) -> &'static str {
        match self {
            Self::Commented(_) => "commented",
            Self::Pushed(_) => "pushed",
            Self::Closed(_) => "closed",
        }
    }
}
