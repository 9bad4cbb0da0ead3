//! Signals to pull requests' workflows. Behind a trait, so that HTTP tests run without Temporal.

use async_trait::async_trait;
use domain::{PullRequestRef, pull_request::PullRequestEvent};
pub use runtime::signal::Signalled;

use crate::delivery::DeliveryId;

/// Whoever delivers signals. Whatever it has confirmed survives this process.
#[async_trait]
pub trait Signaler: Send + Sync + 'static {
    /// Signals the workflow of a pull request. The same signal again changes nothing.
    async fn signal(
        &self,
        pull_request: &PullRequestRef,
        event: PullRequestEvent,
        delivery: &DeliveryId,
    ) -> Result<Signalled, SignalError>;
}

/// Temporal has not confirmed. It may have taken the signal all the same; signalling again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "signalling {pull_request} failed: Temporal says {reason}; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"
)]
pub struct SignalError {
    /// Whose workflow was to be signalled.
    pub pull_request: PullRequestRef,
    /// Code and words of the answer.
    pub reason: String,
}
