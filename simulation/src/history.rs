//! Runs as the histories that Temporal's server would have of them.
//!
//! The SDK's own replayer reads them: it makes the activations of a run's tasks from the history by itself,
//! and the code has to decide in them what it has decided here.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use temporalio_common::protos::{
    coresdk::{
        IntoPayloadsExt,
        activity_result::activity_resolution::Status as ActivityStatus,
        child_workflow::child_workflow_result::Status as ChildStatus,
        workflow_activation::{
            InitializeWorkflow, ResolveActivity, ResolveChildWorkflowExecution,
            ResolveChildWorkflowExecutionStart, ResolveSignalExternalWorkflow, SignalWorkflow,
            resolve_child_workflow_execution_start::Status as StartStatus,
            workflow_activation_job::Variant as Job,
        },
        workflow_commands::{
            ContinueAsNewWorkflowExecution, ScheduleActivity, SignalExternalWorkflowExecution,
            StartChildWorkflowExecution, WorkflowCommand, signal_external_workflow_execution::Target,
            workflow_command::Variant as Command,
        },
    },
    temporal::api::{
        common::v1::{ActivityType, WorkflowExecution, WorkflowType},
        enums::v1::{ContinueAsNewInitiator, RetryState, TimeoutType, WorkflowTaskFailedCause},
        failure::v1::{Failure, failure::FailureInfo},
        history::v1::{
            ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes,
            ActivityTaskCompletedEventAttributes, ActivityTaskFailedEventAttributes,
            ActivityTaskScheduledEventAttributes, ActivityTaskStartedEventAttributes,
            ActivityTaskTimedOutEventAttributes, ChildWorkflowExecutionCanceledEventAttributes,
            ChildWorkflowExecutionCompletedEventAttributes, ChildWorkflowExecutionFailedEventAttributes,
            ChildWorkflowExecutionStartedEventAttributes, ChildWorkflowExecutionTerminatedEventAttributes,
            ExternalWorkflowExecutionSignaledEventAttributes, History, HistoryEvent,
            SignalExternalWorkflowExecutionFailedEventAttributes,
            SignalExternalWorkflowExecutionInitiatedEventAttributes,
            StartChildWorkflowExecutionFailedEventAttributes,
            StartChildWorkflowExecutionInitiatedEventAttributes, TimerCanceledEventAttributes,
            TimerFiredEventAttributes, TimerStartedEventAttributes,
            UpsertWorkflowSearchAttributesEventAttributes, WorkflowExecutionCancelRequestedEventAttributes,
            WorkflowExecutionCanceledEventAttributes, WorkflowExecutionCompletedEventAttributes,
            WorkflowExecutionContinuedAsNewEventAttributes, WorkflowExecutionFailedEventAttributes,
            WorkflowExecutionSignaledEventAttributes, WorkflowExecutionStartedEventAttributes,
            WorkflowExecutionTerminatedEventAttributes, WorkflowPropertiesModifiedEventAttributes,
            WorkflowTaskCompletedEventAttributes, WorkflowTaskFailedEventAttributes,
            WorkflowTaskScheduledEventAttributes, WorkflowTaskStartedEventAttributes,
            history_event::Attributes,
        },
        sdk::v1::{UserMetadata, WorkflowTaskCompletedMetadata},
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    executor::Moment,
    plan::Plan,
    run::play_to_the_end,
    temporal::{Close, CompletedTask, Run, TASK_QUEUE},
};

/// Who is said to have done everything.
const IDENTITY: &str = "simulation";
/// What the SDK notes in a run's first completed task: who it is, and all the flags that it knows.
const SDK: (&str, &str, [u32; 3]) = ("temporal-rust", "1.1.1", [1, 2, 3]);
/// What the model says of a child that was ended by force.
const TERMINATED: &str = "Terminated";

/// Plays a plan to the end. Returns what each run is called, its type first, and its history as JSON.
///
/// Runs whose code has never begun are left out: a replay would wait for their first task.
///
/// # Errors
/// If a run has a past that no server would have written.
pub fn histories(plan: &Plan) -> Result<Vec<(String, Vec<u8>)>> {
    let sim = play_to_the_end(plan);
    let written = sim
        .temporal()
        .runs()
        .filter(|run| !run.tasks.is_empty())
        .map(|run| {
            let name = format!("{} {} ({})", run.workflow_type(), run.workflow_id, run.run_id);
            let history = history_of(run).with_context(|| format!("the history of {name}"))?;
            Ok((name, serde_json::to_vec(&history)?))
        })
        .collect();
    sim.executor().end();
    written
}

