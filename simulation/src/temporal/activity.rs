//! Activities: attempts on workers, timeouts, retries, heartbeats and cancellation.

use std::{cell::Cell, rc::Rc, time::Duration};

use temporalio_common::protos::{
    coresdk::{
        activity_result::{ActivityResolution, Success, activity_resolution::Status},
        workflow_activation::{ResolveActivity, workflow_activation_job::Variant as Job},
        workflow_commands::ScheduleActivity,
    },
    temporal::api::{
        common::v1::Payload,
        enums::v1::{RetryState, TimeoutType},
        failure::v1::Failure,
    },
};
use workflows::contract::{github_task_queue, timeouts};

use super::{NotDone, TASK_QUEUE, commands::duration, failures};
use crate::{
    activities,
    executor::{Moment, TaskId},
    sim::Sim,
};

/// Between two tasks of the paced queue: GitHub takes 80 content writes a minute.
const PACE: Duration = Duration::from_millis(750);

/// An activity that a run waits for.
pub(super) struct Activity {
    pub(super) command: ScheduleActivity,
    scheduled_at: Moment,
    attempt: u32,
    started: Option<Started>,
    is_cancel_requested: bool,
    /// The run has been told that it is cancelled, whatever becomes of it.
    is_forgotten: bool,
    /// What waits for the next attempt.
    dispatch: Option<TaskId>,
}

struct Started {
    at: Moment,
    heartbeat: Moment,
    watchdog: TaskId,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// With this result.
    Completed(Payload),
    /// Without.
    NotDone(NotDone),
    /// The server has waited long enough.
    TimedOut(TimeoutType),
}

/// What the server answers to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heartbeat {
    /// Go on.
    Taken,
    /// The activity is to stop.
    Cancelled,
    /// It is another's by now, or nobody's.
    NotFound,
}

/// One attempt, on a worker.
#[derive(Clone)]
pub struct Attempt {
    /// The world.
    pub sim: Sim,
    /// Where it runs.
    pub worker: usize,
    /// Whose activity it is.
    pub run_id: String,
    seq: u32,
    /// Which try, from 1.
    pub number: u32,
    /// When the activity was scheduled.
    pub scheduled_at: Moment,
    /// When Temporal gives this attempt up.
    deadline: Moment,
    is_cancelled: Rc<Cell<bool>>,
}

impl Activity {
    pub(super) fn new(command: ScheduleActivity, now: Moment) -> Self {
        Self {
            command,
            scheduled_at: now,
            attempt: 0,
            started: None,
            is_cancel_requested: false,
            is_forgotten: false,
            dispatch: None,
        }
    }

    /// The server's own tasks for it.
    pub(super) fn into_tasks(self) -> impl Iterator<Item = TaskId> {
        self.dispatch.into_iter().chain(self.started.map(|started| started.watchdog))
    }

    fn is_paced(&self) -> bool {
        self.command.task_queue == github_task_queue(TASK_QUEUE)
    }

    fn deadline(&self) -> Option<Moment> {
        let whole = duration(self.command.schedule_to_close_timeout);
        (!whole.is_zero()).then(|| self.scheduled_at + whole)
    }
}

impl Sim {
    fn activity<T>(&self, run_id: &str, seq: u32, change: impl FnOnce(&mut Activity) -> T) -> Option<T> {
        let mut temporal = self.temporal_mut();
        let run = temporal.runs.get_mut(run_id).filter(|run| run.is_open())?;
        run.activities.get_mut(&seq).map(change)
    }

    /// Gives the activity to a worker, after a pause.
    pub(super) fn dispatch(&self, run_id: &str, seq: u32, pause: Duration) {
        let (sim, id) = (self.clone(), run_id.to_owned());
        let attempt = self.activity(run_id, seq, |activity| activity.attempt).unwrap_or_default();
        let task = self.spawn(("dispatch", run_id.to_owned(), seq, attempt), async move {
            sim.executor().sleep(pause).await;
            sim.wait_for_a_worker(&id, seq).await;
        });
        self.activity(run_id, seq, |activity| activity.dispatch = Some(task));
    }

    async fn wait_for_a_worker(&self, run_id: &str, seq: u32) {
        let Some((command, is_paced)) =
            self.activity(run_id, seq, |activity| (activity.command.clone(), activity.is_paced()))
        else {
            return;
        };
        let patience = duration(command.schedule_to_start_timeout);
        let until = (!patience.is_zero()).then(|| self.now() + patience);
        if is_paced {
            let turn = self.next_turn();
            if until.is_some_and(|until| turn > until) {
                self.executor().sleep_until(until.unwrap_or(turn)).await;
                return self.resolve_timeout(run_id, seq, TimeoutType::ScheduleToStart);
            }
            self.executor().sleep_until(turn).await;
        }
        self.pause().await;
        let Some(worker) = self.worker_until(until).await else {
            return self.resolve_timeout(run_id, seq, TimeoutType::ScheduleToStart);
        };
        self.start_attempt(run_id, seq, worker);
    }

    fn next_turn(&self) -> Moment {
        let now = self.now();
        let mut temporal = self.temporal_mut();
        let turn = temporal.paced_turn.max(now);
        temporal.paced_turn = turn + PACE;
        turn
    }

