//! The simulated world: what is in it, and how time passes there.

use std::{
    cell::{Cell, Ref, RefCell, RefMut},
    hash::Hash,
    rc::Rc,
    time::Duration,
};

use domain::{NameKey, Names, PullRequestNumber, PullRequestRef, RateLimits};

use crate::{
    checks::{Checks, Violation},
    cluster::Cluster,
    executor::{Executor, Moment, TaskId},
    faults::Weights,
    github::GitHub,
    temporal::Temporal,
};

/// The number of the pull request.
const NUMBER: u64 = 12;
/// Between two looks for a worker.
const LOOK_FOR_A_WORKER: Duration = Duration::from_millis(500);
/// Workers.
const WORKERS: usize = 2;

/// A handle to the world.
#[derive(Clone)]
pub struct Sim(Rc<World>);

struct World {
    executor: Rc<Executor>,
    weights: Weights,
    temporal: RefCell<Temporal>,
    cluster: RefCell<Cluster>,
    github: RefCell<GitHub>,
    workers: RefCell<Vec<Worker>>,
    checks: Checks,
    names: Names,
    story: Option<RefCell<Vec<(Moment, String)>>>,
    violation: RefCell<Option<Violation>>,
    /// Until when a fault is under way.
    disturbed_until: Cell<Moment>,
}

/// A worker process.
#[derive(Default)]
struct Worker {
    /// Grows when it is replaced.
    generation: u64,
    dead_until: Moment,
    frozen_until: Moment,
    cut_off_until: Moment,
    tasks: Vec<TaskId>,
    /// What it writes to at the moment, one write at a time.
    locks: Vec<String>,
    /// What GitHub has told it.
    limits: RateLimits,
}

impl Sim {
    /// A world in which nothing has happened. With a story, what happens is written down.
    pub fn new(seed: u64, weights: Weights, github: GitHub, with_story: bool) -> Self {
        let key = NameKey::new(&"a key for simulations: 3d8f0c71b2a94e65".into()).expect("a key");
        let domain = "https://previews.example.com".parse().expect("a domain");
        Self(Rc::new(World {
            executor: Executor::new(seed),
            weights,
            temporal: RefCell::default(),
            cluster: RefCell::default(),
            github: RefCell::new(github),
            workers: RefCell::new((0..WORKERS).map(|_| Worker::default()).collect()),
            checks: Checks::default(),
            names: Names::new(key, domain),
            story: with_story.then(RefCell::default),
            violation: RefCell::default(),
            disturbed_until: Cell::default(),
        }))
    }

    /// Virtual time.
    pub fn executor(&self) -> &Rc<Executor> {
        &self.0.executor
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.0.executor.now()
    }

    /// How often things go wrong.
    pub fn weights(&self) -> &Weights {
        &self.0.weights
    }

