//! A model of Temporal's server, as far as this product uses it.
//!
//! Runs and their IDs, signals with request IDs, timers, activities with all four timeouts and the
//! server's retry rules, children, cancellation, termination, reset, continue-as-new, and a visibility
//! store that lags behind. Workflow tasks run the workflows' own code (`crate::sdk`).

mod activity;
mod commands;
mod failures;
mod visibility;
mod workflow_task;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use temporalio_common::protos::{
    coresdk::{
        child_workflow::{ChildWorkflowResult, child_workflow_result},
        workflow_activation::{
            CancelWorkflow, InitializeWorkflow, ResolveChildWorkflowExecution, SignalWorkflow,
            UpdateRandomSeed, workflow_activation_job::Variant as Job,
        },
    },
    temporal::api::{common::v1::Payload, failure::v1::Failure},
};

pub(crate) use activity::Attempt;
pub(crate) use failures::NotDone;
pub(crate) use visibility::Record;
pub(crate) use workflow_task::CompletedTask;

use crate::{
    executor::{Moment, TaskId},
    sdk::WorkflowCode,
    sim::Sim,
};
use activity::Activity;

/// The queue that workflows and most activities are on.
pub(crate) const TASK_QUEUE: &str = "previews";

/// A run takes no more signals than these.
const SIGNALS_MAX: u32 = 10_000;
/// A run with a longer history is terminated.
const EVENTS_MAX: u32 = 51_200;
/// A larger payload is not taken, in bytes.
const PAYLOAD_MAX: usize = 2 * 1024 * 1024;

/// Of a result, so much is told.
const SHOWN_MAX: usize = 120;

/// All that the server knows.
#[derive(Default)]
pub struct Temporal {
    runs: BTreeMap<String, Run>,
    /// The newest run of each workflow ID.
    newest: BTreeMap<String, String>,
    records: BTreeMap<String, Record>,
    /// When the paced queue gives out its next task.
    paced_turn: Moment,
    runs_made: u32,
}

/// One run of a workflow.
pub struct Run {
    /// Its workflow ID.
    pub workflow_id: String,
    /// Its own ID.
    pub run_id: String,
    /// When it began.
    pub started_at: Moment,
    /// How it ended, if it has.
    pub close: Option<Close>,
    /// When.
    pub closed_at: Option<Moment>,
    /// What its first activation holds.
    pub start: InitializeWorkflow,
    /// Workflow tasks that were completed: what a replay sees.
    pub tasks: Vec<CompletedTask>,
    /// What has happened since the last of them was started.
    pending: Vec<Job>,
    task: TaskState,
    code: Option<CachedCode>,
    timers: BTreeMap<u32, TaskId>,
    activities: BTreeMap<u32, Activity>,
    /// Children that are open, by their run IDs, and the command that each was started by.
    children: BTreeMap<String, u32>,
    /// Children that it has not been told of yet.
    unstarted: BTreeSet<u32>,
    parent: Option<String>,
    seen_requests: HashSet<String>,
    signals: u32,
    is_cancel_requested: bool,
    /// Events in its history.
    events: u32,
    attributes: visibility::Attributes,
}

struct CachedCode {
    code: WorkflowCode,
    worker: usize,
    generation: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TaskState {
    Idle,
    /// Scheduled, or being worked on.
    UnderWay,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// With this result, as JSON.
    Completed(String),
    /// With this failure.
    Failed(String),
    /// It was cancelled, and agreed.
    Cancelled,
    /// By force.
    Terminated,
    /// Another run goes on.
    ContinuedAsNew,
}

fn in_short(close: &Close) -> String {
    format!("{close:?}").chars().take(SHOWN_MAX).collect()
}

/// Why a signal is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSignalled {
    /// No run of that ID is open.
    NotFound,
    /// The run has had as many as it may.
    TooMany,
}

impl Run {
    /// Is it open?
    pub fn is_open(&self) -> bool {
        self.close.is_none()
    }

    /// The first run of the chain that a reset or continue-as-new goes on with.
    pub fn first_run_id(&self) -> &str {
        &self.start.first_execution_run_id
    }

