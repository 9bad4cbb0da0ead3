//! Virtual time, and tasks that wait for nothing else.
//!
//! Everything that happens in a simulation is a task: a worker's attempt at an activity, a timer of the
//! server, a person with a plan. A task runs until it sleeps; then the task with the earliest moment
//! runs. Each task draws its random numbers from a source of its own, made from the seed and the task's
//! name, so that leaving something out of a run changes as little as possible of the rest.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use jiff::Timestamp;

/// A moment of virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

/// When every simulation begins, in seconds since 1970.
const EPOCH: i64 = 1_795_608_000;

impl Moment {
    /// Since the simulation began.
    pub fn elapsed(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// As the clocks of the simulated world show it.
    pub fn timestamp(self) -> Timestamp {
        let millis = EPOCH * 1_000 + i64::try_from(self.0).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// What the clocks show, as a moment.
    pub fn of(timestamp: Timestamp) -> Self {
        Self(u64::try_from(timestamp.as_millisecond() - EPOCH * 1_000).unwrap_or_default())
    }

    /// How long it is from an earlier moment to this one; nothing, if that one is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A task, while it has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

struct Task {
    /// Out while it runs.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    random: fastrand::Rng,
}

/// Runs tasks in the order of the moments that they wait for.
pub struct Executor {
    seed: u64,
    now: Cell<Moment>,
    steps: Cell<u64>,
    sequence: Cell<u64>,
    current: Cell<TaskId>,
    queue: RefCell<BinaryHeap<Reverse<(Moment, u64, TaskId)>>>,
    tasks: RefCell<HashMap<TaskId, Task>>,
}

impl Executor {
    /// Nothing happens yet.
    pub fn new(seed: u64) -> Rc<Self> {
        Rc::new(Self {
            seed,
            now: Cell::default(),
            steps: Cell::default(),
            sequence: Cell::new(1),
            current: Cell::new(TaskId(0)),
            queue: RefCell::default(),
            tasks: RefCell::default(),
        })
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.now.get()
    }

    /// How many steps tasks have made.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Begins a task. Its name makes its random numbers.
    pub fn spawn(&self, name: impl Hash, future: impl Future<Output = ()> + 'static) -> TaskId {
        let id = TaskId(self.next_sequence());
        let mut hasher = DefaultHasher::new();
        (self.seed, name).hash(&mut hasher);
        let random = fastrand::Rng::with_seed(hasher.finish());
        self.tasks
            .borrow_mut()
            .insert(id, Task { future: Some(Box::pin(future)), random });
        self.queue.borrow_mut().push(Reverse((self.now(), self.next_sequence(), id)));
        id
    }

    /// Ends a task where it stands.
    pub fn abort(&self, task: TaskId) {
        // Dropped outside of the borrow: what a future holds may end other tasks.
        let task = self.tasks.borrow_mut().remove(&task);
        drop(task);
    }

    /// Has it neither ended nor been ended?
    pub fn is_running(&self, task: TaskId) -> bool {
        self.tasks.borrow().contains_key(&task)
    }

    /// Random numbers of the task that runs.
    pub fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        let mut tasks = self.tasks.borrow_mut();
        match tasks.get_mut(&self.current.get()) {
            Some(task) => draw(&mut task.random),
            // A task that has just ended itself.
            None => draw(&mut fastrand::Rng::with_seed(self.seed)),
        }
    }

    /// Lets time pass for the task that runs.
    pub fn sleep(self: &Rc<Self>, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Lets time pass for the task that runs.
    pub fn sleep_until(self: &Rc<Self>, until: Moment) -> Sleep {
        Sleep {
            executor: Rc::clone(self),
            until: until.max(self.now()),
            is_queued: false,
        }
    }

    /// Runs the next task. False if nothing is to happen any more before `until`.
    pub fn step(&self, until: Moment) -> bool {
        loop {
            let next = self.queue.borrow().peek().copied();
            let Some(Reverse((moment, _, id))) = next.filter(|Reverse((moment, ..))| *moment <= until) else {
                self.now.set(self.now().max(until));
                return false;
            };
            self.queue.borrow_mut().pop();
            let Some(mut future) = self.tasks.borrow_mut().get_mut(&id).and_then(|task| task.future.take())
            else {
                continue;
            };
            self.now.set(moment);
            self.steps.set(self.steps() + 1);
            self.current.set(id);
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if polled.is_ready() {
                self.abort(id);
            } else if let Some(task) = self.tasks.borrow_mut().get_mut(&id) {
                task.future = Some(future);
            }
            return true;
        }
    }

    /// Ends everything. What the tasks hold would otherwise hold the tasks.
    pub fn end(&self) {
        self.queue.borrow_mut().clear();
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
    }

    fn next_sequence(&self) -> u64 {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        sequence
    }
}

/// Ready at a moment.
pub struct Sleep {
    executor: Rc<Executor>,
    until: Moment,
    is_queued: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.is_queued && self.executor.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.is_queued {
            self.is_queued = true;
            let executor = &self.executor;
            let entry = (self.until, executor.next_sequence(), executor.current.get());
            executor.queue.borrow_mut().push(Reverse(entry));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_run_in_the_order_of_their_moments_and_an_aborted_one_does_not() {
        let executor = Executor::new(1);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let mut tasks = Vec::new();
        for seconds in [3, 1, 2] {
            let (inner, seen) = (Rc::clone(&executor), Rc::clone(&seen));
            tasks.push(executor.spawn(seconds, async move {
                inner.sleep(Duration::from_secs(seconds)).await;
                seen.borrow_mut().push((seconds, inner.now().elapsed().as_secs()));
            }));
        }
        executor.abort(tasks[2]);
        while executor.step(Moment(10_000)) {}
        assert_eq!(*seen.borrow(), [(1, 1), (3, 3)]);
        assert_eq!(executor.now(), Moment(10_000));
        assert!(!executor.is_running(tasks[0]));
    }

    #[test]
    fn the_same_name_under_the_same_seed_draws_the_same_numbers() {
        let draw = |seed| {
            let executor = Executor::new(seed);
            let drawn = Rc::new(Cell::new(0));
            let (inner, out) = (Rc::clone(&executor), Rc::clone(&drawn));
            executor.spawn("one", async move { out.set(inner.random(|random| random.u64(..))) });
            while executor.step(Moment(1)) {}
            drawn.get()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
