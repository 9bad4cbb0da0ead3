//! How does Temporal make one preview out of many requests?
//!
//! The raw calls are used because the SDK's hide what this rests on. Observed with Temporal 1.32:
//!
//! - A start is identified by its request ID, here `comment-<id>`. Temporal knows the request IDs of the newest run of a workflow ID, open or
//!   closed, also those that were attached while it was open: the same start again, even 20 times at once, changes nothing and returns that run.
//! - Request IDs of *older* runs are forgotten. Comment IDs only grow, so the memo of the newest run keeps the newest comment it has heard of: by
//!   its start, or by the signal that follows when a start finds it running. A comment that is not newer was answered by it or before it.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, NamespacedClient, RetryOptions,
    errors::ClientConnectError,
    grpc::WorkflowService,
    request_extensions::RetryConfigForCall,
    tonic::{Code, IntoRequest, Request, Status},
};
use temporalio_common::protos::{
    coresdk::{AsJsonPayloadExt, FromJsonPayloadExt},
    temporal::api::{
        common::v1::{Memo, Payload, WorkflowExecution, WorkflowType},
        enums::v1::{WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflow::v1::OnConflictOptions,
        workflowservice::v1::{
            DescribeNamespaceRequest, DescribeWorkflowExecutionRequest,
            SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest,
            StartWorkflowExecutionResponse,
        },
    },
};
use url::Url;
use workflows::{
    activities::Notice,
    preview::NEWEST_COMMENT,
    vocabulary::{CommentId, PreviewRequest},
};

use crate::start::{Start, StartError, Starter};

/// Longest time for one attempt of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for all attempts of one call: a delivery takes up to three calls and has 8 s.
const RETRY_FOR: Duration = Duration::from_secs(4);
/// Longest time for the call behind `/readyz`, which is not repeated: the next probe is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time to open the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Names that the workflows crate gives its workflows and signals.
const PREVIEW: &str = "PreviewWorkflow";
const REFUSAL: &str = "RefusalNotice";
const REQUESTED_AGAIN: &str = "requested_again";
/// What every request ID begins with.
const REQUEST_ID: &str = "comment-";

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

    /// The newest comment that the newest run of a workflow ID has heard of, if Temporal still remembers one.
    async fn newest_comment(&self, workflow_id: &str) -> Result<Option<CommentId>, Status> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
        };
        let described = self
            .service()
            .describe_workflow_execution(limited(request))
            .await;
        match described {
            Ok(response) => Ok(response
                .into_inner()
                .workflow_execution_info
                .and_then(|info| info.memo)
                .and_then(|mut memo| memo.fields.remove(NEWEST_COMMENT))
                .and_then(|payload| CommentId::from_json_payload(&payload).ok())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    async fn start(&self, start: StartRequest<'_>) -> Result<StartWorkflowExecutionResponse, Status> {
        let request = StartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            workflow_id: start.workflow_id,
            workflow_type: Some(WorkflowType {
                name: start.workflow_type.to_owned(),
            }),
            task_queue: Some(TaskQueue {
                name: self.task_queue.clone(),
                ..TaskQueue::default()
            }),
            input: Some(start.input.into()),
            request_id: start.request_id,
            workflow_id_reuse_policy: start.reuse as i32,
            workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting as i32,
            on_conflict_options: Some(OnConflictOptions {
                attach_request_id: true,
                ..OnConflictOptions::default()
            }),
            memo: Some(Memo {
                fields: [(NEWEST_COMMENT.to_owned(), json(&start.comment))].into(),
            }),
            user_metadata: Some(UserMetadata {
                summary: Some(json(start.summary)),
                details: Some(json(start.details)),
            }),
            ..StartWorkflowExecutionRequest::default()
        };
        self.service()
            .start_workflow_execution(limited(request))
            .await
            .map(temporalio_client::tonic::Response::into_inner)
    }

    /// Tells a running preview of another comment that asks for it. Applied once, however often it is sent.
    async fn signal_requested_again(
        &self,
        workflow_id: &str,
        comment: CommentId,
    ) -> Result<(), Status> {
        let request = SignalWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            signal_name: REQUESTED_AGAIN.to_owned(),
            input: Some(json(&comment).into()),
            request_id: format!("{REQUEST_ID}{comment}"),
            ..SignalWorkflowExecutionRequest::default()
        };
        self.service()
            .signal_workflow_execution(limited(request))
            .await?;
        Ok(())
    }

    async fn ensure_preview(&self, request: &PreviewRequest) -> Result<Start, Status> {
        let workflow_id = request.preview.to_string();
        let comment = request.comment;
        let summary = format!(
            "{} {} for @{}",
            request.pull_request(),
            request.preview.commit.short(),
            request.requested_by
        );
        let details = format!(
            "Asked for by @{} in comment {comment}.",
            request.requested_by
        );
        // The run that a start joins may end before it hears of the comment. Then a second start is needed, and that one is another request.
        for request_id in [
            format!("{REQUEST_ID}{comment}"),
            format!("{REQUEST_ID}{comment}-again"),
        ] {
            if self.newest_comment(&workflow_id).await? >= Some(comment) {
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

    /// Calls made on the connection itself are repeated when that may help.
    fn service(&self) -> Connection {
        self.client.connection().clone()
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
        let started = self
            .start(StartRequest {
                workflow_id: format!("refusal:{pull_request}:{login}"),
                workflow_type: REFUSAL,
                input: json(notice),
                request_id: format!("{REQUEST_ID}{}", notice.comment_id),
                reuse: WorkflowIdReusePolicy::RejectDuplicate,
                comment: notice.comment_id,
                summary: &format!("{pull_request} refused to @{login}"),
                details: &format!("Asked for in comment {}.", notice.comment_id),
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
        let namespace = self.client.namespace();
        let mut request = DescribeNamespaceRequest {
            namespace: namespace.clone(),
            ..DescribeNamespaceRequest::default()
        }
        .into_request();
        request.set_timeout(CHECK_TIMEOUT);
        request
            .extensions_mut()
            .insert(RetryConfigForCall(RetryOptions::no_retries()));
        self.service()
            .describe_namespace(request)
            .await
            .map(|_| ())
            .map_err(|status| failed(format!("reaching namespace {namespace}"), &status))
    }
}

/// What differs between our starts.
struct StartRequest<'a> {
    workflow_id: String,
    workflow_type: &'static str,
    input: Payload,
    request_id: String,
    reuse: WorkflowIdReusePolicy,
    comment: CommentId,
    summary: &'a str,
    details: &'a str,
}

fn limited<T>(message: T) -> Request<T> {
    let mut request = message.into_request();
    request.set_timeout(CALL_TIMEOUT);
    request
}

fn json(value: &(impl Serialize + ?Sized)) -> Payload {
    (&value)
        .as_json_payload()
        .expect("our own structures have text keys only")
}

fn failed(doing: String, status: &Status) -> StartError {
    StartError {
        doing,
        reason: format!("{:?}: {}", status.code(), status.message()),
    }
}
