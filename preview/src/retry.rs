//! `preview retry`: a failed preview is started once more, with the very request that it was started with.
//!
//! It is the start that the contract offers to everybody (docs/development.md). The new run reports to the
//! pull request's workflow as any run does, so the comment there tells of it.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use domain::{PreviewId, preview::PreviewRequest};
use runtime::TemporalSettings;
use temporalio_client::{
    Client, NamespacedClient, UntypedWorkflow, WorkflowDescribeOptions, WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    errors::WorkflowInteractionError,
    tonic::{Code, IntoRequest},
};
use temporalio_common::{
    WorkflowDefinition,
    protos::temporal::api::{
        common::v1::{Payloads, WorkflowExecution, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
        history::v1::history_event::Attributes,
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{GetWorkflowExecutionHistoryRequest, StartWorkflowExecutionRequest},
    },
};
use workflows::{PreviewWorkflow, payload::json};

use crate::{
    connection,
    find::{self, Wanted},
    target::{Target, short_name},
};

/// Which.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The failed preview as `preview list --failed` shows it, or its pull request if only one preview of it
    /// has failed.
    #[arg(value_name = "PREVIEW | PULL REQUEST")]
    target: Target,

    #[command(flatten)]
    temporal: TemporalSettings,
}

/// Starts it, and names the run.
///
/// # Errors
/// If it has not failed, was started with something that is no request, or Temporal does not answer.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let temporal = connection::open(&options.temporal).await?;
    let queue = &options.temporal.preview_task_queue;
    let preview = find::one(&temporal, queue, &options.target, Wanted::Failed).await?;
    let name = short_name(&preview);
    let failed = failed_run(&temporal, &preview).await?;
    let input = input_of(&temporal, &failed).await?;
    accepted(&input).map_err(|reason| {
        anyhow::anyhow!(
            "{name} was started with something that is no request ({reason}), so it would fail again; \
             docs/development.md shows how to start one by hand"
        )
    })?;
    let run_id = start(&temporal, &failed, input).await?;
    println!("{name} is deployed once more (run {run_id}); `preview explain {name}` says how far it is");
    Ok(ExitCode::SUCCESS)
}

/// Its newest run, if that did not end well.
async fn failed_run(temporal: &Client, preview: &PreviewId) -> anyhow::Result<WorkflowExecutionDescription> {
    use WorkflowExecutionStatus::{Completed, Paused, Running};
    let name = short_name(preview);
    let handle = temporal.get_workflow_handle::<UntypedWorkflow>(preview.to_string());
    let newest = match handle.describe(WorkflowDescribeOptions::default()).await {
        Ok(newest) => newest,
        Err(WorkflowInteractionError::NotFound(_)) => bail!(
            "Temporal knows nothing of {name}; a comment `/preview` on the pull request asks for it anew"
        ),
        Err(error) => return Err(error).with_context(|| format!("cannot ask Temporal for {name}")),
    };
    match newest.status() {
        Running | Paused => bail!("{name} is open; `preview explain {name}` says how far it is"),
        Completed => bail!(
            "{name} has not failed, it came to its end; a comment `/preview` on the pull request asks for it anew"
        ),
        _ => Ok(newest),
    }
}

/// What the run was started with.
async fn input_of(temporal: &Client, run: &WorkflowExecutionDescription) -> anyhow::Result<Payloads> {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: temporal.namespace(),
        execution: Some(WorkflowExecution {
            workflow_id: run.id().to_owned(),
            run_id: run.run_id().to_owned(),
        }),
        maximum_page_size: 1,
        ..GetWorkflowExecutionHistoryRequest::default()
    };
    let mut service = temporal.connection().workflow_service();
    let page = service
        .get_workflow_execution_history(request.into_request())
        .await
        .with_context(|| format!("cannot read the history of {}", run.id()))?;
    let history = page.into_inner().history.unwrap_or_default();
    let first = history.events.into_iter().next().and_then(|event| event.attributes);
    match first {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            Ok(started.input.unwrap_or_default())
        }
        _ => bail!("the history of {} does not begin with its start", run.id()),
    }
}

/// Nothing is started that is refused at once.
fn accepted(input: &Payloads) -> Result<PreviewRequest, String> {
    let [payload] = input.payloads.as_slice() else {
        return Err(format!("{} values in place of one", input.payloads.len()));
    };
    serde_json::from_slice(&payload.data).map_err(|error| error.to_string())
}

/// Returns the new run's ID. The same again, by whomever, is the same run: by the request ID, and because
/// Temporal starts nothing of this ID that is open, or has ended well.
async fn start(
    temporal: &Client,
    failed: &WorkflowExecutionDescription,
    input: Payloads,
) -> anyhow::Result<String> {
    let request = StartWorkflowExecutionRequest {
        namespace: temporal.namespace(),
        identity: temporal.identity(),
        workflow_id: failed.id().to_owned(),
        workflow_type: Some(WorkflowType { name: PreviewWorkflow::run.name().to_owned() }),
        task_queue: Some(TaskQueue { name: failed.task_queue().to_owned(), ..TaskQueue::default() }),
        input: Some(input),
        request_id: format!("retry-{}", failed.run_id()),
        workflow_id_reuse_policy: WorkflowIdReusePolicy::AllowDuplicateFailedOnly.into(),
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::Fail.into(),
        user_metadata: Some(UserMetadata {
            summary: failed.static_summary().map(json),
            details: Some(json(&format!("Once more, after run {}: `preview retry`.", failed.run_id()))),
        }),
        ..StartWorkflowExecutionRequest::default()
    };
    let mut service = temporal.connection().workflow_service();
    match service.start_workflow_execution(request.into_request()).await {
        Ok(started) => Ok(started.into_inner().run_id),
        Err(status) if status.code() == Code::AlreadyExists => {
            bail!("somebody else has started {} meanwhile", failed.id())
        }
        Err(status) => Err(status).with_context(|| format!("cannot start {}", failed.id())),
    }
}