/// The events of a run: those of its completed tasks, and how it ended.
///
/// Not in it is what a replay has no part in: tasks that were lost with their worker, and what becomes of an
/// activity whose end the code has not waited for.
///
/// # Errors
/// If the run has a past that no server would have written.
pub fn history_of(run: &Run) -> Result<History> {
    let mut writer = Writer::default();
    writer.start(&run.workflow_id, &run.start);
    for (index, task) in run.tasks.iter().enumerate() {
        writer.task(run, task).with_context(|| format!("workflow task {index}"))?;
    }
    if run.close == Some(Close::Terminated) {
        writer.at = run.closed_at.unwrap_or(writer.at);
        let terminated = WorkflowExecutionTerminatedEventAttributes {
            identity: IDENTITY.to_owned(),
            ..Default::default()
        };
        writer.write(Attributes::WorkflowExecutionTerminatedEventAttributes(terminated));
    }
    Ok(History { events: writer.events })
}

/// Writes a history, and remembers which event each thing began with.
#[derive(Default)]
struct Writer {
    events: Vec<HistoryEvent>,
    at: Moment,
    /// Of activities, the event that scheduled each, until it is over.
    activities: BTreeMap<u32, i64>,
    /// Of activities, the event that asked for the end of each.
    cancel_requests: BTreeMap<u32, i64>,
    /// Of timers, until they are over.
    timers: BTreeMap<u32, i64>,
    children: BTreeMap<u32, Child>,
    signals: BTreeMap<u32, (i64, WorkflowExecution)>,
}

struct Child {
    initiated: i64,
    started: i64,
    execution: WorkflowExecution,
    workflow_type: WorkflowType,
}

impl Writer {
    fn write(&mut self, attributes: Attributes) -> i64 {
        self.write_with(attributes, None)
    }

    fn write_with(&mut self, attributes: Attributes, user_metadata: Option<UserMetadata>) -> i64 {
        let event_id = self.events.last().map_or(1, |last| last.event_id + 1);
        self.events.push(HistoryEvent {
            event_id,
            event_time: Some(std::time::SystemTime::from(self.at.timestamp()).into()),
            event_type: attributes.event_type().into(),
            attributes: Some(attributes),
            user_metadata,
            ..HistoryEvent::default()
        });
        event_id
    }

    fn start(&mut self, workflow_id: &str, start: &InitializeWorkflow) {
        self.write(Attributes::WorkflowExecutionStartedEventAttributes(
            WorkflowExecutionStartedEventAttributes {
                workflow_type: Some(workflow_type(&start.workflow_type)),
                workflow_id: workflow_id.to_owned(),
                task_queue: Some(queue(TASK_QUEUE)),
                input: start.arguments.clone().into_payloads(),
                continued_execution_run_id: start.continued_from_execution_run_id.clone(),
                original_execution_run_id: start.original_execution_run_id.clone(),
                first_execution_run_id: start.first_execution_run_id.clone(),
                attempt: start.attempt,
                identity: IDENTITY.to_owned(),
                ..Default::default()
            },
        ));
        // A run that was reset has begun when the first one did.
        if let Some(started) = self.events.last_mut() {
            started.event_time = start.start_time;
        }
    }

    fn task(&mut self, run: &Run, task: &CompletedTask) -> Result<()> {
        self.at = task.context.at;
        // What came of itself in the task's later activations, the SDK makes by itself: it is no event.
        let mut jobs: Vec<&Job> = task.activations.first().into_iter().flat_map(|(jobs, _)| jobs).collect();
        // The server writes events in the order in which things happen, and the SDK puts the random seed and
        // signals before the rest. Written after the rest, they show whether it does.
        jobs.sort_by_key(|job| match job {
            Job::UpdateRandomSeed(_) => 2,
            Job::SignalWorkflow(_) => 1,
            _ => 0,
        });
        for job in jobs {
            self.job(run, job)?;
        }
        let scheduled = self.schedule_task();
        let started = self.start_task(scheduled, task.context.suggests_continue_as_new);
        let is_first = !self.events.iter().any(|event| {
            matches!(event.attributes, Some(Attributes::WorkflowTaskCompletedEventAttributes(_)))
        });
        let (name, version, flags) = SDK;
        let sdk = WorkflowTaskCompletedMetadata {
            core_used_flags: flags.to_vec(),
            sdk_name: name.to_owned(),
            sdk_version: version.to_owned(),
            ..Default::default()
        };
        let completed = WorkflowTaskCompletedEventAttributes {
            scheduled_event_id: scheduled,
            started_event_id: started,
            identity: IDENTITY.to_owned(),
            sdk_metadata: Some(if is_first { sdk } else { WorkflowTaskCompletedMetadata::default() }),
            ..Default::default()
        };
        let completed = self.write(Attributes::WorkflowTaskCompletedEventAttributes(completed));
        let vanished = Vanished::of(task);
        for command in task.commands() {
            self.command(command, completed, &vanished)?;
        }
        Ok(())
    }

