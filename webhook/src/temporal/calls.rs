//! Which calls does Temporal get from us, field for field?

use std::time::Duration;

use serde::Serialize;
use temporalio_client::{
    Connection, NamespacedClient, RetryOptions,
    grpc::WorkflowService,
    request_extensions::RetryConfigForCall,
    tonic::{IntoRequest, Request, Status},
};
use temporalio_common::protos::{
    coresdk::AsJsonPayloadExt,
    temporal::api::{
        common::v1::{Payload, WorkflowExecution, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{
            DescribeNamespaceRequest, SignalWithStartWorkflowExecutionRequest,
            SignalWorkflowExecutionRequest,
        },
    },
};
use workflows::{pull_request::PullRequestInput, vocabulary::PullRequestRef};

use super::Temporal;

/// Longest time for one attempt of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for the call behind `/readyz`, which is not repeated: the next probe is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// The name that the workflows crate gives to the workflow of a pull request.
const PULL_REQUEST: &str = "PullRequestWorkflow";

/// A signal to a pull request's workflow.
pub(super) struct Signal<'a> {
    pub(super) pull_request: &'a PullRequestRef,
    pub(super) name: &'static str,
    pub(super) input: Payload,
    /// What makes a repeated signal the same signal.
    pub(super) request_id: String,
}

impl Temporal {
    /// Signals the workflow, and starts it before if it is not running.
    pub(super) async fn signal_with_start(&self, signal: Signal<'_>) -> Result<(), Status> {
        let Signal { pull_request, .. } = signal;
        let request = SignalWithStartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            workflow_id: pull_request.to_string(),
            workflow_type: Some(WorkflowType {
                name: PULL_REQUEST.to_owned(),
            }),
            task_queue: Some(TaskQueue {
                name: self.task_queue.clone(),
                ..TaskQueue::default()
            }),
            input: Some(json(&PullRequestInput::from(pull_request.clone())).into()),
            request_id: signal.request_id,
            workflow_id_reuse_policy: WorkflowIdReusePolicy::AllowDuplicate as i32,
            workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting as i32,
            signal_name: signal.name.to_owned(),
            signal_input: Some(signal.input.into()),
            user_metadata: Some(UserMetadata {
                summary: Some(json("The conversation on one pull request")),
                details: None,
            }),
            ..SignalWithStartWorkflowExecutionRequest::default()
        };
        self.service()
            .signal_with_start_workflow_execution(limited(request))
            .await?;
        Ok(())
    }

    /// Signals the workflow, if it is running.
    pub(super) async fn signal(&self, signal: Signal<'_>) -> Result<(), Status> {
        let request = SignalWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: signal.pull_request.to_string(),
                run_id: String::new(),
            }),
            signal_name: signal.name.to_owned(),
            input: Some(signal.input.into()),
            request_id: signal.request_id,
            ..SignalWorkflowExecutionRequest::default()
        };
        self.service()
            .signal_workflow_execution(limited(request))
            .await?;
        Ok(())
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
