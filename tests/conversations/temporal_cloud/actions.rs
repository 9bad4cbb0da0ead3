//! What Temporal Cloud bills: Actions, as its documentation defines them
//! (<https://docs.temporal.io/cloud/actions>).

use std::{collections::BTreeMap, fmt};

use prost::Message;
use temporalio_common::protos::temporal::api::{
    command::v1::{Command, command::Attributes},
    history::v1::history_event,
    workflowservice::v1::{
        PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedRequest,
        RespondWorkflowTaskCompletedResponse, StartWorkflowExecutionResponse,
    },
};

/// The workflow that the sweep's schedule starts.
const SCHEDULED: &str = "OrphanSweep";

/// Actions, by what they were for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions(BTreeMap<String, u32>);

impl Actions {
    /// What one call costs that was answered without an error.
    pub(crate) fn of_call(method: &str, request: &[u8], response: &[u8]) -> Result<Self, prost::DecodeError> {
        let mut actions = Self::default();
        match method {
            "StartWorkflowExecution" => {
                // What is there already costs nothing.
                let started = StartWorkflowExecutionResponse::decode(response)?.started;
                actions.add("workflows started", u32::from(started));
            }
            // Whether that starts one or not.
            "SignalWithStartWorkflowExecution" | "SignalWorkflowExecution" => actions.add("signals", 1),
            "QueryWorkflow" => actions.add("queries", 1),
            "UpdateWorkflowExecution" => actions.add("updates", 1),
            "ResetWorkflowExecution" => actions.add("resets", 1),
            "RecordActivityTaskHeartbeat" => actions.add("heartbeats", 1),
            "PollActivityTaskQueue" => {
                let task = PollActivityTaskQueueResponse::decode(response)?;
                if !task.task_token.is_empty() {
                    actions.add_activity(&task);
                }
            }
            "PollWorkflowTaskQueue" => {
                let task = PollWorkflowTaskQueueResponse::decode(response)?;
                if task.started_by_schedule() && task.previous_started_event_id == 0 && task.attempt <= 1 {
                    actions.add("schedules", 2);
                    actions.add("workflows started", 1);
                }
            }
            "RespondWorkflowTaskCompleted" => {
                actions.add_commands(&RespondWorkflowTaskCompletedRequest::decode(request)?.commands);
                for task in RespondWorkflowTaskCompletedResponse::decode(response)?.activity_tasks {
                    actions.add_activity(&task);
                }
            }
            _ => {}
        }
        Ok(actions)
    }

    fn add_activity(&mut self, task: &PollActivityTaskQueueResponse) {
        let name = task.activity_type.as_ref().map_or("?", |kind| &kind.name);
        self.add(&format!("activities: {name}"), 1);
    }

    fn add_commands(&mut self, commands: &[Command]) {
        let mut has_markers = false;
        for command in commands {
            match &command.attributes {
                Some(Attributes::StartTimerCommandAttributes(_)) => self.add("timers", 1),
                Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(_)) => {
                    self.add("search attributes", 1);
                }
                Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(_)) => {
                    self.add("signals", 1);
                }
                Some(Attributes::StartChildWorkflowExecutionCommandAttributes(_)) => {
                    self.add("child workflows", 2);
                }
                Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(_)) => {
                    self.add("workflows started", 1);
                }
                Some(Attributes::ScheduleNexusOperationCommandAttributes(_)) => self.add("Nexus", 1),
                Some(Attributes::RecordMarkerCommandAttributes(_)) => has_markers = true,
                _ => {}
            }
        }
        // All of a workflow task are one.
        self.add("markers", u32::from(has_markers));
    }

    fn add(&mut self, what: &str, count: u32) {
        if count > 0 {
            *self.0.entry(what.to_owned()).or_default() += count;
        }
    }

    pub(crate) fn add_all(&mut self, others: Self) {
        for (what, count) in others.0 {
            self.add(&what, count);
        }
    }

    /// How many there are in all.
    pub(crate) fn total(&self) -> u32 {
        self.0.values().sum()
    }

    /// Those whose name begins so.
    pub(crate) fn of(&self, what: &str) -> u32 {
        let named = self.0.iter().filter(|(name, _)| name.starts_with(what));
        named.map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.0 {
            writeln!(f, "{count:>4} {what}")?;
        }
        write!(f, "{:>4} in all", self.total())
    }
}

trait Scheduled {
    fn started_by_schedule(&self) -> bool;
}

impl Scheduled for PollWorkflowTaskQueueResponse {
    fn started_by_schedule(&self) -> bool {
        let first = self.history.as_ref().and_then(|history| history.events.first());
        let Some(history_event::Attributes::WorkflowExecutionStartedEventAttributes(started)) =
            first.and_then(|event| event.attributes.as_ref())
        else {
            return false;
        };
        started.workflow_type.as_ref().is_some_and(|kind| kind.name == SCHEDULED)
    }
}