    fn schedule_task(&mut self) -> i64 {
        self.write(Attributes::WorkflowTaskScheduledEventAttributes(WorkflowTaskScheduledEventAttributes {
            task_queue: Some(queue(TASK_QUEUE)),
            attempt: 1,
            ..Default::default()
        }))
    }

    fn start_task(&mut self, scheduled_event_id: i64, suggest_continue_as_new: bool) -> i64 {
        self.write(Attributes::WorkflowTaskStartedEventAttributes(WorkflowTaskStartedEventAttributes {
            scheduled_event_id,
            identity: IDENTITY.to_owned(),
            suggest_continue_as_new,
            ..Default::default()
        }))
    }
}

/// What has happened.
impl Writer {
    fn job(&mut self, run: &Run, job: &Job) -> Result<()> {
        match job {
            // The first event.
            Job::InitializeWorkflow(_) => {}
            // A reset copies the past up to a task that has been started, and fails that. The server has
            // begun it because something has happened; the model also resets where nothing has. If the task
            // before wanted nothing then, the SDK takes both for one, which the code does not notice.
            Job::UpdateRandomSeed(_) => {
                let scheduled_event_id = self.schedule_task();
                let started_event_id = self.start_task(scheduled_event_id, false);
                self.write(Attributes::WorkflowTaskFailedEventAttributes(
                    WorkflowTaskFailedEventAttributes {
                        scheduled_event_id,
                        started_event_id,
                        cause: WorkflowTaskFailedCause::ResetWorkflow.into(),
                        identity: IDENTITY.to_owned(),
                        base_run_id: run.start.original_execution_run_id.clone(),
                        new_run_id: run.run_id.clone(),
                        ..Default::default()
                    },
                ));
            }
            Job::SignalWorkflow(signal) => self.signalled(signal),
            Job::CancelWorkflow(cancel) => {
                let requested = WorkflowExecutionCancelRequestedEventAttributes {
                    cause: cancel.reason.clone(),
                    identity: IDENTITY.to_owned(),
                    ..Default::default()
                };
                self.write(Attributes::WorkflowExecutionCancelRequestedEventAttributes(requested));
            }
            Job::FireTimer(fired) => {
                let seq = fired.seq;
                let started_event_id = self
                    .timers
                    .remove(&seq)
                    .with_context(|| format!("timer {seq} fires, and does not run"))?;
                let fired = TimerFiredEventAttributes { timer_id: seq.to_string(), started_event_id };
                self.write(Attributes::TimerFiredEventAttributes(fired));
            }
            Job::ResolveActivity(resolve) => self.activity_closed(resolve)?,
            Job::ResolveChildWorkflowExecutionStart(start) => self.child_started(start)?,
            Job::ResolveChildWorkflowExecution(resolve) => self.child_closed(resolve)?,
            Job::ResolveSignalExternalWorkflow(resolve) => self.signal_sent(resolve)?,
            other => bail!("no event is known for {other:?}"),
        }
        Ok(())
    }

    fn signalled(&mut self, signal: &SignalWorkflow) {
        let signalled = WorkflowExecutionSignaledEventAttributes {
            signal_name: signal.signal_name.clone(),
            input: signal.input.clone().into_payloads(),
            identity: IDENTITY.to_owned(),
            ..Default::default()
        };
        self.write(Attributes::WorkflowExecutionSignaledEventAttributes(signalled));
    }

