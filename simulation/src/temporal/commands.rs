//! What the server does with the commands of a workflow task.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use temporalio_common::protos::{
    coresdk::{
        child_workflow::StartChildWorkflowExecutionFailedCause,
        workflow_activation::{
            FireTimer, ResolveChildWorkflowExecutionStart, ResolveChildWorkflowExecutionStartFailure,
            ResolveChildWorkflowExecutionStartSuccess, ResolveRequestCancelExternalWorkflow,
            ResolveSignalExternalWorkflow, resolve_child_workflow_execution_start::Status,
            workflow_activation_job::Variant as Job,
        },
        workflow_commands::{
            RequestCancelExternalWorkflowExecution, ScheduleActivity, SignalExternalWorkflowExecution,
            StartChildWorkflowExecution, signal_external_workflow_execution::Target,
            workflow_command::Variant as Command,
        },
    },
    temporal::api::{
        enums::v1::{CancelExternalWorkflowExecutionFailedCause, SignalExternalWorkflowExecutionFailedCause},
        failure::v1::Failure,
    },
};

use super::{Close, CompletedTask, NotSignalled, Origin, Start, activity::Activity};
use crate::{executor::Moment, sim::Sim};

impl Sim {
    /// `at_once` are the activities whose cancellation the code has seen in the same task.
    pub(super) fn apply_commands(&self, run_id: &str, commands: Vec<Command>, at_once: &BTreeSet<u32>) {
        // What has become of them meanwhile, nobody waits for.
        self.run_mut(run_id, |run| {
            let is_awaited =
                |job: &Job| !matches!(job, Job::ResolveActivity(it) if at_once.contains(&it.seq));
            run.pending.retain(is_awaited);
        });
        let scheduled: BTreeSet<u32> = commands
            .iter()
            .filter_map(|command| match command {
                Command::ScheduleActivity(schedule) => Some(schedule.seq),
                _ => None,
            })
            .collect();
        for command in commands {
            match command {
                Command::StartTimer(timer) => {
                    let until = self.now() + duration(timer.start_to_fire_timeout);
                    self.start_timer(run_id, timer.seq, until);
                }
                Command::CancelTimer(cancel) => {
                    let timer = self.run_mut(run_id, |run| {
                        // It may have fired meanwhile: the code is not told any more.
                        run.pending
                            .retain(|job| !matches!(job, Job::FireTimer(fired) if fired.seq == cancel.seq));
                        run.timers.remove(&cancel.seq)
                    });
                    if let Some(timer) = timer.flatten() {
                        self.executor().abort(timer);
                    }
                }
                // Cancelled in the task that would have scheduled it: the server never hears of it.
                Command::ScheduleActivity(schedule) if at_once.contains(&schedule.seq) => {}
                Command::ScheduleActivity(schedule) => {
                    let seq = schedule.seq;
                    let activity = Activity::new(schedule, self.now());
                    self.run_mut(run_id, |run| run.activities.insert(seq, activity));
                    self.dispatch(run_id, seq, Duration::ZERO);
                }
                Command::RequestCancelActivity(request) if scheduled.contains(&request.seq) => {}
                Command::RequestCancelActivity(request) => {
                    self.cancel_activity(run_id, request.seq, at_once.contains(&request.seq));
                }
                Command::StartChildWorkflowExecution(child) => self.start_child(run_id, child),
                Command::SignalExternalWorkflowExecution(signal) => self.signal_external(run_id, signal),
                Command::RequestCancelExternalWorkflowExecution(cancel) => {
                    self.cancel_external(run_id, cancel);
                }
                Command::UpsertWorkflowSearchAttributes(upsert) => {
                    let attributes = upsert.search_attributes.unwrap_or_default();
                    self.run_mut(run_id, |run| run.attributes.upsert(&attributes));
                    self.index(run_id);
                }
                Command::CompleteWorkflowExecution(complete) => {
                    let result = complete.result.unwrap_or_default();
                    let result = String::from_utf8_lossy(&result.data).into_owned();
                    self.close_run(run_id, &Close::Completed(result));
                }
                Command::FailWorkflowExecution(fail) => {
                    self.close_run(run_id, &Close::Failed(fail.failure.unwrap_or_default().message));
                }
                Command::CancelWorkflowExecution(_) => self.close_run(run_id, &Close::Cancelled),
                Command::ContinueAsNewWorkflowExecution(next) => {
                    let start = Start {
                        workflow_type: next.workflow_type,
                        workflow_id: self.run_mut(run_id, |run| run.workflow_id.clone()).unwrap_or_default(),
                        input: next.arguments,
                    };
                    let size: usize = start.input.iter().map(|payload| payload.data.len()).sum();
                    if size > super::PAYLOAD_MAX {
                        self.checks().is_too_large(self, &start.workflow_id, size);
                    }
                    let first = self.run_mut(run_id, |run| run.start.first_execution_run_id.clone());
                    self.close_run(run_id, &Close::ContinuedAsNew);
                    let before = run_id.to_owned();
                    self.make_run(start, Origin::Before { run_id: before, first: first.unwrap_or_default() });
                }
                // Summaries and the like.
                _ => {}
            }
        }
    }

