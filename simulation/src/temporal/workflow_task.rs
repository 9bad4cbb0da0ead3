//! Workflow tasks: what has happened goes to the run's code on a worker, its commands come back.
//!
//! A task can be lost with its worker; it is then started again after its timeout, together with what
//! has happened meanwhile. A run cannot close while something has happened that its code has not seen.
//! The code is thrown away at random moments and made again from the beginning, and must decide the
//! same.

use std::{collections::BTreeSet, time::Duration};

use serde::de::DeserializeOwned;
use temporalio_common::protos::coresdk::{
    workflow_activation::{ResolveActivity, workflow_activation_job::Variant as Job},
    workflow_commands::{ActivityCancellationType, WorkflowCommand, workflow_command::Variant as Command},
};

use super::{CachedCode, Run, TaskState, failures};
use crate::{
    sdk::{ActivationContext, WorkflowCode},
    sim::Sim,
};

/// A worker that does not complete a workflow task within this time is taken for dead.
const TASK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a query waits for an answer.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Of commands that differ, so much is told.
const NAMED_MAX: usize = 500;
/// Between two looks whether a query can be answered.
const QUERY_PAUSE: Duration = Duration::from_millis(50);

/// What the code was told at once, and the commands that came of it.
pub(super) type Activation = (Vec<Job>, Vec<WorkflowCommand>);

/// A workflow task that was completed.
#[derive(Clone, Debug)]
pub struct CompletedTask {
    /// What it was told beside its jobs.
    pub context: ActivationContext,
    /// Its activations, and the commands that each led to. More than one where the code cancelled an
    /// activity that it does not wait for.
    pub activations: Vec<Activation>,
}

impl CompletedTask {
    /// What has happened, as the code was told.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.activations.iter().flat_map(|(jobs, _)| jobs)
    }

    /// What the code wanted.
    pub fn commands(&self) -> impl Iterator<Item = &WorkflowCommand> {
        self.activations.iter().flat_map(|(_, commands)| commands)
    }
}

impl Sim {
    pub(super) fn schedule_workflow_task(&self, run_id: &str) {
        let number = {
            let mut temporal = self.temporal_mut();
            let Some(run) = temporal.runs.get_mut(run_id) else {
                return;
            };
            if !run.is_open() || run.task == TaskState::UnderWay || run.pending.is_empty() {
                return;
            }
            run.task = TaskState::UnderWay;
            run.tasks.len()
        };
        let (sim, run_id) = (self.clone(), run_id.to_owned());
        self.spawn(("workflow task", run_id.clone(), number), async move {
            sim.workflow_task(&run_id).await;
        });
    }

    async fn workflow_task(&self, run_id: &str) {
        let mut jobs = Vec::new();
        loop {
            self.pause().await;
            // The sticky queue: whoever has the code goes on with it, if it can.
            let sticky = self.temporal().runs.get(run_id).and_then(|run| Some(run.code.as_ref()?.worker));
            let worker = match sticky.filter(|worker| self.is_able(*worker)) {
                Some(worker) => worker,
                None => self.worker().await,
            };
            let Some(context) = self.take_pending(run_id, &mut jobs) else {
                return;
            };
            let generation = self.generation(worker);
            let activations = match self.run_code(run_id, worker, &jobs, context) {
                Ok(activations) => activations,
                Err(message) => {
                    self.violation("workflow task", format!("a workflow task of {run_id} fails: {message}"));
                    return;
                }
            };
            let started = self.now();
            self.pause_on(worker).await;
            let is_lost = self.generation(worker) != generation
                || self.is_cut_off(worker)
                || self.now().since(started) > TASK_TIMEOUT;
            if is_lost {
                self.drop_code(run_id);
                self.tell(|| format!("a workflow task of {run_id} is lost with its worker"));
                self.executor().sleep_until(started + TASK_TIMEOUT).await;
                continue;
            }
            let closes = activations.iter().any(|(_, commands)| commands.iter().any(is_last));
            if closes && self.has_pending(run_id) {
                // UnhandledCommand: the code has to see what has happened meanwhile.
                self.drop_code(run_id);
                continue;
            }
            self.complete_workflow_task(run_id, CompletedTask { context, activations });
            return;
        }
    }

