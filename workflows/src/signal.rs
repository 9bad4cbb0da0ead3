//! The signals of a pull request's workflow, and the calls by which it is told
//! something, whether it runs or not.

use domain::{PullRequestRef, RepositoryId, preview::PreviewReport, pull_request::PullRequestEvent};
use serde::Serialize;
use temporalio_common::{
    SignalDefinition, WorkflowDefinition,
    protos::temporal::api::{
        common::v1::{Payload, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::SignalWithStartWorkflowExecutionRequest,
    },
};

use crate::{
    PullRequestWorkflow,
    payload::{Lenient, json},
    pull_request::PullRequestInput,
    search_attributes::{PULL_REQUEST, REPOSITORY, REPOSITORY_ID},
};

/// The type of a pull request's workflow, as Temporal lists it.
#[must_use]
pub fn workflow_type() -> String {
    PullRequestWorkflow::run.name().to_owned()
}

/// A signal of a pull request's workflow. Made from what the workflow declares: a
/// misspelt or mistyped one does not compile.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Its argument.
    pub input: Payload,
    /// What makes a repeated signal the same signal: a run applies it once.
    pub request_id: String,
}

impl Signal {
    /// Something has happened on the pull request, as a delivery of this GUID tells.
    #[must_use]
    pub fn event(event: PullRequestEvent, delivery: String) -> Self {
        match event {
            PullRequestEvent::Commented(comment) => {
                // By the comment and not by the delivery: two webhooks may tell of the same one.
                let request_id = format!("comment-{}", comment.comment);
                Self::new(PullRequestWorkflow::commented, &comment, request_id)
            }
            PullRequestEvent::Pushed(push) => Self::new(PullRequestWorkflow::pushed, &push, delivery),
            PullRequestEvent::Closed(close) => Self::new(PullRequestWorkflow::closed, &close, delivery),
        }
    }

    /// A preview reports what has become of it.
    #[must_use]
    pub fn report(report: &PreviewReport) -> Self {
        // A run that does not exist yet has nothing to report; its preview's name is then as good.
        let run = report.run_id.clone().unwrap_or_else(|| report.preview.to_string());
        let request_id = format!("{run}-{}", report.revision);
        Self::new(PullRequestWorkflow::reported, report, request_id)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "definitions are passed as the SDK takes them"
    )]
    fn new<S, T>(signal: S, input: &T, request_id: String) -> Self
    where
        S: SignalDefinition<Input = Lenient<T>>,
        T: Serialize,
    {
        Self {
            name: signal.name().to_owned(),
            input: json(input),
            request_id,
        }
    }
}

/// A signal to the workflow, and the start of one if none is running. Namespace
/// and identity are the caller's to fill in.
///
/// The raw call, because the SDK's makes up a request ID of its own each time, and it is by the request ID
/// that Temporal knows the same signal again.
#[must_use]
pub fn signal_with_start(
    pull_request: PullRequestRef,
    repository_id: Option<RepositoryId>,
    task_queue: &str,
    signal: Signal,
) -> SignalWithStartWorkflowExecutionRequest {
    SignalWithStartWorkflowExecutionRequest {
        workflow_id: pull_request.to_string(),
        workflow_type: Some(WorkflowType { name: workflow_type() }),
        task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..TaskQueue::default() }),
        input: Some(json(&PullRequestInput::new(pull_request, repository_id)).into()),
        signal_name: signal.name,
        signal_input: Some(signal.input.into()),
        request_id: signal.request_id,
        workflow_id_reuse_policy: WorkflowIdReusePolicy::AllowDuplicate as i32,
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting as i32,
        user_metadata: Some(UserMetadata {
            summary: Some(json("The conversation on one pull request")),
            details: None,
        }),
        ..SignalWithStartWorkflowExecutionRequest::default()
    }
}

/// The visibility query that finds what is open of a pull request on a task queue: its workflow, whatever the
/// repository was called when it began, and its previews, those that were started by hand too. A repository
/// that was given an earlier one's name is another one.
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
    use domain::{InstallationId, PullRequestNumber};

    use super::*;

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
