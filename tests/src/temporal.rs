//! What Temporal's records say about a conversation.

use std::sync::Arc;

use anyhow::Result;
use futures::TryStreamExt;
use temporalio_client::{
    Client, UntypedWorkflowHandle, WorkflowDescribeOptions, WorkflowExecution, WorkflowExecutionInfo,
    WorkflowFetchHistoryOptions, WorkflowListOptions, WorkflowTerminateOptions,
    schedules::{DeleteScheduleOptions, ScheduleHandle},
};
use temporalio_common::protos::temporal::api::{
    enums::v1::{EventType, WorkflowTaskFailedCause},
    history::v1::{HistoryEvent, history_event::Attributes},
};
use workflows::search_attributes::PHASE;

use crate::shared_stack::SharedStack;

/// Events of one workflow that are shown to people.
const EVENTS_SHOWN: usize = 60;

/// The workflows on one task queue, which is one conversation's.
pub struct Workflows {
    stack: Arc<SharedStack>,
    task_queue: String,
}

impl Workflows {
    pub(crate) fn new(stack: Arc<SharedStack>, task_queue: String) -> Self {
        Self { stack, task_queue }
    }

    /// The conversation's task queue.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        &self.task_queue
    }

    /// Every run whose record fits `condition`, a clause of Temporal's visibility
    /// query language. Records lag a moment behind.
    ///
    /// # Errors
    /// When Temporal does not answer or does not understand.
    pub async fn such_that(&self, condition: &str) -> Result<Vec<WorkflowExecution>> {
        let query = format!("TaskQueue = '{}' AND {condition}", self.task_queue);
        let found = self.stack.temporal.list_workflows(query, WorkflowListOptions::default());
        Ok(found.try_collect().await?)
    }

    /// Every run.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn all(&self) -> Result<Vec<WorkflowExecution>> {
        self.such_that("WorkflowType IS NOT NULL").await
    }

    /// Every run of a preview.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn previews(&self) -> Result<Vec<WorkflowExecution>> {
        self.such_that("WorkflowType = 'PreviewWorkflow'").await
    }

    /// What is open and should end by itself soon. A pull request's workflow is not meant here: it stays
    /// for days, to remember what it was asked.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn open(&self) -> Result<Vec<String>> {
        let open = self
            .such_that("ExecutionStatus = 'Running' AND WorkflowType != 'PullRequestWorkflow'")
            .await?;
        Ok(open
            .iter()
            .map(|workflow| format!("{} ({})", workflow.id(), workflow.workflow_type()))
            .collect())
    }

    /// Pull requests whose workflow still has something to say or to do.
    pub(crate) async fn restless(&self) -> Result<Vec<String>> {
        let open = self
            .such_that("ExecutionStatus = 'Running' AND WorkflowType = 'PullRequestWorkflow'")
            .await?;
        let mut restless = Vec::new();
        for workflow in open {
            let described = self.handle(&workflow).describe(WorkflowDescribeOptions::default()).await?;
            let raw = described.raw();
            let activities = raw.pending_activities.iter().map(|activity| {
                let kind = activity.activity_type.as_ref();
                format!("{}, attempt {}", kind.map_or("?", |kind| &kind.name), activity.attempt)
            });
            let tasks = raw.pending_workflow_task.iter();
            let under_way: Vec<_> = activities.chain(tasks.map(|_| "a workflow task".to_owned())).collect();
            if !under_way.is_empty() {
                restless.push(format!("{}: {}", workflow.id(), under_way.join(", ")));
            }
        }
        Ok(restless)
    }

    /// Workflow tasks that failed in any run. Three kinds are harmless and left out: a signal arrived
    /// while the workflow was completing, somebody terminated the run in the middle of a task, or has
    /// reset it.
    pub(crate) async fn failed_tasks(&self) -> Result<Vec<String>> {
        let mut failed = Vec::new();
        for workflow in self.all().await? {
            for event in self.history(&workflow).await? {
                if let Some(Attributes::WorkflowTaskFailedEventAttributes(task)) = event.attributes
                    && !matches!(
                        task.cause(),
                        WorkflowTaskFailedCause::UnhandledCommand
                            | WorkflowTaskFailedCause::ForceCloseCommand
                            | WorkflowTaskFailedCause::ResetWorkflow
                    )
                {
                    let why = task.failure.map(|failure| failure.message).unwrap_or_default();
                    failed.push(format!("{}: {why}", workflow.id()));
                }
            }
        }
        Ok(failed)
    }

    /// For people: each run with its phase, and the last of its history.
    pub(crate) async fn summaries(&self) -> Result<Vec<String>> {
        let mut summaries = Vec::new();
        for workflow in self.all().await? {
            let phase = workflow.search_attributes().get(&PHASE).unwrap_or_default();
            let head = format!("{} {} {:?} {phase}", workflow.id(), workflow.run_id(), workflow.status());
            let history = self.history(&workflow).await?;
            let events: Vec<_> = history.iter().filter(|event| !is_routine(event)).collect();
            let last = events.len().saturating_sub(EVENTS_SHOWN);
            let lines: Vec<_> = events[last..].iter().map(|event| line(event)).collect();
            summaries.push(format!("{head}\n    {}", lines.join("\n    ")));
        }
        Ok(summaries)
    }

    async fn history(&self, workflow: &WorkflowExecution) -> Result<Vec<HistoryEvent>> {
        let history = self.handle(workflow).fetch_history(WorkflowFetchHistoryOptions::default());
        Ok(history.into_events().await?)
    }

    fn handle(&self, workflow: &WorkflowExecution) -> UntypedWorkflowHandle<Client> {
        let run = WorkflowExecutionInfo::builder()
            .namespace(&self.stack.env.temporal_namespace)
            .workflow_id(workflow.id())
            .run_id(workflow.run_id());
        run.build().bind_untyped(self.stack.temporal.clone())
    }

    /// The sweep's schedule of a service instance.
    #[must_use]
    pub fn sweep_schedule(&self, instance: &str) -> ScheduleHandle<Client> {
        self.stack.temporal.get_schedule_handle(format!("orphan-sweep-{instance}"))
    }

    /// So that Temporal does not go on starting sweeps that no worker will do.
    pub(crate) async fn forget_schedule(&self, instance: &str) {
        let _ = self.sweep_schedule(instance).delete(DeleteScheduleOptions::default()).await;
    }

    /// So that nothing of a conversation goes on in the shared stack.
    pub(crate) async fn terminate_open(&self) {
        for workflow in self.such_that("ExecutionStatus = 'Running'").await.unwrap_or_default() {
            let options = WorkflowTerminateOptions::builder().reason("its conversation is over").build();
            let _ = self.handle(&workflow).terminate(options).await;
        }
    }
}

