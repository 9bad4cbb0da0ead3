//! Which calls does Temporal get from us, field for field?

use std::time::Duration;

use temporalio_client::{
    Connection, NamespacedClient, RetryOptions,
    grpc::WorkflowService,
    request_extensions::RetryConfigForCall,
    tonic::{IntoRequest, Request, Status},
};
use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, WorkflowExecution},
    workflowservice::v1::{DescribeNamespaceRequest, SignalWorkflowExecutionRequest},
};
use workflows::{pull_request::signal_with_start, vocabulary::PullRequestRef};

use super::Temporal;

/// Longest time for one attempt of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for the call behind `/readyz`, which is not repeated: the next probe is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

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
        let mut request = signal_with_start(
            signal.pull_request.clone(),
            &self.task_queue,
            signal.name,
            signal.input,
            signal.request_id,
        );
        request.namespace = self.client.namespace();
        request.identity = self.client.identity();
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