    fn activity_closed(&mut self, resolve: &ResolveActivity) -> Result<()> {
        let seq = resolve.seq;
        let scheduled_event_id = self
            .activities
            .remove(&seq)
            .with_context(|| format!("activity {seq} ends, and does not run"))?;
        let status = resolve.result.clone().and_then(|result| result.status);
        let status = status.with_context(|| format!("activity {seq} ends, and nobody knows how"))?;
        // No worker has had it in its hands.
        let is_untouched = match &status {
            ActivityStatus::Failed(failed) => {
                timeout(cause_of(failed.failure.as_ref())) == Some(TimeoutType::ScheduleToStart)
            }
            _ => false,
        };
        let started_event_id = if is_untouched {
            0
        } else {
            let started = ActivityTaskStartedEventAttributes {
                scheduled_event_id,
                attempt: 1,
                identity: IDENTITY.to_owned(),
                ..Default::default()
            };
            self.write(Attributes::ActivityTaskStartedEventAttributes(started))
        };
        let closed = match status {
            ActivityStatus::Completed(success) => {
                Attributes::ActivityTaskCompletedEventAttributes(ActivityTaskCompletedEventAttributes {
                    result: success.result.map(Into::into),
                    scheduled_event_id,
                    started_event_id,
                    identity: IDENTITY.to_owned(),
                    ..Default::default()
                })
            }
            ActivityStatus::Failed(failed) => {
                let retry_state = retry_state(failed.failure.as_ref());
                let failure = cause_of(failed.failure.as_ref()).cloned();
                if timeout(failure.as_ref()).is_some() {
                    Attributes::ActivityTaskTimedOutEventAttributes(ActivityTaskTimedOutEventAttributes {
                        failure,
                        scheduled_event_id,
                        started_event_id,
                        retry_state: retry_state.into(),
                    })
                } else {
                    Attributes::ActivityTaskFailedEventAttributes(ActivityTaskFailedEventAttributes {
                        failure,
                        scheduled_event_id,
                        started_event_id,
                        identity: IDENTITY.to_owned(),
                        retry_state: retry_state.into(),
                        ..Default::default()
                    })
                }
            }
            ActivityStatus::Cancelled(_) => {
                Attributes::ActivityTaskCanceledEventAttributes(ActivityTaskCanceledEventAttributes {
                    latest_cancel_requested_event_id: self
                        .cancel_requests
                        .get(&seq)
                        .copied()
                        .unwrap_or_default(),
                    scheduled_event_id,
                    started_event_id,
                    identity: IDENTITY.to_owned(),
                    ..Default::default()
                })
            }
            ActivityStatus::Backoff(_) => bail!("activity {seq} is none of a worker's own"),
        };
        self.write(closed);
        Ok(())
    }

    fn child_started(&mut self, start: &ResolveChildWorkflowExecutionStart) -> Result<()> {
        let seq = start.seq;
        let child = self
            .children
            .get(&seq)
            .with_context(|| format!("child {seq} was never to start"))?;
        let (initiated_event_id, workflow_type) = (child.initiated, Some(child.workflow_type.clone()));
        let workflow_id = child.execution.workflow_id.clone();
        match &start.status {
            Some(StartStatus::Succeeded(started)) => {
                let execution = WorkflowExecution { workflow_id, run_id: started.run_id.clone() };
                let event = ChildWorkflowExecutionStartedEventAttributes {
                    initiated_event_id,
                    workflow_execution: Some(execution.clone()),
                    workflow_type,
                    ..Default::default()
                };
                let started = self.write(Attributes::ChildWorkflowExecutionStartedEventAttributes(event));
                self.children.entry(seq).and_modify(|child| {
                    child.started = started;
                    child.execution = execution;
                });
            }
            Some(StartStatus::Failed(failed)) => {
                self.write(Attributes::StartChildWorkflowExecutionFailedEventAttributes(
                    StartChildWorkflowExecutionFailedEventAttributes {
                        workflow_id,
                        workflow_type,
                        cause: failed.cause,
                        initiated_event_id,
                        ..Default::default()
                    },
                ));
            }
            other => bail!("no event is known for the start of a child that is {other:?}"),
        }
        Ok(())
    }

