//! How does Temporal make one preview out of many requests?
//!
//! The raw calls are used (see `calls`) because the SDK's hide what this rests on. Observed with Temporal 1.32:
//!
//! - A start is identified by its request ID, here `comment-<id>`. Temporal knows the request IDs of the newest run of a workflow ID, open or
//!   closed, also those that were attached while it was open: the same start again, even 20 times at once, changes nothing and returns that run.
//! - Request IDs of *older* runs are forgotten. Comment IDs only grow, so the memo of each run keeps the newest comment it has heard of: by its
//!   start, or by the signal that follows when a start finds it running. A comment that is not newer was answered by that run or before it.
//! - A push between a delivery and its redelivery changes the commit, and with it the workflow ID. So the other runs of the pull request are asked
//!   too, through Temporal's visibility. That may lag by some milliseconds, which a push does not fit into.

mod calls;

use std::time::Duration;

use async_trait::async_trait;
use calls::{StartRequest, json};
use temporalio_client::{
    Client, ClientOptions, ConnectionOptions, NamespacedClient, RetryOptions,
    errors::ClientConnectError,
    tonic::{Code, Status},
};
use temporalio_common::protos::temporal::api::enums::v1::{
    WorkflowExecutionStatus, WorkflowIdReusePolicy,
};
use url::Url;
use workflows::{activities::Notice, vocabulary::PreviewRequest};

use crate::start::{Start, StartError, Starter};

/// Longest time to open the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for all attempts of one call. A delivery takes up to three, and its own deadline ends them all.
const RETRY_FOR: Duration = Duration::from_secs(4);

/// The names that the workflows crate gives its workflows.
const PREVIEW: &str = "PreviewWorkflow";
const REFUSAL: &str = "RefusalNotice";

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
        address: Url,
        namespace: &str,
        task_queue: &str,
    ) -> Result<Self, ClientConnectError> {
        let retries = RetryOptions::builder()
            .max_elapsed_time(Some(RETRY_FOR))
            .build();
        let options = ConnectionOptions::new(address)
            .identity(format!("preview-webhook/{}", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .retry_options(retries)
            .build();
        let client = Client::connect(options, ClientOptions::new(namespace).build()).await?;
        Ok(Self {
            client,
            task_queue: task_queue.to_owned(),
        })
    }

    async fn ensure_preview(&self, request: &PreviewRequest) -> Result<Start, Status> {
        let workflow_id = request.preview.to_string();
        let (comment, login) = (request.comment, &request.requested_by);
        let commit = request.preview.commit.short();
        let summary = format!("{} {commit} for @{login}", request.pull_request());
        let details = format!("Asked for by @{login} in comment {comment}.");
        // The run that a start joins may end before it hears of the comment. Then a second start is needed, and that one is another request.
        for request_id in [
            format!("comment-{comment}"),
            format!("comment-{comment}-again"),
        ] {
            if self.is_answered(request).await? {
                return Ok(Start::AlreadyServed);
            }
            let response = self
                .start(StartRequest {
                    workflow_id: workflow_id.clone(),
                    workflow_type: PREVIEW,
                    input: json(request),
                    request_id,
                    reuse: WorkflowIdReusePolicy::AllowDuplicate,
                    comment,
                    summary: &summary,
                    details: &details,
                })
                .await?;
            if response.status() != WorkflowExecutionStatus::Running {
                continue;
            }
            if response.started {
                return Ok(Start::Started);
            }
            match self.signal_requested_again(&workflow_id, comment).await {
                Err(status) if status.code() == Code::NotFound => {}
                result => return result.map(|()| Start::Joined),
            }
        }
        Err(Status::aborted("its runs end as soon as they are started"))
    }

    /// Has this comment, or a newer one, been answered by a preview of the same pull request, whatever became of that?
    async fn is_answered(&self, request: &PreviewRequest) -> Result<bool, Status> {
        let (of_this_commit, of_any_commit) = tokio::try_join!(
            self.newest_comment_of(request.preview.to_string()),
            self.newest_comment_on(request.pull_request()),
        )?;
        Ok(of_this_commit.max(of_any_commit) >= Some(request.comment))
    }
}

#[async_trait]
impl Starter for Temporal {
    async fn start_preview(&self, request: &PreviewRequest) -> Result<Start, StartError> {
        self.ensure_preview(request)
            .await
            .map_err(|status| failed(format!("starting {}", request.preview), &status))
    }

    async fn send_notice(&self, notice: &Notice) -> Result<(), StartError> {
        let (pull_request, login) = (&notice.pull_request, &notice.requested_by);
        let comment = notice.comment_id;
        let started = self
            .start(StartRequest {
                workflow_id: format!("refusal:{pull_request}:{login}"),
                workflow_type: REFUSAL,
                input: json(notice),
                request_id: format!("comment-{comment}"),
                reuse: WorkflowIdReusePolicy::RejectDuplicate,
                comment,
                summary: &format!("{pull_request} refused to @{login}"),
                details: &format!("Asked for by @{login} in comment {comment}."),
            })
            .await;
        match started {
            Ok(_) => Ok(()),
            // This person was told on this pull request before.
            Err(status) if status.code() == Code::AlreadyExists => Ok(()),
            Err(status) => Err(failed(
                format!("telling @{login} on {pull_request}"),
                &status,
            )),
        }
    }

    async fn check(&self) -> Result<(), StartError> {
        self.describe_namespace().await.map_err(|status| {
            let namespace = self.client.namespace();
            failed(format!("reaching namespace {namespace}"), &status)
        })
    }
}

fn failed(doing: String, status: &Status) -> StartError {
    StartError {
        doing,
        reason: format!("{:?}: {}", status.code(), status.message()),
    }
}
