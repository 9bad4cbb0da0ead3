//! Which calls does Temporal get from us, field for field?

use std::time::Duration;

use serde::Serialize;
use temporalio_client::{
    Connection, NamespacedClient, RetryOptions,
    grpc::WorkflowService,
    request_extensions::RetryConfigForCall,
    tonic::{Code, IntoRequest, Request, Response, Status},
};
use temporalio_common::protos::{
    coresdk::{AsJsonPayloadExt, FromJsonPayloadExt},
    temporal::api::{
        common::v1::{Memo, Payload, WorkflowExecution, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflow::v1::{OnConflictOptions, WorkflowExecutionInfo},
        workflowservice::v1::{
            DescribeNamespaceRequest, DescribeWorkflowExecutionRequest,
            ListWorkflowExecutionsRequest, SignalWorkflowExecutionRequest,
            StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
        },
    },
};
use workflows::{
    preview::NEWEST_COMMENT,
    vocabulary::{CommentId, PullRequestRef},
};

use super::Temporal;

/// Longest time for one attempt of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for the call behind `/readyz`, which is not repeated: the next probe is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Of how many runs of a pull request the newest comment is asked.
const RUNS_ASKED: i32 = 100;
/// The signal by which a running preview learns that another comment asks for it.
const REQUESTED_AGAIN: &str = "requested_again";

/// What differs between our starts.
pub(super) struct StartRequest<'a> {
    pub(super) workflow_id: String,
    pub(super) workflow_type: &'static str,
    pub(super) input: Payload,
    /// What makes a repeated start the same start.
    pub(super) request_id: String,
    pub(super) reuse: WorkflowIdReusePolicy,
    pub(super) comment: CommentId,
    /// One line for Temporal's UI.
    pub(super) summary: &'a str,
    pub(super) details: &'a str,
}

impl Temporal {
    /// Starts a workflow, or attaches the request to the run that is open.
    pub(super) async fn start(
        &self,
        start: StartRequest<'_>,
    ) -> Result<StartWorkflowExecutionResponse, Status> {
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
            .map(Response::into_inner)
    }

    /// Tells a running preview of another comment that asks for it. Applied once, however often it is sent.
    pub(super) async fn signal_requested_again(
        &self,
        workflow_id: &str,
        comment: CommentId,
    ) -> Result<(), Status> {
        let request = SignalWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            workflow_execution: Some(newest_run_of(workflow_id.to_owned())),
            signal_name: REQUESTED_AGAIN.to_owned(),
            input: Some(json(&comment).into()),
            request_id: format!("comment-{comment}"),
            ..SignalWorkflowExecutionRequest::default()
        };
        self.service()
            .signal_workflow_execution(limited(request))
            .await?;
        Ok(())
    }

    /// The newest comment that the newest run of a workflow ID has heard of, if Temporal still remembers one.
    pub(super) async fn newest_comment_of(
        &self,
        workflow_id: String,
    ) -> Result<Option<CommentId>, Status> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            execution: Some(newest_run_of(workflow_id)),
        };
        let described = self
            .service()
            .describe_workflow_execution(limited(request))
            .await;
        match described {
            Ok(response) => Ok(response
                .into_inner()
                .workflow_execution_info
                .and_then(newest_comment)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// The newest comment that any preview of a pull request has heard of. Runs are listed newest first, so one page is enough.
    pub(super) async fn newest_comment_on(
        &self,
        pull_request: PullRequestRef,
    ) -> Result<Option<CommentId>, Status> {
        let request = ListWorkflowExecutionsRequest {
            namespace: self.client.namespace(),
            page_size: RUNS_ASKED,
            // Nothing to escape: neither owners nor repositories can have a quote in their names.
            query: format!("WorkflowId STARTS_WITH '{pull_request}:'"),
            ..ListWorkflowExecutionsRequest::default()
        };
        let listed = self
            .service()
            .list_workflow_executions(limited(request))
            .await?;
        let runs = listed.into_inner().executions.into_iter();
        Ok(runs.filter_map(newest_comment).max())
    }

    /// Does the namespace exist, and does the server answer now?
    pub(super) async fn describe_namespace(&self) -> Result<(), Status> {
        let mut request = DescribeNamespaceRequest {
            namespace: self.client.namespace(),
            ..DescribeNamespaceRequest::default()
        }
        .into_request();
        request.set_timeout(CHECK_TIMEOUT);
        request
            .extensions_mut()
            .insert(RetryConfigForCall(RetryOptions::no_retries()));
        self.service().describe_namespace(request).await?;
        Ok(())
    }

    /// Calls made on the connection itself are repeated when that may help.
    fn service(&self) -> Connection {
        self.client.connection().clone()
    }
}

fn newest_run_of(workflow_id: String) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id,
        run_id: String::new(),
    }
}

/// What the memo says. Runs that were started by hand have none.
fn newest_comment(run: WorkflowExecutionInfo) -> Option<CommentId> {
    let newest = run.memo?.fields.remove(NEWEST_COMMENT)?;
    CommentId::from_json_payload(&newest).ok()
}

fn limited<T>(message: T) -> Request<T> {
    let mut request = message.into_request();
    request.set_timeout(CALL_TIMEOUT);
    request
}

pub(super) fn json(value: &(impl Serialize + ?Sized)) -> Payload {
    (&value)
        .as_json_payload()
        .expect("our own structures have text keys only")
}