    fn run_mut<T>(&self, run_id: &str, change: impl FnOnce(&mut super::Run) -> T) -> Option<T> {
        self.temporal_mut().runs.get_mut(run_id).map(change)
    }

    pub(super) fn start_timer(&self, run_id: &str, seq: u32, until: Moment) {
        let (sim, id) = (self.clone(), run_id.to_owned());
        let task = self.spawn(("timer", run_id.to_owned(), seq), async move {
            sim.executor().sleep_until(until).await;
            if sim.run_mut(&id, |run| run.timers.remove(&seq)).flatten().is_some() {
                sim.push(&id, Job::FireTimer(FireTimer { seq }));
            }
        });
        self.run_mut(run_id, |run| run.timers.insert(seq, task));
    }

    fn start_child(&self, parent: &str, child: StartChildWorkflowExecution) {
        let (sim, parent) = (self.clone(), parent.to_owned());
        self.spawn(("start child", parent.clone(), child.seq), async move {
            sim.pause().await;
            let seq = child.seq;
            let is_taken = sim.temporal().open(&child.workflow_id).is_some();
            let status = if is_taken {
                Status::Failed(ResolveChildWorkflowExecutionStartFailure {
                    workflow_id: child.workflow_id.clone(),
                    workflow_type: child.workflow_type.clone(),
                    cause: StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists.into(),
                })
            } else {
                let start = Start {
                    workflow_type: child.workflow_type,
                    workflow_id: child.workflow_id,
                    input: child.input,
                };
                let run_id = sim.make_run(start, Origin::Parent { run_id: parent.clone(), seq });
                Status::Succeeded(ResolveChildWorkflowExecutionStartSuccess { run_id })
            };
            sim.pause().await;
            sim.run_mut(&parent, |run| run.unstarted.remove(&seq));
            let started = ResolveChildWorkflowExecutionStart { seq, status: Some(status) };
            sim.push(&parent, Job::ResolveChildWorkflowExecutionStart(started));
        });
    }

    fn signal_external(&self, from: &str, signal: SignalExternalWorkflowExecution) {
        let (sim, from) = (self.clone(), from.to_owned());
        self.spawn(("signal", from.clone(), signal.seq), async move {
            sim.pause().await;
            let (workflow_id, run_id) = match signal.target {
                Some(Target::WorkflowExecution(execution)) => (execution.workflow_id, execution.run_id),
                Some(Target::ChildWorkflowId(workflow_id)) => (workflow_id, String::new()),
                None => Default::default(),
            };
            let run_id = Some(run_id.as_str()).filter(|run_id| !run_id.is_empty());
            let request = format!("{from}-{}", signal.seq);
            let signalled = sim.signal(&workflow_id, run_id, &signal.signal_name, signal.args, &request);
            let (failure, cause) = match signalled {
                Ok(()) => (None, SignalExternalWorkflowExecutionFailedCause::Unspecified),
                Err(NotSignalled::NotFound) => (
                    Some(Failure { message: "not found".to_owned(), ..Failure::default() }),
                    SignalExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound,
                ),
                Err(NotSignalled::TooMany) => (
                    Some(Failure { message: "too many".to_owned(), ..Failure::default() }),
                    SignalExternalWorkflowExecutionFailedCause::SignalCountLimitExceeded,
                ),
            };
            sim.pause().await;
            let resolved = ResolveSignalExternalWorkflow { seq: signal.seq, failure, cause: cause.into() };
            sim.push(&from, Job::ResolveSignalExternalWorkflow(resolved));
        });
    }