    /// What has happened, added to what an earlier attempt was told. `None` if the run is closed.
    fn take_pending(&self, run_id: &str, jobs: &mut Vec<Job>) -> Option<ActivationContext> {
        let at = self.now();
        let long = self.weights().long_history;
        let mut temporal = self.temporal_mut();
        let run = temporal.runs.get_mut(run_id).filter(|run| run.is_open())?;
        jobs.append(&mut run.pending);
        jobs.sort_by_key(order);
        run.events += 2;
        Some(ActivationContext {
            at,
            history_length: run.events,
            suggests_continue_as_new: run.events >= long,
            is_replay: false,
        })
    }

    fn has_pending(&self, run_id: &str) -> bool {
        self.temporal().runs.get(run_id).is_some_and(|run| !run.pending.is_empty())
    }

    fn drop_code(&self, run_id: &str) {
        if let Some(run) = self.temporal_mut().runs.get_mut(run_id) {
            run.code = None;
        }
    }

    /// Lets the code see what has happened.
    fn run_code(
        &self,
        run_id: &str,
        worker: usize,
        jobs: &[Job],
        context: ActivationContext,
    ) -> Result<Vec<Activation>, String> {
        let generation = self.generation(worker);
        let is_evicted = self.random(fastrand::Rng::f64) < self.weights().eviction;
        let mut temporal = self.temporal_mut();
        let run = temporal.runs.get_mut(run_id).ok_or("there is no such run")?;
        let cached = run
            .code
            .take()
            .filter(|cached| !is_evicted && cached.worker == worker && cached.generation == generation);
        let mut code = match cached {
            Some(cached) => cached.code,
            None => rebuild(run)?,
        };
        let mut activations = Vec::new();
        let mut next = jobs.to_vec();
        let mut cancelled = BTreeSet::new();
        while !next.is_empty() {
            let commands = code.activate(next.clone(), context)?;
            let resolutions = cancelled_at_once(run, &activations, &commands, &mut cancelled);
            activations.push((next, commands));
            next = resolutions;
        }
        run.code = Some(CachedCode { code, worker, generation });
        Ok(activations)
    }

    fn complete_workflow_task(&self, run_id: &str, task: CompletedTask) {
        let commands: Vec<Command> = task.commands().filter_map(|command| command.variant.clone()).collect();
        let at_once: BTreeSet<u32> = task
            .activations
            .iter()
            .skip(1)
            .flat_map(|(jobs, _)| jobs)
            .filter_map(resolved)
            .collect();
        let (workflow_id, is_too_long) = {
            let mut temporal = self.temporal_mut();
            let Some(run) = temporal.runs.get_mut(run_id).filter(|run| run.is_open()) else {
                return;
            };
            run.events += 1 + u32::try_from(commands.len()).unwrap_or_default();
            run.tasks.push(task);
            run.task = TaskState::Idle;
            (run.workflow_id.clone(), run.events > super::EVENTS_MAX)
        };
        if is_too_long {
            self.checks().history_is_too_long(self, &workflow_id);
        }
        self.apply_commands(run_id, commands, &at_once);
        self.schedule_workflow_task(run_id);
    }

    /// Asks the newest run of a workflow ID, open or closed.
    ///
    /// # Errors
    /// If there is none, or no worker answers in time.
    pub async fn query<T: DeserializeOwned>(&self, workflow_id: &str, name: &str) -> Result<T, String> {
        let until = self.now() + QUERY_TIMEOUT;
        loop {
            if self.has_worker()
                && let Some(answer) = self.answer(workflow_id, name)
            {
                return answer;
            }
            if self.now() >= until {
                return Err("no worker answers".to_owned());
            }
            self.executor().sleep(QUERY_PAUSE).await;
        }
    }

    /// `None` while something has happened that the code has not seen.
    fn answer<T: DeserializeOwned>(&self, workflow_id: &str, name: &str) -> Option<Result<T, String>> {
        let mut temporal = self.temporal_mut();
        let newest = temporal.newest.get(workflow_id).cloned();
        let Some(run) = newest.and_then(|newest| temporal.runs.get_mut(&newest)) else {
            return Some(Err(format!("there is no workflow {workflow_id}")));
        };
        if run.tasks.is_empty()
            || (run.is_open() && (run.task == TaskState::UnderWay || !run.pending.is_empty()))
        {
            return None;
        }
        Some(ask(run, name))
    }

    /// What the newest run of a workflow ID says, whatever is on its way to it.
    pub fn look<T: DeserializeOwned>(&self, workflow_id: &str, name: &str) -> Option<T> {
        let mut temporal = self.temporal_mut();
        let newest = temporal.newest.get(workflow_id)?.clone();
        let run = temporal.runs.get_mut(&newest)?;
        if run.tasks.is_empty() || (run.is_open() && run.task == TaskState::UnderWay) {
            return None;
        }
        ask(run, name).ok()
    }
}

