//! With which call is a pull request's workflow told something, whether it runs or not?

use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, WorkflowType},
    enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    sdk::v1::UserMetadata,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::SignalWithStartWorkflowExecutionRequest,
};

use super::PullRequestInput;
use crate::{payload::json, vocabulary::PullRequestRef};

/// The name that `PullRequestWorkflow::run` gives to the workflow.
const WORKFLOW: &str = "PullRequestWorkflow";

/// A signal to the workflow, and the start of one if none is running. Namespace and identity are the caller's to fill in.
///
/// The raw call, because the SDK's makes up a request ID of its own each time, and it is by the request ID that Temporal knows the same signal again.
#[must_use]
pub fn signal_with_start(
    pull_request: PullRequestRef,
    task_queue: &str,
    signal: &str,
    input: Payload,
    request_id: String,
) -> SignalWithStartWorkflowExecutionRequest {
    SignalWithStartWorkflowExecutionRequest {
        workflow_id: pull_request.to_string(),
        workflow_type: Some(WorkflowType {
            name: WORKFLOW.to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: task_queue.to_owned(),
            ..TaskQueue::default()
        }),
        input: Some(json(&PullRequestInput::from(pull_request)).into()),
        signal_name: signal.to_owned(),
        signal_input: Some(input.into()),
        request_id,
        workflow_id_reuse_policy: WorkflowIdReusePolicy::AllowDuplicate as i32,
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting as i32,
        user_metadata: Some(UserMetadata {
            summary: Some(json("The conversation on one pull request")),
            details: None,
        }),
        ..SignalWithStartWorkflowExecutionRequest::default()
    }
}