    /// The workflow's type.
    pub fn workflow_type(&self) -> &str {
        &self.start.workflow_type
    }
}

impl Temporal {
    /// All runs, in the order in which they were started.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// The newest run of a workflow ID.
    pub fn newest(&self, workflow_id: &str) -> Option<&Run> {
        self.runs.get(self.newest.get(workflow_id)?)
    }

    fn open(&self, workflow_id: &str) -> Option<&Run> {
        self.newest(workflow_id).filter(|run| run.is_open())
    }

    /// Is this run open, or one that goes on with its work?
    pub fn is_open(&self, first_run_id: &str) -> bool {
        self.runs
            .values()
            .any(|run| run.first_run_id() == first_run_id && run.is_open())
    }
}

/// How a workflow is started.
pub struct Start {
    /// Its type.
    pub workflow_type: String,
    /// Its ID.
    pub workflow_id: String,
    /// Its input.
    pub input: Vec<Payload>,
}

/// What a reset goes back to.
struct Past {
    run_id: String,
    start: InitializeWorkflow,
    is_cancel_requested: bool,
    /// Up to the task that is done again.
    tasks: Vec<CompletedTask>,
    /// What that task is told, and what was signalled later.
    again: Vec<Job>,
}

/// Who started a run.
enum Origin {
    Client,
    Parent {
        run_id: String,
        seq: u32,
    },
    /// The run before, whose search attributes go on.
    Before {
        run_id: String,
        first: String,
    },
}

impl Sim {
    /// Starts a workflow, unless a run of its ID is open: then its run ID.
    pub fn start_workflow(&self, start: Start) -> Result<String, String> {
        if let Some(open) = self.temporal().open(&start.workflow_id) {
            return Err(open.run_id.clone());
        }
        Ok(self.make_run(start, Origin::Client))
    }

    fn make_run(&self, start: Start, origin: Origin) -> String {
        let now = self.now();
        let mut temporal = self.temporal_mut();
        temporal.runs_made += 1;
        let run_id = format!("run-{:04}", temporal.runs_made);
        let (parent, before, first) = match origin {
            Origin::Client => (None, String::new(), run_id.clone()),
            Origin::Parent { run_id: parent, seq } => {
                if let Some(parent) = temporal.runs.get_mut(&parent) {
                    parent.children.insert(run_id.clone(), seq);
                    parent.unstarted.insert(seq);
                }
                (Some(parent), String::new(), run_id.clone())
            }
            Origin::Before { run_id, first } => (None, run_id, first),
        };
        let attributes = temporal.runs.get(&before).map(|run| run.attributes.clone()).unwrap_or_default();
        let initialize = InitializeWorkflow {
            workflow_type: start.workflow_type,
            workflow_id: start.workflow_id.clone(),
            arguments: start.input,
            randomness_seed: u64::from(temporal.runs_made),
            continued_from_execution_run_id: before,
            first_execution_run_id: first.clone(),
            original_execution_run_id: run_id.clone(),
            attempt: 1,
            start_time: Some(std::time::SystemTime::from(now.timestamp()).into()),
            ..InitializeWorkflow::default()
        };
        let run = Run {
            workflow_id: start.workflow_id.clone(),
            run_id: run_id.clone(),
            started_at: now,
            close: None,
            closed_at: None,
            pending: vec![Job::InitializeWorkflow(initialize.clone())],
            start: initialize,
            tasks: Vec::new(),
            task: TaskState::Idle,
            code: None,
            timers: BTreeMap::new(),
            activities: BTreeMap::new(),
            children: BTreeMap::new(),
            unstarted: BTreeSet::new(),
            parent,
            seen_requests: HashSet::new(),
            signals: 0,
            is_cancel_requested: false,
            events: 1,
            attributes,
        };
        temporal.runs.insert(run_id.clone(), run);
        temporal.newest.insert(start.workflow_id.clone(), run_id.clone());
        drop(temporal);
        self.tell(|| format!("{} starts as {run_id}", start.workflow_id));
        self.index(&run_id);
        self.schedule_workflow_task(&run_id);
        run_id
    }

