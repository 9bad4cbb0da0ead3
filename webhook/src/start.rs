//! What do we ask of Temporal? Behind a trait, so that HTTP tests run without one.

use async_trait::async_trait;
use workflows::{activities::Notice, vocabulary::PreviewRequest};

/// The durable side: whatever it has confirmed survives this process.
#[async_trait]
pub trait Starter: Send + Sync + 'static {
    /// Makes sure that the requested preview runs, exactly once for this comment.
    ///
    /// Calling it again with the same request changes nothing, during the preview and after its end.
    async fn start_preview(&self, request: &PreviewRequest) -> Result<Start, StartError>;

    /// Has a person told why nothing was started, once for each person and pull request.
    async fn send_notice(&self, notice: &Notice) -> Result<(), StartError>;

    /// Is anybody there who could confirm something?
    async fn check(&self) -> Result<(), StartError>;
}

/// What a request for a preview led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// A new run.
    Started,
    /// The preview was running; it now knows of this comment too.
    Joined,
    /// A run, open or closed, has already answered this comment or a newer one.
    AlreadyServed,
}

/// Temporal has not confirmed. It may have acted all the same; asking again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing} failed: Temporal says {reason}; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE")]
pub struct StartError {
    /// `starting octo-org/hello-world#12:…`
    pub doing: String,
    /// Code and words of the answer.
    pub reason: String,
}
