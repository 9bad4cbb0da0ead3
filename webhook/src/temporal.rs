//! Signals by way of Temporal: each event once, and in one place.
//!
//! A pull request's workflow has its name, `owner/repo#123`, for an ID: whoever signals that ID reaches the
//! one run there is. Where no run has it, the pull request's open workflows are looked up, as one may have
//! begun before the repository was renamed; it gets the signal then. Where there is none, a comment starts
//! one (signal-with-start, which the server does atomically); a push or the end of a pull request does only
//! where previews of it are open.
//!
//! Observed with Temporal 1.32: with the same request ID, even 20 times at once, a run gets a signal once,
//! be it the run that the first of them started or one that was open before. Across runs, the workflow
//! itself remembers the comments it has seen.

use std::time::Duration;

use async_trait::async_trait;
use domain::{PullRequestRef, pull_request::PullRequestEvent};
use runtime::{
    signal::{Recipient, Signalled, Start, signal_pull_request},
    temporal::reason,
};
use temporalio_client::{Client, ConnectionOptions, RetryOptions};
use workflows::signal::Signal;

use crate::{
    delivery::DeliveryId,
    signaler::{SignalError, Signaler},
};

/// Longest time for all attempts of one call. A delivery may take several calls; all of
/// them together have its deadline.
const RETRY_FOR: Duration = Duration::from_secs(6);

/// A namespace of a Temporal server, and the queue that our workers poll.
#[derive(Clone)]
pub struct TemporalSignaler {
    client: Client,
    task_queue: String,
}

impl TemporalSignaler {
    /// How the webhook presents itself to Temporal, and how long it tries.
    pub fn prepare(connection: &mut ConnectionOptions) {
        connection.identity = format!("preview-webhook/{}", env!("CARGO_PKG_VERSION"));
        connection.retry_options = RetryOptions::builder().max_elapsed_time(Some(RETRY_FOR)).build();
    }

    /// Through this connection, to this queue.
    #[must_use]
    pub fn new(client: Client, task_queue: &str) -> Self {
        Self { client, task_queue: task_queue.to_owned() }
    }
}

#[async_trait]
impl Signaler for TemporalSignaler {
    async fn signal(
        &self,
        pull_request: &PullRequestRef,
        event: PullRequestEvent,
        delivery: &DeliveryId,
    ) -> Result<Signalled, SignalError> {
        let recipient = Recipient {
            pull_request,
            repository_id: Some(event.origin().repository_id),
        };
        let start = if event.starts_workflow() {
            Start::Always
        } else {
            Start::IfPreviewsAreOpen
        };
        let signal = Signal::event(event, delivery.to_string());
        signal_pull_request(&self.client, &self.task_queue, recipient, signal, start)
            .await
            .map_err(|status| SignalError { pull_request: pull_request.clone(), reason: reason(&status) })
    }
}
