//! How does a pull request's workflow learn what has become of a preview, even if it does not run (any more)?

use std::time::Duration;

use serde::Serialize;
use temporalio_client::{
    Client, NamespacedClient,
    tonic::{IntoRequest, Request},
};
use temporalio_common::protos::{
    coresdk::AsJsonPayloadExt,
    temporal::api::{
        common::v1::{Payloads, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        taskqueue::v1::TaskQueue,
        workflowservice::v1::SignalWithStartWorkflowExecutionRequest,
    },
};
use workflows::{
    activities::{PreviewReport, ReportPreview},
    pull_request::PullRequestInput,
    vocabulary::PullRequestRef,
};

use crate::temporal::TemporalError;

/// Longest time for one attempt of the call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The name that the workflows crate gives the workflow.
const WORKFLOW: &str = "PullRequestWorkflow";
/// The signal that it takes reports by.
const SIGNAL: &str = "reported";

/// Signals the pull request's workflow, and starts it first if it does not run. The raw call is used because the SDK's makes up a request ID of its
/// own each time, and it is by the request ID that Temporal knows the same signal again.
pub(crate) async fn send(
    temporal: &Client,
    task_queue: &str,
    request: &ReportPreview,
) -> Result<(), TemporalError> {
    let report = &request.report;
    let pull_request = PullRequestRef {
        installation: request.installation,
        repository: report.preview.repository.clone(),
        number: report.preview.pull_request,
    };
    let call = SignalWithStartWorkflowExecutionRequest {
        namespace: temporal.namespace(),
        identity: temporal.identity(),
        workflow_id: pull_request.to_string(),
        workflow_type: Some(WorkflowType {
            name: WORKFLOW.to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: task_queue.to_owned(),
            ..TaskQueue::default()
        }),
        input: Some(json(&PullRequestInput::from(pull_request))),
        signal_name: SIGNAL.to_owned(),
        signal_input: Some(json(report)),
        request_id: request_id(report),
        workflow_id_reuse_policy: WorkflowIdReusePolicy::AllowDuplicate as i32,
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting as i32,
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    temporal
        .connection()
        .workflow_service()
        .signal_with_start_workflow_execution(limited(call))
        .await
        .map_err(|status| TemporalError::new(format!("reporting on {}", report.preview), status))?;
    Ok(())
}

/// One per thing that is said.
fn request_id(report: &PreviewReport) -> String {
    // A run that does not exist yet has nothing to report; its preview's name is then as good.
    let run = report
        .run_id
        .clone()
        .unwrap_or_else(|| report.preview.to_string());
    format!("{run}-{}", report.revision)
}

fn json(value: &impl Serialize) -> Payloads {
    (&value)
        .as_json_payload()
        .expect("our own structures have text keys only")
        .into()
}

fn limited<T>(message: T) -> Request<T> {
    let mut request = message.into_request();
    request.set_timeout(CALL_TIMEOUT);
    request
}
