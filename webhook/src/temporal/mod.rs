//! How does Temporal hear of each thing once, and in one place?
//!
//! A pull request's workflow has its name, `owner/repo#123`, for an ID: whoever signals that ID reaches the one run there is. A comment also
//! starts it (signal-with-start, which the server does atomically); a push or the end of a pull request does only where previews of it are open.
//!
//! Observed with Temporal 1.32: with the same request ID, even 20 times at once, a run gets a signal once, be it the run that the first of them
//! started or one that was open before. Across runs, the workflow itself remembers the comments it has heard.

mod calls;

use std::time::Duration;

use async_trait::async_trait;
use service::signal::{Signal, Signalled, Start, signal_pull_request};
use temporalio_client::{
    Client, ClientOptions, ConnectionOptions, NamespacedClient, RetryOptions,
    errors::ClientConnectError, tonic::Status,
};
use workflows::{payload::json, vocabulary::PullRequestRef};

use crate::{
    delivery::DeliveryId,
    inbox::{Inbox, News, Told, Unconfirmed},
};

/// Longest time for all attempts of one call. A delivery takes one, and has a deadline of its own.
const RETRY_FOR: Duration = Duration::from_secs(6);

/// A namespace of a Temporal server, and the queue our workers listen to.
#[derive(Clone)]
pub struct Temporal {
    client: Client,
    task_queue: String,
}

impl Temporal {
    /// Connects.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn connect(
        mut connection: ConnectionOptions,
        namespace: &str,
        task_queue: &str,
    ) -> Result<Self, ClientConnectError> {
        connection.identity = format!("preview-webhook/{}", env!("CARGO_PKG_VERSION"));
        connection.retry_options = RetryOptions::builder()
            .max_elapsed_time(Some(RETRY_FOR))
            .build();
        let options = ClientOptions::new(namespace).build();
        let client = Box::pin(Client::connect(connection, options)).await?;
        Ok(Self {
            client,
            task_queue: task_queue.to_owned(),
        })
    }
}

#[async_trait]
impl Inbox for Temporal {
    async fn tell(
        &self,
        pull_request: &PullRequestRef,
        news: &News,
        delivery: &DeliveryId,
    ) -> Result<Told, Unconfirmed> {
        let (input, request_id) = match news {
            // By the comment and not by the delivery: two webhooks may tell us of the same one.
            News::Commented(news) => (json(news), format!("comment-{}", news.comment)),
            News::Pushed(news) => (json(news), delivery.to_string()),
            News::Closed(news) => (json(news), delivery.to_string()),
        };
        let signal = Signal {
            pull_request,
            repository_id: Some(news.origin().repository_id),
            name: news.signal(),
            input,
            request_id,
        };
        let start = match news {
            News::Commented(_) => Start::Always,
            News::Pushed(_) | News::Closed(_) => Start::IfPreviewsAreOpen,
        };
        match signal_pull_request(&self.client, &self.task_queue, signal, start).await {
            Ok(Signalled::Delivered) => Ok(Told::Heard),
            Ok(Signalled::NoWorkflow) => Ok(Told::NobodyThere),
            Err(status) => Err(unconfirmed(format!("telling {pull_request}"), &status)),
        }
    }

    async fn check(&self) -> Result<(), Unconfirmed> {
        self.describe_namespace().await.map_err(|status| {
            let namespace = self.client.namespace();
            unconfirmed(format!("reaching namespace {namespace}"), &status)
        })
    }
}

fn unconfirmed(doing: String, status: &Status) -> Unconfirmed {
    Unconfirmed {
        doing,
        reason: format!("{:?}: {}", status.code(), status.message()),
    }
}