fn ask<T: DeserializeOwned>(run: &mut Run, name: &str) -> Result<T, String> {
    let context = run.tasks.last().map(|task| task.context).ok_or("it has not begun")?;
    let payload = match &mut run.code {
        Some(cached) => cached.code.query(name, context)?,
        None => rebuild(run)?.query(name, context)?,
    };
    serde_json::from_slice(&payload.data).map_err(|error| error.to_string())
}

/// The past of a run that was reset, with what the code decides in the new run: it says another run's ID.
pub(super) fn decided_anew(
    run_id: &str,
    run: &Run,
    past: &[CompletedTask],
) -> Result<Vec<CompletedTask>, String> {
    let mut code = WorkflowCode::new(run_id, &run.start)?;
    let mut anew = past.to_vec();
    for task in &mut anew {
        let context = ActivationContext { is_replay: true, ..task.context };
        for (jobs, decided) in &mut task.activations {
            let commands = code.activate(jobs.clone(), context)?;
            if commands.len() != decided.len() {
                return Err("the code decides otherwise after a reset".to_owned());
            }
            *decided = commands;
        }
    }
    Ok(anew)
}

/// Makes the code again from the run's past, and compares what it decides.
fn rebuild(run: &Run) -> Result<WorkflowCode, String> {
    let mut code = WorkflowCode::new(&run.run_id, &run.start)?;
    for task in &run.tasks {
        for (jobs, decided) in &task.activations {
            let context = ActivationContext { is_replay: true, ..task.context };
            let commands = code.activate(jobs.clone(), context)?;
            if commands != *decided {
                return Err(format!(
                    "the code decides otherwise when it is replayed: {} instead of {}",
                    names(&commands),
                    names(decided)
                ));
            }
        }
    }
    Ok(code)
}

fn names(commands: &[WorkflowCommand]) -> String {
    let text = format!("{:?}", commands.iter().map(|command| &command.variant).collect::<Vec<_>>());
    text.chars().take(NAMED_MAX).collect()
}

/// The activities that the code has cancelled and does not wait for, as it is told at once.
fn cancelled_at_once(
    run: &Run,
    before: &[Activation],
    commands: &[WorkflowCommand],
    cancelled: &mut BTreeSet<u32>,
) -> Vec<Job> {
    let mut jobs = Vec::new();
    for command in commands {
        let Some(Command::RequestCancelActivity(request)) = &command.variant else {
            continue;
        };
        let seq = request.seq;
        let of_this_task = before.iter().flat_map(|(_, commands)| commands).chain(commands).find_map(
            |command| match &command.variant {
                Some(Command::ScheduleActivity(schedule)) if schedule.seq == seq => {
                    Some(schedule.activity_type.clone())
                }
                _ => None,
            },
        );
        let not_awaited = run.activities.get(&seq).filter(|activity| {
            activity.command.cancellation_type() != ActivityCancellationType::WaitCancellationCompleted
        });
        let name =
            of_this_task.or_else(|| not_awaited.map(|activity| activity.command.activity_type.clone()));
        if let Some(name) = name
            && cancelled.insert(seq)
        {
            jobs.push(Job::ResolveActivity(ResolveActivity {
                seq,
                result: Some(failures::cancelled(&name)),
                is_local: false,
            }));
        }
    }
    jobs
}

fn resolved(job: &Job) -> Option<u32> {
    match job {
        Job::ResolveActivity(resolution) => Some(resolution.seq),
        _ => None,
    }
}

/// The SDK's order of the jobs in an activation.
fn order(job: &Job) -> u8 {
    match job {
        Job::InitializeWorkflow(_) => 0,
        Job::NotifyHasPatch(_) => 1,
        Job::UpdateRandomSeed(_) => 2,
        Job::SignalWorkflow(_) | Job::DoUpdate(_) => 3,
        _ => 4,
    }
}

fn is_last(command: &WorkflowCommand) -> bool {
    matches!(
        command.variant,
        Some(
            Command::CompleteWorkflowExecution(_)
                | Command::FailWorkflowExecution(_)
                | Command::CancelWorkflowExecution(_)
                | Command::ContinueAsNewWorkflowExecution(_)
        )
    )
}