    fn child_closed(&mut self, resolve: &ResolveChildWorkflowExecution) -> Result<()> {
        let seq = resolve.seq;
        let child = self.children.remove(&seq).filter(|child| child.started != 0);
        let child = child.with_context(|| format!("child {seq} closes, and is not known to run"))?;
        let (initiated_event_id, started_event_id) = (child.initiated, child.started);
        let (workflow_execution, workflow_type) = (Some(child.execution), Some(child.workflow_type));
        let status = resolve.result.clone().and_then(|result| result.status);
        self.write(match status {
            Some(ChildStatus::Completed(success)) => {
                Attributes::ChildWorkflowExecutionCompletedEventAttributes(
                    ChildWorkflowExecutionCompletedEventAttributes {
                        result: success.result.map(Into::into),
                        workflow_execution,
                        workflow_type,
                        initiated_event_id,
                        started_event_id,
                        ..Default::default()
                    },
                )
            }
            Some(ChildStatus::Cancelled(_)) => Attributes::ChildWorkflowExecutionCanceledEventAttributes(
                ChildWorkflowExecutionCanceledEventAttributes {
                    workflow_execution,
                    workflow_type,
                    initiated_event_id,
                    started_event_id,
                    ..Default::default()
                },
            ),
            Some(ChildStatus::Failed(failed)) => {
                let failure = failed.failure.unwrap_or_default();
                if failure.message == TERMINATED {
                    Attributes::ChildWorkflowExecutionTerminatedEventAttributes(
                        ChildWorkflowExecutionTerminatedEventAttributes {
                            workflow_execution,
                            workflow_type,
                            initiated_event_id,
                            started_event_id,
                            ..Default::default()
                        },
                    )
                } else {
                    Attributes::ChildWorkflowExecutionFailedEventAttributes(
                        ChildWorkflowExecutionFailedEventAttributes {
                            failure: Some(failure),
                            workflow_execution,
                            workflow_type,
                            initiated_event_id,
                            started_event_id,
                            retry_state: RetryState::RetryPolicyNotSet.into(),
                            ..Default::default()
                        },
                    )
                }
            }
            None => bail!("child {seq} closes, and nobody knows how"),
        });
        Ok(())
    }

    fn signal_sent(&mut self, resolve: &ResolveSignalExternalWorkflow) -> Result<()> {
        let seq = resolve.seq;
        let (initiated_event_id, execution) = self
            .signals
            .remove(&seq)
            .with_context(|| format!("signal {seq} was never to be sent"))?;
        let workflow_execution = Some(execution);
        self.write(if resolve.failure.is_none() {
            Attributes::ExternalWorkflowExecutionSignaledEventAttributes(
                ExternalWorkflowExecutionSignaledEventAttributes {
                    initiated_event_id,
                    workflow_execution,
                    ..Default::default()
                },
            )
        } else {
            Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(
                SignalExternalWorkflowExecutionFailedEventAttributes {
                    cause: resolve.cause,
                    initiated_event_id,
                    workflow_execution,
                    ..Default::default()
                },
            )
        });
        Ok(())
    }
}

/// What a task has both begun and cancelled: the server never hears of it.
struct Vanished {
    activities: BTreeSet<u32>,
    timers: BTreeSet<u32>,
}

impl Vanished {
    fn of(task: &CompletedTask) -> Self {
        let (mut begun_activities, mut begun_timers) = (BTreeSet::new(), BTreeSet::new());
        let (mut activities, mut timers) = (BTreeSet::new(), BTreeSet::new());
        for command in task.commands() {
            match &command.variant {
                Some(Command::ScheduleActivity(schedule)) => drop(begun_activities.insert(schedule.seq)),
                Some(Command::StartTimer(start)) => drop(begun_timers.insert(start.seq)),
                Some(Command::RequestCancelActivity(cancel)) if begun_activities.contains(&cancel.seq) => {
                    activities.insert(cancel.seq);
                }
                Some(Command::CancelTimer(cancel)) if begun_timers.contains(&cancel.seq) => {
                    timers.insert(cancel.seq);
                }
                _ => {}
            }
        }
        Self { activities, timers }
    }
}

