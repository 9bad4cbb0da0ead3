//! Signals to a pull request's workflow, whether it runs or not, and whatever
//! its repository was called when it began.

use std::{collections::BTreeSet, time::Duration};

use domain::{PullRequestRef, RepositoryId};
use futures::TryStreamExt;
use temporalio_client::{
    Client, NamespacedClient, WorkflowExecutionStatus, WorkflowListOptions,
    grpc::WorkflowService,
    tonic::{Code, IntoRequest, Request, Status},
};
use temporalio_common::protos::temporal::api::{
    common::v1::{WorkflowExecution, WorkflowType},
    enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    sdk::v1::UserMetadata,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{SignalWithStartWorkflowExecutionRequest, SignalWorkflowExecutionRequest},
};
use workflows::{
    payload::json,
    pull_request::PullRequestInput,
    search_attributes::open_or_continued_workflows,
    signal::{Signal, workflow_type},
};

/// Longest time for one attempt of one call, but for the list of workflows: it has the client's 30 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// As many workflows of one pull request are looked at, the open ones first. It has one, which goes on in a
/// new run now and then, and a few previews.
const LISTED_MAX: usize = 50;

/// The workflow that is signalled.
#[derive(Clone, Debug)]
pub struct Recipient<'a> {
    /// Of which pull request.
    pub pull_request: &'a PullRequestRef,
    /// Its repository, whatever it is called.
    pub repository_id: Option<RepositoryId>,
}

/// When a workflow is started that does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Always.
    Always,
    /// If previews of the pull request are open, so that somebody attends to them.
    IfPreviewsAreOpen,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// The workflow has it.
    Delivered,
    /// No workflow runs, and none was started.
    NoWorkflow,
}

/// Signals the workflow of a pull request. Signalling the same again changes nothing, by the request ID.
///
/// # Errors
/// Temporal's refusal. It may have taken the signal all the same.
pub async fn signal_pull_request(
    temporal: &Client,
    task_queue: &str,
    recipient: Recipient<'_>,
    signal: Signal,
    start: Start,
) -> Result<Signalled, Status> {
    let named = recipient.pull_request.to_string();
    if deliver(temporal, named, &signal).await? {
        return Ok(Signalled::Delivered);
    }
    let listed = match list(temporal, task_queue, &recipient).await {
        Ok(listed) => listed,
        // Without the list, the workflow that is started finds what is open itself.
        Err(_) if start == Start::Always => Vec::new(),
        Err(status) => return Err(status),
    };
    let conversations = listed.iter().filter(|workflow| workflow.is_pull_request);
    let conversations: BTreeSet<_> = conversations.map(|workflow| &workflow.id).collect();
    for conversation in conversations {
        if deliver(temporal, conversation.clone(), &signal).await? {
            return Ok(Signalled::Delivered);
        }
    }
    let is_something_open = listed.iter().any(|workflow| workflow.is_open);
    if start == Start::IfPreviewsAreOpen && !is_something_open {
        return Ok(Signalled::NoWorkflow);
    }
    deliver_or_start(temporal, task_queue, &recipient, signal).await?;
    Ok(Signalled::Delivered)
}

/// False if no run of that ID is open.
async fn deliver(temporal: &Client, workflow_id: String, signal: &Signal) -> Result<bool, Status> {
    let request = SignalWorkflowExecutionRequest {
        namespace: temporal.namespace(),
        identity: temporal.identity(),
        workflow_execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
        signal_name: signal.name.clone(),
        input: Some(signal.input.clone().into()),
        request_id: signal.request_id.clone(),
        ..SignalWorkflowExecutionRequest::default()
    };
    let signalled = temporal.connection().clone().signal_workflow_execution(limited(request)).await;
    match signalled {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::NotFound => Ok(false),
        Err(status) => Err(status),
    }
}

/// Signals the workflow, and starts one if none is running.
///
/// The raw call, because the SDK's makes up a request ID of its own each time, and it is by the request ID
/// that Temporal knows the same signal again.
async fn deliver_or_start(
    temporal: &Client,
    task_queue: &str,
    recipient: &Recipient<'_>,
    signal: Signal,
) -> Result<(), Status> {
    let input = PullRequestInput::new(recipient.pull_request.clone(), recipient.repository_id);
    let request = SignalWithStartWorkflowExecutionRequest {
        namespace: temporal.namespace(),
        identity: temporal.identity(),
        workflow_id: recipient.pull_request.to_string(),
        workflow_type: Some(WorkflowType { name: workflow_type() }),
        task_queue: Some(TaskQueue { name: task_queue.to_owned(), ..TaskQueue::default() }),
        input: Some(json(&input).into()),
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
    };
    temporal
        .connection()
        .clone()
        .signal_with_start_workflow_execution(limited(request))
        .await?;
    Ok(())
}

/// A workflow that lists show.
struct Listed {
    id: String,
    is_pull_request: bool,
    /// Its newest run may be open all the same: lists lag behind.
    is_open: bool,
}

async fn list(temporal: &Client, task_queue: &str, recipient: &Recipient<'_>) -> Result<Vec<Listed>, Status> {
    let query = open_or_continued_workflows(recipient.pull_request, recipient.repository_id, task_queue);
    let options = WorkflowListOptions::builder().limit(LISTED_MAX).build();
    let found: Vec<_> = temporal
        .list_workflows(query, options)
        .try_collect()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(found
        .iter()
        .map(|workflow| Listed {
            id: workflow.id().to_owned(),
            is_pull_request: workflow.workflow_type() == workflow_type(),
            is_open: workflow.status() == WorkflowExecutionStatus::Running,
        })
        .collect())
}

fn limited<T>(message: T) -> Request<T> {
    let mut request = message.into_request();
    request.set_timeout(CALL_TIMEOUT);
    request
}