    /// Signals the open run of a workflow ID; if `run_id` is given, only that very run.
    pub fn signal(
        &self,
        workflow_id: &str,
        run_id: Option<&str>,
        name: &str,
        input: Vec<Payload>,
        request_id: &str,
    ) -> Result<(), NotSignalled> {
        let run_id = {
            let mut temporal = self.temporal_mut();
            let open = temporal.open(workflow_id).map(|run| run.run_id.clone());
            let open = open.filter(|open| run_id.is_none_or(|wanted| wanted == open));
            let open = open.ok_or(NotSignalled::NotFound)?;
            let run = temporal.runs.get_mut(&open).ok_or(NotSignalled::NotFound)?;
            if run.seen_requests.contains(request_id) {
                return Ok(());
            }
            if run.signals == SIGNALS_MAX {
                return Err(NotSignalled::TooMany);
            }
            run.signals += 1;
            run.seen_requests.insert(request_id.to_owned());
            run.pending.push(Job::SignalWorkflow(SignalWorkflow {
                signal_name: name.to_owned(),
                input,
                ..SignalWorkflow::default()
            }));
            run.events += 1;
            open
        };
        self.tell(|| format!("signal {name} for {workflow_id}"));
        self.schedule_workflow_task(&run_id);
        Ok(())
    }

    /// Requests a cancellation.
    pub fn cancel(&self, workflow_id: &str, reason: &str) {
        let run_id = {
            let mut temporal = self.temporal_mut();
            let Some(open) = temporal.open(workflow_id).map(|run| run.run_id.clone()) else {
                return;
            };
            let Some(run) = temporal.runs.get_mut(&open) else {
                return;
            };
            if std::mem::replace(&mut run.is_cancel_requested, true) {
                return;
            }
            run.pending
                .push(Job::CancelWorkflow(CancelWorkflow { reason: reason.to_owned() }));
            run.events += 1;
            open
        };
        self.tell(|| format!("{workflow_id} is cancelled"));
        self.schedule_workflow_task(&run_id);
    }

    /// Ends a run by force.
    pub fn terminate(&self, workflow_id: &str) {
        let open = self.temporal().open(workflow_id).map(|run| run.run_id.clone());
        if let Some(run_id) = open {
            self.tell(|| format!("{workflow_id} is terminated"));
            self.close_run(&run_id, &Close::Terminated);
        }
    }

    /// Resets a workflow to one of its completed workflow tasks: a new run has the same past up to
    /// there, does that task again, and what was signalled afterwards is signalled again.
    pub fn reset(&self, workflow_id: &str, task: usize) {
        let Some(past) = self.past_of(workflow_id, task) else {
            return;
        };
        self.tell(|| format!("{workflow_id} is reset to its workflow task {}", past.tasks.len() + 1));
        self.close_run(&past.run_id, &Close::Terminated);
        let first = past.start.first_execution_run_id.clone();
        let run_id = self.make_run(
            Start {
                workflow_type: past.start.workflow_type.clone(),
                workflow_id: workflow_id.to_owned(),
                input: past.start.arguments.clone(),
            },
            Origin::Before { run_id: past.run_id, first },
        );
        // What the past has begun and not seen the end of goes on in the new run.
        let begun = {
            let mut temporal = self.temporal_mut();
            let Some(run) = temporal.runs.get_mut(&run_id) else {
                return;
            };
            let original_execution_run_id = past.start.original_execution_run_id.clone();
            run.start = InitializeWorkflow { original_execution_run_id, ..past.start };
            run.started_at = past.tasks.first().map_or(run.started_at, |task| task.context.at);
            run.is_cancel_requested = past.is_cancel_requested;
            let seed = UpdateRandomSeed { randomness_seed: u64::from(run.events) };
            run.pending = vec![Job::UpdateRandomSeed(seed)];
            run.pending.extend(past.again.iter().cloned());
            run.attributes = visibility::Attributes::decided_in(&past.tasks);
            workflow_task::decided_anew(&run_id, run, &past.tasks).map(|tasks| {
                let begun = commands::unresolved(&tasks, &past.again);
                run.tasks = tasks;
                begun
            })
        };
        match begun {
            Ok(begun) => self.resume(&run_id, begun),
            Err(message) => self.violation("workflow task", message),
        }
        self.schedule_workflow_task(&run_id);
    }