    fn start_attempt(&self, run_id: &str, seq: u32, worker: usize) {
        let now = self.now();
        let begun = self.activity(run_id, seq, |activity| {
            activity.attempt += 1;
            activity.dispatch = None;
            (activity.attempt, activity.command.clone(), activity.scheduled_at)
        });
        let Some((number, command, scheduled_at)) = begun else {
            return;
        };
        let (sim, id) = (self.clone(), run_id.to_owned());
        let watchdog = self.spawn(("watchdog", id.clone(), seq, number), async move {
            sim.watch(&id, seq, number).await;
        });
        self.activity(run_id, seq, |activity| {
            activity.started = Some(Started { at: now, heartbeat: now, watchdog });
        });
        let attempt = Attempt {
            sim: self.clone(),
            worker,
            run_id: run_id.to_owned(),
            seq,
            number,
            scheduled_at,
            deadline: now + duration(command.start_to_close_timeout),
            is_cancelled: Rc::default(),
        };
        if !duration(command.heartbeat_timeout).is_zero() {
            self.spawn_on(
                worker,
                ("heartbeats", run_id.to_owned(), seq, number),
                attempt.clone().send_heartbeats(),
            );
        }
        self.spawn_on(worker, ("attempt", run_id.to_owned(), seq, number), async move {
            attempt.pause().await;
            let input = command.arguments.into_iter().next().unwrap_or_default();
            let outcome = match activities::execute(&attempt, &command.activity_type, &input).await {
                Ok(result) => Outcome::Completed(result),
                Err(not_done) => Outcome::NotDone(not_done),
            };
            attempt.report(outcome).await;
        });
    }

    /// Times out an attempt that takes too long, or is not heard of.
    async fn watch(&self, run_id: &str, seq: u32, number: u32) {
        loop {
            let due = self.activity(run_id, seq, |activity| {
                let started = activity.started.as_ref().filter(|_| activity.attempt == number)?;
                let command = &activity.command;
                let beat = duration(command.heartbeat_timeout);
                let one = duration(command.start_to_close_timeout);
                let bounds = [
                    (!one.is_zero()).then(|| (started.at + one, TimeoutType::StartToClose)),
                    (!beat.is_zero()).then(|| (started.heartbeat + beat, TimeoutType::Heartbeat)),
                    activity.deadline().map(|deadline| (deadline, TimeoutType::ScheduleToClose)),
                ];
                bounds.into_iter().flatten().min_by_key(|(at, _)| *at)
            });
            let Some((at, timeout)) = due.flatten() else {
                return;
            };
            if at <= self.now() {
                self.attempt_ended(run_id, seq, number, Outcome::TimedOut(timeout));
                return;
            }
            self.executor().sleep_until(at).await;
        }
    }

    fn heartbeat(&self, run_id: &str, seq: u32, number: u32) -> Heartbeat {
        let now = self.now();
        let answer = self.activity(run_id, seq, |activity| {
            let is_cancelled = activity.is_cancel_requested;
            let started = activity.started.as_mut().filter(|_| activity.attempt == number);
            started.map_or(Heartbeat::NotFound, |started| {
                started.heartbeat = now;
                if is_cancelled { Heartbeat::Cancelled } else { Heartbeat::Taken }
            })
        });
        answer.unwrap_or(Heartbeat::NotFound)
    }

    fn attempt_ended(&self, run_id: &str, seq: u32, number: u32, outcome: Outcome) {
        let started = self.activity(run_id, seq, |activity| {
            let is_current = activity.attempt == number;
            let started = if is_current { activity.started.take() } else { None };
            started.map(|started| {
                (started, activity.command.activity_type.clone(), activity.is_cancel_requested)
            })
        });
        // Another attempt has taken its place: nobody waits for this one.
        let Some(Some((started, name, is_cancel_requested))) = started else {
            return;
        };
        if !matches!(outcome, Outcome::TimedOut(_)) {
            self.executor().abort(started.watchdog);
        }
        let (cause, retry) = match outcome {
            Outcome::Completed(result) => {
                let result = Success { result: Some(result) };
                let resolution = ActivityResolution { status: Some(Status::Completed(result)) };
                return self.resolve(run_id, seq, resolution);
            }
            Outcome::NotDone(NotDone::Cancelled) if is_cancel_requested => {
                return self.resolve(run_id, seq, failures::cancelled(&name));
            }
            Outcome::NotDone(NotDone::Cancelled) => {
                (failures::application("Cancelled", "The worker has stopped.", false), Some(None))
            }
            Outcome::NotDone(NotDone::ForNow { kind, retry_after }) => {
                (failures::application(kind, &format!("{kind}."), false), Some(retry_after))
            }
            Outcome::NotDone(NotDone::ForGood { kind, summary }) => {
                (failures::application(kind, &summary, true), None)
            }
            Outcome::TimedOut(TimeoutType::ScheduleToClose) => {
                (failures::timeout(TimeoutType::ScheduleToClose), None)
            }
            Outcome::TimedOut(timeout) => (failures::timeout(timeout), Some(None)),
        };
        self.tell(|| format!("{name} of {run_id} fails, attempt {number}: {}", cause.message));
        match retry {
            Some(delay) if !is_cancel_requested => self.retry(run_id, seq, &name, cause, delay),
            Some(_) => self.resolve(run_id, seq, failures::failed(&name, cause, RetryState::CancelRequested)),
            None => {
                self.resolve(run_id, seq, failures::failed(&name, cause, RetryState::NonRetryableFailure));
            }
        }
    }