/// What the code wanted.
impl Writer {
    fn command(&mut self, command: &WorkflowCommand, completed: i64, vanished: &Vanished) -> Result<()> {
        let workflow_task_completed_event_id = completed;
        let metadata = command.user_metadata.clone();
        let Some(variant) = command.variant.clone() else {
            bail!("a command that is none")
        };
        let attributes = match variant {
            Command::StartTimer(start) if vanished.timers.contains(&start.seq) => return Ok(()),
            Command::StartTimer(start) => {
                let seq = start.seq;
                let started = TimerStartedEventAttributes {
                    timer_id: seq.to_string(),
                    start_to_fire_timeout: start.start_to_fire_timeout,
                    workflow_task_completed_event_id,
                };
                let started = self.write_with(Attributes::TimerStartedEventAttributes(started), metadata);
                self.timers.insert(seq, started);
                return Ok(());
            }
            Command::CancelTimer(cancel) => {
                // One that has fired is past cancelling.
                let Some(started_event_id) = self.timers.remove(&cancel.seq) else {
                    return Ok(());
                };
                Attributes::TimerCanceledEventAttributes(TimerCanceledEventAttributes {
                    timer_id: cancel.seq.to_string(),
                    started_event_id,
                    workflow_task_completed_event_id,
                    identity: IDENTITY.to_owned(),
                })
            }
            Command::ScheduleActivity(schedule) if vanished.activities.contains(&schedule.seq) => {
                return Ok(());
            }
            Command::ScheduleActivity(schedule) => {
                let seq = schedule.seq;
                let scheduled = self.write_with(scheduled(schedule, completed), metadata);
                self.activities.insert(seq, scheduled);
                return Ok(());
            }
            Command::RequestCancelActivity(cancel) => {
                // One that is over is past cancelling.
                let Some(scheduled) = self.activities.get(&cancel.seq) else {
                    return Ok(());
                };
                let requested = ActivityTaskCancelRequestedEventAttributes {
                    scheduled_event_id: *scheduled,
                    workflow_task_completed_event_id,
                };
                let requested = Attributes::ActivityTaskCancelRequestedEventAttributes(requested);
                let requested = self.write_with(requested, metadata);
                self.cancel_requests.insert(cancel.seq, requested);
                return Ok(());
            }
            Command::StartChildWorkflowExecution(start) => {
                self.initiate_child(start, metadata, completed);
                return Ok(());
            }
            Command::SignalExternalWorkflowExecution(signal) => {
                self.initiate_signal(signal, metadata, completed);
                return Ok(());
            }
            Command::UpsertWorkflowSearchAttributes(upsert) => {
                Attributes::UpsertWorkflowSearchAttributesEventAttributes(
                    UpsertWorkflowSearchAttributesEventAttributes {
                        workflow_task_completed_event_id,
                        search_attributes: upsert.search_attributes,
                    },
                )
            }
            Command::ModifyWorkflowProperties(modify) => {
                Attributes::WorkflowPropertiesModifiedEventAttributes(
                    WorkflowPropertiesModifiedEventAttributes {
                        workflow_task_completed_event_id,
                        upserted_memo: modify.upserted_memo,
                    },
                )
            }
            Command::CompleteWorkflowExecution(complete) => {
                Attributes::WorkflowExecutionCompletedEventAttributes(
                    WorkflowExecutionCompletedEventAttributes {
                        result: complete.result.map(Into::into),
                        workflow_task_completed_event_id,
                        ..Default::default()
                    },
                )
            }
            Command::FailWorkflowExecution(fail) => {
                Attributes::WorkflowExecutionFailedEventAttributes(WorkflowExecutionFailedEventAttributes {
                    failure: fail.failure,
                    retry_state: RetryState::RetryPolicyNotSet.into(),
                    workflow_task_completed_event_id,
                    ..Default::default()
                })
            }
            Command::CancelWorkflowExecution(cancel) => Attributes::WorkflowExecutionCanceledEventAttributes(
                WorkflowExecutionCanceledEventAttributes {
                    workflow_task_completed_event_id,
                    details: cancel.details,
                },
            ),
            Command::ContinueAsNewWorkflowExecution(next) => continued(next, completed),
            other => bail!("no event is known for {other:?}"),
        };
        self.write_with(attributes, metadata);
        Ok(())
    }