    fn past_of(&self, workflow_id: &str, task: usize) -> Option<Past> {
        let temporal = self.temporal();
        let run = temporal.open(workflow_id)?;
        if run.tasks.is_empty() {
            return None;
        }
        let (past, future) = run.tasks.split_at(task % run.tasks.len());
        let (redone, future) = future.split_first()?;
        let redone = redone.activations.first().map(|(jobs, _)| jobs.clone()).unwrap_or_default();
        let later = future
            .iter()
            .flat_map(CompletedTask::jobs)
            .chain(&run.pending)
            .filter(|job| matches!(job, Job::SignalWorkflow(_)));
        let again: Vec<Job> = redone.into_iter().chain(later.cloned()).collect();
        let is_cancel = |job: &Job| matches!(job, Job::CancelWorkflow(_));
        let is_cancel_requested = past.iter().flat_map(CompletedTask::jobs).chain(&again).any(is_cancel);
        Some(Past {
            run_id: run.run_id.clone(),
            start: run.start.clone(),
            is_cancel_requested,
            tasks: past.to_vec(),
            again,
        })
    }

    /// Something has happened that the run's code is to know.
    fn push(&self, run_id: &str, job: Job) {
        {
            let mut temporal = self.temporal_mut();
            let Some(run) = temporal.runs.get_mut(run_id).filter(|run| run.is_open()) else {
                return;
            };
            run.pending.push(job);
            run.events += 2;
        }
        self.schedule_workflow_task(run_id);
    }

    fn close_run(&self, run_id: &str, close: &Close) {
        let (ended, parent, workflow_id) = {
            let mut temporal = self.temporal_mut();
            let Some(run) = temporal.runs.get_mut(run_id).filter(|run| run.is_open()) else {
                return;
            };
            run.close = Some(close.clone());
            run.closed_at = Some(self.now());
            run.pending.clear();
            run.code = None;
            let timers = std::mem::take(&mut run.timers).into_values();
            let activities = std::mem::take(&mut run.activities).into_values();
            let ended: Vec<TaskId> = timers.chain(activities.flat_map(Activity::into_tasks)).collect();
            (ended, run.parent.clone(), run.workflow_id.clone())
        };
        for task in ended {
            self.executor().abort(task);
        }
        self.tell(|| format!("{workflow_id} ({run_id}) closes: {}", in_short(close)));
        self.index(run_id);
        if let Some(parent) = parent {
            self.tell_parent(&parent, run_id, close);
        }
        self.checks().run_closed(self, run_id);
    }

    fn tell_parent(&self, parent: &str, child: &str, close: &Close) {
        let seq = {
            let mut temporal = self.temporal_mut();
            temporal.runs.get_mut(parent).and_then(|run| run.children.remove(child))
        };
        let Some(seq) = seq else { return };
        let status = match close {
            Close::Completed(_) => child_workflow_result::Status::Completed(Default::default()),
            Close::Cancelled => child_workflow_result::Status::Cancelled(Default::default()),
            other => {
                let failure = Failure { message: format!("{other:?}"), ..Failure::default() };
                child_workflow_result::Status::Failed(
                    temporalio_common::protos::coresdk::child_workflow::Failure { failure: Some(failure) },
                )
            }
        };
        let result = ChildWorkflowResult { status: Some(status) };
        let (sim, parent) = (self.clone(), parent.to_owned());
        self.spawn(("child closed", child.to_owned()), async move {
            sim.pause().await;
            // The parent is told that it was started before it is told that it is closed.
            while sim.temporal().runs.get(&parent).is_some_and(|run| run.unstarted.contains(&seq)) {
                sim.pause().await;
            }
            let job = ResolveChildWorkflowExecution { seq, result: Some(result) };
            sim.push(&parent, Job::ResolveChildWorkflowExecution(job));
        });
    }
}