/// That a worker looked at a workflow or began with an activity says nothing of what it did.
fn is_routine(event: &HistoryEvent) -> bool {
    matches!(
        event.event_type(),
        EventType::WorkflowTaskScheduled
            | EventType::WorkflowTaskStarted
            | EventType::WorkflowTaskCompleted
            | EventType::ActivityTaskStarted
    )
}

/// One event, with what matters of it.
fn line(event: &HistoryEvent) -> String {
    let what = match &event.attributes {
        Some(Attributes::ActivityTaskScheduledEventAttributes(it)) => {
            it.activity_type.as_ref().map(|kind| kind.name.clone())
        }
        Some(Attributes::ActivityTaskFailedEventAttributes(it)) => {
            it.failure.as_ref().map(|failure| failure.message.clone())
        }
        Some(Attributes::WorkflowTaskFailedEventAttributes(it)) => {
            it.failure.as_ref().map(|failure| failure.message.clone())
        }
        Some(Attributes::WorkflowExecutionFailedEventAttributes(it)) => {
            it.failure.as_ref().map(|failure| failure.message.clone())
        }
        Some(Attributes::WorkflowExecutionSignaledEventAttributes(it)) => Some(it.signal_name.clone()),
        Some(Attributes::UpsertWorkflowSearchAttributesEventAttributes(it)) => {
            let phase = it
                .search_attributes
                .as_ref()
                .and_then(|all| all.indexed_fields.get(PHASE.name()));
            phase.map(|payload| String::from_utf8_lossy(&payload.data).into_owned())
        }
        _ => None,
    };
    let kind = EventType::try_from(event.event_type).map_or("?", |kind| kind.as_str_name());
    format!(
        "{} {} {}",
        event.event_id,
        kind.trim_start_matches("EVENT_TYPE_"),
        what.unwrap_or_default()
    )
}
