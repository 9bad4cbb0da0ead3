//! The call by which a pull request's workflow is told something, whether it runs or not.

use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, WorkflowType},
    enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    sdk::v1::UserMetadata,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::SignalWithStartWorkflowExecutionRequest,
};

use super::PullRequestInput;
use crate::{
    payload::json,
    search_attributes::{PULL_REQUEST, REPOSITORY, REPOSITORY_ID},
    vocabulary::{PullRequestRef, RepositoryId},
};

/// The name that `PullRequestWorkflow::run` gives to the workflow.
pub const WORKFLOW_TYPE: &str = "PullRequestWorkflow";

/// A signal to the workflow, and the start of one if none is running. Namespace and identity are the caller's to fill in.
///
/// The raw call, because the SDK's makes up a request ID of its own each time, and it is by the request ID that Temporal knows the same signal again.
#[must_use]
pub fn signal_with_start(
    pull_request: PullRequestRef,
    repository_id: Option<RepositoryId>,
    task_queue: &str,
    signal: &str,
    input: Payload,
    request_id: String,
) -> SignalWithStartWorkflowExecutionRequest {
    SignalWithStartWorkflowExecutionRequest {
        workflow_id: pull_request.to_string(),
        workflow_type: Some(WorkflowType {
            name: WORKFLOW_TYPE.to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: task_queue.to_owned(),
            ..TaskQueue::default()
        }),
        input: Some(json(&PullRequestInput::new(pull_request, repository_id)).into()),
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

/// The visibility query that finds what is open of a pull request on a task queue: its workflow, whatever the repository was called when it began,
/// and its previews, those that were started by hand too. A repository that was given an earlier one's name is another one.
#[must_use]
pub fn open_workflows(
    pull_request: &PullRequestRef,
    repository_id: Option<RepositoryId>,
    task_queue: &str,
) -> String {
    let number = pull_request.number;
    let by_name = format!("{} = '{}'", REPOSITORY.name(), pull_request.repository);
    let which = match repository_id {
        Some(id) => {
            let key = REPOSITORY_ID.name();
            format!("({key} = {id} OR ({by_name} AND {key} IS NULL))")
        }
        None => by_name,
    };
    format!(
        "TaskQueue = '{task_queue}' AND ExecutionStatus = 'Running' AND {} = {number} AND {which}",
        PULL_REQUEST.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{InstallationId, PullRequestNumber};

    #[test]
    fn what_is_open_is_found_by_the_repositorys_number_and_by_its_name() {
        let pull_request = PullRequestRef {
            installation: InstallationId(5),
            repository: "octo-org/hello-world".parse().expect("a repository"),
            number: PullRequestNumber::new(12).expect("a number"),
        };
        assert_eq!(
            open_workflows(&pull_request, Some(RepositoryId(77)), "previews"),
            "TaskQueue = 'previews' AND ExecutionStatus = 'Running' AND PreviewPullRequest = 12 AND \
             (PreviewRepositoryId = 77 OR (PreviewRepository = 'octo-org/hello-world' AND PreviewRepositoryId IS NULL))"
        );
        assert!(!open_workflows(&pull_request, None, "previews").contains("OR"));
    }
}