    /// The server.
    pub fn temporal(&self) -> Ref<'_, Temporal> {
        self.0.temporal.borrow()
    }

    /// The server.
    pub fn temporal_mut(&self) -> RefMut<'_, Temporal> {
        self.0.temporal.borrow_mut()
    }

    /// The cluster.
    pub fn cluster(&self) -> Ref<'_, Cluster> {
        self.0.cluster.borrow()
    }

    /// The cluster.
    pub fn cluster_mut(&self) -> RefMut<'_, Cluster> {
        self.0.cluster.borrow_mut()
    }

    /// GitHub.
    pub fn github(&self) -> Ref<'_, GitHub> {
        self.0.github.borrow()
    }

    /// GitHub.
    pub fn github_mut(&self) -> RefMut<'_, GitHub> {
        self.0.github.borrow_mut()
    }

    /// What must hold.
    pub fn checks(&self) -> &Checks {
        &self.0.checks
    }

    /// What namespaces and hosts are called.
    pub fn names(&self) -> &Names {
        &self.0.names
    }

    /// The pull request, as it is called now.
    pub fn pull_request(&self) -> PullRequestRef {
        let github = self.github();
        PullRequestRef {
            installation: github.installation,
            repository: github.repository.clone(),
            number: PullRequestNumber::new(NUMBER).expect("a number"),
        }
    }

    /// Begins a task.
    pub fn spawn(&self, name: impl Hash, future: impl Future<Output = ()> + 'static) -> TaskId {
        self.0.executor.spawn(name, future)
    }

    /// Random numbers of the task that runs.
    pub fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        self.0.executor.random(draw)
    }

    /// Writes a line of the story, if there is one.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &self.0.story {
            story.borrow_mut().push((self.now(), line()));
        }
    }

    /// What has happened, a line each.
    pub fn story(&self) -> Vec<(Moment, String)> {
        self.0.story.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// Something that must hold does not. The first one counts.
    pub fn violation(&self, invariant: &'static str, what: String) {
        self.tell(|| format!("VIOLATION of \"{invariant}\": {what}"));
        let mut violation = self.0.violation.borrow_mut();
        violation.get_or_insert(Violation { invariant, what, at: self.now() });
    }

    /// The first violation.
    pub fn violated(&self) -> Option<Violation> {
        self.0.violation.borrow().clone()
    }

    /// A fault is under way until then.
    pub fn disturb_until(&self, until: Moment) {
        self.0.disturbed_until.set(self.0.disturbed_until.get().max(until));
    }

    /// For how long no fault has been under way.
    pub fn undisturbed_for(&self) -> Duration {
        self.now().since(self.0.disturbed_until.get())
    }
}

/// How time passes.
impl Sim {
    /// What a call, a task or a message takes: mostly milliseconds, now and then seconds.
    fn latency(&self) -> Duration {
        let slow = self.weights().slow;
        self.random(|random| {
            let millis = if random.f64() < slow {
                10f64.powf(2.0 + 2.0 * random.f64())
            } else {
                10f64.powf(2.2 * random.f64())
            };
            Duration::from_micros((millis * 1_000.0) as u64)
        })
    }

    /// A moment passes, somewhere that never stops.
    pub async fn pause(&self) {
        let latency = self.latency();
        self.executor().sleep(latency).await;
    }

    /// A moment passes on a worker.
    pub async fn pause_on(&self, worker: usize) {
        let latency = self.latency();
        self.sleep_on(worker, latency).await;
    }

    /// Time passes on a worker, which may be stopped meanwhile.
    pub async fn sleep_on(&self, worker: usize, duration: Duration) {
        self.executor().sleep(duration).await;
        loop {
            let frozen_until = self.0.workers.borrow()[worker].frozen_until;
            if frozen_until <= self.now() {
                return;
            }
            self.executor().sleep_until(frozen_until).await;
        }
    }
}

/// Workers.
impl Sim {
    /// How many there are.
    pub fn workers(&self) -> usize {
        self.0.workers.borrow().len()
    }

    /// Begins a task that dies with the worker.
    pub fn spawn_on(&self, worker: usize, name: impl Hash, future: impl Future<Output = ()> + 'static) {
        let task = self.spawn(name, future);
        let mut workers = self.0.workers.borrow_mut();
        let executor = self.executor();
        let tasks = &mut workers[worker].tasks;
        if tasks.len() > 64 {
            tasks.retain(|task| executor.is_running(*task));
        }
        tasks.push(task);
    }

    /// Grows when the worker is replaced.
    pub fn generation(&self, worker: usize) -> u64 {
        self.0.workers.borrow()[worker].generation
    }

    /// The worker does not reach Temporal.
    pub fn is_cut_off(&self, worker: usize) -> bool {
        self.0.workers.borrow()[worker].cut_off_until > self.now()
    }

    /// Does the worker run, and reach Temporal?
    pub fn is_able(&self, worker: usize) -> bool {
        let now = self.now();
        let worker = &self.0.workers.borrow()[worker];
        worker.dead_until <= now && worker.cut_off_until <= now && worker.frozen_until <= now
    }