    /// Another attempt, unless there were enough, or there is no time left for it.
    fn retry(&self, run_id: &str, seq: u32, name: &str, cause: Failure, delay: Option<Duration>) {
        let now = self.now();
        let next = self.activity(run_id, seq, |activity| {
            let policy = activity.command.retry_policy.clone().unwrap_or_default();
            let maximum = u32::try_from(policy.maximum_attempts).unwrap_or_default();
            if maximum > 0 && activity.attempt >= maximum {
                return Err(RetryState::MaximumAttemptsReached);
            }
            let first = duration(policy.initial_interval);
            let doubled = first.saturating_mul(1 << (activity.attempt - 1).min(20));
            let longest = duration(policy.maximum_interval);
            let pause = if longest.is_zero() { doubled } else { doubled.min(longest) };
            let pause = delay.unwrap_or(pause);
            match activity.deadline() {
                Some(deadline) if now + pause >= deadline => Err(RetryState::Timeout),
                _ => Ok(pause),
            }
        });
        match next {
            Some(Ok(pause)) => self.dispatch(run_id, seq, pause),
            Some(Err(state)) => self.resolve(run_id, seq, failures::failed(name, cause, state)),
            None => {}
        }
    }

    fn resolve_timeout(&self, run_id: &str, seq: u32, timeout: TimeoutType) {
        let name = self.activity(run_id, seq, |activity| activity.command.activity_type.clone());
        let cause = failures::timeout(timeout);
        let resolution = failures::failed(&name.unwrap_or_default(), cause, RetryState::Timeout);
        self.resolve(run_id, seq, resolution);
    }

    fn resolve(&self, run_id: &str, seq: u32, result: ActivityResolution) {
        let is_forgotten = {
            let mut temporal = self.temporal_mut();
            let run = temporal.runs.get_mut(run_id).filter(|run| run.is_open());
            run.and_then(|run| run.activities.remove(&seq))
                .map(|activity| activity.is_forgotten)
        };
        if is_forgotten == Some(false) {
            self.push(
                run_id,
                Job::ResolveActivity(ResolveActivity { seq, result: Some(result), is_local: false }),
            );
        }
    }

    pub(super) fn cancel_activity(&self, run_id: &str, seq: u32, is_forgotten: bool) {
        let waiting = self.activity(run_id, seq, |activity| {
            activity.is_cancel_requested = true;
            activity.is_forgotten = is_forgotten;
            let is_waiting = activity.started.is_none();
            is_waiting.then(|| (activity.dispatch.take(), activity.command.activity_type.clone()))
        });
        // What no worker has yet is cancelled on the spot.
        if let Some(Some((dispatch, name))) = waiting {
            if let Some(dispatch) = dispatch {
                self.executor().abort(dispatch);
            }
            self.resolve(run_id, seq, failures::cancelled(&name));
        }
    }
}

impl Attempt {
    /// An effect point: time passes, and the worker may be stopped or die here.
    pub async fn pause(&self) {
        self.sim.pause_on(self.worker).await;
    }

    /// A longer wait on the worker.
    pub async fn sleep(&self, duration: Duration) {
        self.sim.sleep_on(self.worker, duration).await;
    }

    /// Has the worker learnt that the activity is to stop?
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.get()
    }

    /// Stops where it is, if the worker has learnt that it is to stop.
    pub fn unless_cancelled(&self) -> Result<(), NotDone> {
        if self.is_cancelled() { Err(NotDone::Cancelled) } else { Ok(()) }
    }

    /// Does nothing more once Temporal has given it up.
    pub fn unless_late(&self) -> Result<(), NotDone> {
        if self.sim.now() < self.deadline {
            Ok(())
        } else {
            Err(NotDone::for_now("TooSlow"))
        }
    }

    async fn send_heartbeats(self) {
        loop {
            self.sleep(timeouts::Heartbeat::DEFAULT.interval()).await;
            if self.sim.is_cut_off(self.worker) {
                continue;
            }
            match self.sim.heartbeat(&self.run_id, self.seq, self.number) {
                Heartbeat::Taken => {}
                Heartbeat::Cancelled => self.is_cancelled.set(true),
                Heartbeat::NotFound => {
                    self.is_cancelled.set(true);
                    return;
                }
            }
        }
    }

    /// Tells the server, as soon as it can be reached.
    async fn report(&self, outcome: Outcome) {
        self.pause().await;
        while self.sim.is_cut_off(self.worker) {
            self.sleep(timeouts::Heartbeat::DEFAULT.interval()).await;
        }
        self.sim.attempt_ended(&self.run_id, self.seq, self.number, outcome);
    }
}