    fn cancel_external(&self, from: &str, cancel: RequestCancelExternalWorkflowExecution) {
        let (sim, from) = (self.clone(), from.to_owned());
        self.spawn(("cancel", from.clone(), cancel.seq), async move {
            sim.pause().await;
            let execution = cancel.workflow_execution.unwrap_or_default();
            let newest = sim.temporal().open(&execution.workflow_id).map(|run| run.run_id.clone());
            let is_open = newest.is_some_and(|open| open == execution.run_id);
            let (failure, cause) = if is_open {
                sim.cancel(&execution.workflow_id, &cancel.reason);
                (None, CancelExternalWorkflowExecutionFailedCause::Unspecified)
            } else {
                (
                    Some(Failure { message: "not found".to_owned(), ..Failure::default() }),
                    CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound,
                )
            };
            sim.pause().await;
            let resolved =
                ResolveRequestCancelExternalWorkflow { seq: cancel.seq, failure, cause: cause.into() };
            sim.push(&from, Job::ResolveRequestCancelExternalWorkflow(resolved));
        });
    }
}

/// What a run's past has begun and not seen the end of.
pub(super) struct Begun {
    timers: BTreeMap<u32, Moment>,
    activities: BTreeMap<u32, ScheduleActivity>,
    /// Those of them whose cancellation was requested.
    cancelled: BTreeSet<u32>,
}

/// Without what the task that is done again sees the end of.
pub(super) fn unresolved(tasks: &[CompletedTask], again: &[Job]) -> Begun {
    let mut begun = Begun {
        timers: BTreeMap::new(),
        activities: BTreeMap::new(),
        cancelled: BTreeSet::new(),
    };
    for task in tasks {
        for (jobs, commands) in &task.activations {
            jobs.iter().for_each(|job| begun.end(job));
            for command in commands.iter().filter_map(|command| command.variant.as_ref()) {
                match command {
                    Command::StartTimer(timer) => {
                        let until = task.context.at + duration(timer.start_to_fire_timeout);
                        begun.timers.insert(timer.seq, until);
                    }
                    Command::CancelTimer(timer) => {
                        begun.timers.remove(&timer.seq);
                    }
                    Command::ScheduleActivity(schedule) => {
                        begun.activities.insert(schedule.seq, schedule.clone());
                    }
                    Command::RequestCancelActivity(request) => {
                        begun.cancelled.insert(request.seq);
                    }
                    _ => {}
                }
            }
        }
    }
    again.iter().for_each(|job| begun.end(job));
    begun
}

impl Begun {
    fn end(&mut self, job: &Job) {
        match job {
            Job::FireTimer(fired) => {
                self.timers.remove(&fired.seq);
            }
            Job::ResolveActivity(resolved) => {
                self.activities.remove(&resolved.seq);
            }
            _ => {}
        }
    }
}

impl Sim {
    pub(super) fn resume(&self, run_id: &str, begun: Begun) {
        for (seq, until) in begun.timers {
            self.start_timer(run_id, seq, until);
        }
        for (seq, schedule) in begun.activities {
            self.apply_commands(run_id, vec![Command::ScheduleActivity(schedule)], &BTreeSet::new());
            if begun.cancelled.contains(&seq) {
                self.cancel_activity(run_id, seq, false);
            }
        }
    }
}

pub(super) fn duration(duration: Option<impl TryInto<Duration>>) -> Duration {
    duration.and_then(|duration| duration.try_into().ok()).unwrap_or_default()
}