    /// Does any worker run that reaches Temporal?
    pub fn has_worker(&self) -> bool {
        (0..self.workers()).any(|worker| self.is_able(worker))
    }

    /// A worker that takes a task, as soon as there is one.
    pub async fn worker(&self) -> usize {
        self.worker_until(None).await.unwrap_or_default()
    }

    /// The same; `None` if there was none until then.
    pub async fn worker_until(&self, until: Option<Moment>) -> Option<usize> {
        loop {
            if until.is_some_and(|until| self.now() >= until) {
                return None;
            }
            // One that is stopped may have asked for a task before.
            let takes_stopped = self.random(fastrand::Rng::f64) < 0.2;
            let now = self.now();
            let able: Vec<usize> = {
                let workers = self.0.workers.borrow();
                let is_able = |it: &&(usize, &Worker)| {
                    let (_, worker) = it;
                    worker.dead_until <= now
                        && worker.cut_off_until <= now
                        && (takes_stopped || worker.frozen_until <= now)
                };
                workers
                    .iter()
                    .enumerate()
                    .filter(|it| is_able(&it))
                    .map(|(index, _)| index)
                    .collect()
            };
            if !able.is_empty() {
                return Some(able[self.random(|random| random.usize(..able.len()))]);
            }
            self.executor().sleep(LOOK_FOR_A_WORKER).await;
        }
    }

    /// SIGKILL: whatever it was doing ends, Helm included. Another one takes its place after a while.
    pub fn kill_worker(&self, worker: usize, away: Duration) {
        let tasks = {
            let mut workers = self.0.workers.borrow_mut();
            let until = self.now() + away;
            let worker = &mut workers[worker];
            worker.generation += 1;
            worker.dead_until = until;
            worker.frozen_until = Moment::default();
            worker.cut_off_until = Moment::default();
            worker.locks.clear();
            worker.limits = RateLimits::default();
            std::mem::take(&mut worker.tasks)
        };
        self.tell(|| format!("worker {worker} is killed; another one comes in {away:?}"));
        for task in tasks {
            self.executor().abort(task);
        }
    }

    /// SIGSTOP, and SIGCONT after a while. Helm goes on.
    pub fn freeze_worker(&self, worker: usize, duration: Duration) {
        self.tell(|| format!("worker {worker} is stopped for {duration:?}"));
        self.0.workers.borrow_mut()[worker].frozen_until = self.now() + duration;
    }

    /// The worker does not reach Temporal for a while, but everything else.
    pub fn cut_off_worker(&self, worker: usize, duration: Duration) {
        self.tell(|| format!("worker {worker} does not reach Temporal for {duration:?}"));
        self.0.workers.borrow_mut()[worker].cut_off_until = self.now() + duration;
    }

    /// What the worker knows of GitHub's limits.
    pub fn with_limits<T>(&self, worker: usize, change: impl FnOnce(&mut RateLimits) -> T) -> T {
        change(&mut self.0.workers.borrow_mut()[worker].limits)
    }

    /// Waits until nobody else on this worker holds the lock, and takes it.
    pub async fn lock(&self, worker: usize, name: &str) -> Lock {
        loop {
            let is_free = {
                let mut workers = self.0.workers.borrow_mut();
                let locks = &mut workers[worker].locks;
                let is_free = !locks.iter().any(|held| held == name);
                if is_free {
                    locks.push(name.to_owned());
                }
                is_free
            };
            if is_free {
                let generation = self.generation(worker);
                return Lock { sim: self.clone(), worker, generation, name: name.to_owned() };
            }
            self.sleep_on(worker, Duration::from_millis(50)).await;
        }
    }
}

/// A lock of one worker process.
pub struct Lock {
    sim: Sim,
    worker: usize,
    generation: u64,
    name: String,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut workers = self.sim.0.workers.borrow_mut();
        let worker = &mut workers[self.worker];
        if worker.generation == self.generation {
            worker.locks.retain(|held| *held != self.name);
        }
    }
}