    fn initiate_child(
        &mut self,
        start: StartChildWorkflowExecution,
        metadata: Option<UserMetadata>,
        completed: i64,
    ) {
        let seq = start.seq;
        let workflow_type = workflow_type(&start.workflow_type);
        let execution = WorkflowExecution {
            workflow_id: start.workflow_id.clone(),
            run_id: String::new(),
        };
        let initiated = Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(
            StartChildWorkflowExecutionInitiatedEventAttributes {
                namespace: start.namespace,
                workflow_id: start.workflow_id,
                workflow_type: Some(workflow_type.clone()),
                task_queue: Some(queue(&start.task_queue)),
                input: start.input.into_payloads(),
                workflow_execution_timeout: start.workflow_execution_timeout,
                workflow_run_timeout: start.workflow_run_timeout,
                workflow_task_timeout: start.workflow_task_timeout,
                parent_close_policy: start.parent_close_policy,
                workflow_task_completed_event_id: completed,
                workflow_id_reuse_policy: start.workflow_id_reuse_policy,
                retry_policy: start.retry_policy,
                ..Default::default()
            },
        );
        let initiated = self.write_with(initiated, metadata);
        self.children
            .insert(seq, Child { initiated, started: 0, execution, workflow_type });
    }

    fn initiate_signal(
        &mut self,
        signal: SignalExternalWorkflowExecution,
        metadata: Option<UserMetadata>,
        completed: i64,
    ) {
        let seq = signal.seq;
        let (execution, namespace, child_workflow_only) = match signal.target {
            Some(Target::WorkflowExecution(target)) => {
                let execution = WorkflowExecution { workflow_id: target.workflow_id, run_id: target.run_id };
                (execution, target.namespace, false)
            }
            Some(Target::ChildWorkflowId(workflow_id)) => {
                (WorkflowExecution { workflow_id, run_id: String::new() }, String::new(), true)
            }
            None => Default::default(),
        };
        let initiated = Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(
            SignalExternalWorkflowExecutionInitiatedEventAttributes {
                workflow_task_completed_event_id: completed,
                namespace,
                workflow_execution: Some(execution.clone()),
                signal_name: signal.signal_name,
                input: signal.args.into_payloads(),
                child_workflow_only,
                ..Default::default()
            },
        );
        let initiated = self.write_with(initiated, metadata);
        self.signals.insert(seq, (initiated, execution));
    }
}

fn scheduled(schedule: ScheduleActivity, completed: i64) -> Attributes {
    Attributes::ActivityTaskScheduledEventAttributes(ActivityTaskScheduledEventAttributes {
        activity_id: schedule.activity_id,
        activity_type: Some(ActivityType { name: schedule.activity_type }),
        task_queue: Some(queue(&schedule.task_queue)),
        input: schedule.arguments.into_payloads(),
        schedule_to_close_timeout: schedule.schedule_to_close_timeout,
        schedule_to_start_timeout: schedule.schedule_to_start_timeout,
        start_to_close_timeout: schedule.start_to_close_timeout,
        heartbeat_timeout: schedule.heartbeat_timeout,
        workflow_task_completed_event_id: completed,
        retry_policy: schedule.retry_policy,
        priority: schedule.priority,
        ..Default::default()
    })
}

fn continued(next: ContinueAsNewWorkflowExecution, completed: i64) -> Attributes {
    Attributes::WorkflowExecutionContinuedAsNewEventAttributes(
        WorkflowExecutionContinuedAsNewEventAttributes {
            workflow_type: Some(workflow_type(&next.workflow_type)),
            task_queue: Some(queue(TASK_QUEUE)),
            input: next.arguments.into_payloads(),
            workflow_run_timeout: next.workflow_run_timeout,
            workflow_task_timeout: next.workflow_task_timeout,
            workflow_task_completed_event_id: completed,
            initiator: ContinueAsNewInitiator::Workflow.into(),
            ..Default::default()
        },
    )
}

fn workflow_type(name: &str) -> WorkflowType {
    WorkflowType { name: name.to_owned() }
}

fn queue(name: &str) -> TaskQueue {
    TaskQueue { name: name.to_owned(), ..TaskQueue::default() }
}

/// What an activity failed of: the SDK wraps it in a failure of its own.
fn cause_of(failure: Option<&Failure>) -> Option<&Failure> {
    failure?.cause.as_deref()
}

fn timeout(failure: Option<&Failure>) -> Option<TimeoutType> {
    match &failure?.failure_info {
        Some(FailureInfo::TimeoutFailureInfo(timeout)) => Some(timeout.timeout_type()),
        _ => None,
    }
}

fn retry_state(failure: Option<&Failure>) -> RetryState {
    match failure.and_then(|failure| failure.failure_info.as_ref()) {
        Some(FailureInfo::ActivityFailureInfo(info)) => info.retry_state(),
        _ => RetryState::Unspecified,
    }
}
