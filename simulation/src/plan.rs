//! What people, operators and bad luck do in a simulation, and when: all of it drawn from the seed.

use std::{fmt, time::Duration};

use domain::Ttl;

use crate::{faults::Weights, github::Outage};

/// Everything that a simulation does not draw on the way.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What random numbers are drawn from.
    pub seed: u64,
    /// How often things go wrong of themselves.
    pub weights: Weights,
    /// Pushes are followed.
    pub redeploy_on_push: bool,
    /// Deployments are wanted.
    pub deployments: bool,
    /// Previews may live for a day. Never drawn: a simulation ends long before.
    pub long_lived: bool,
    /// What is done, in this order.
    pub steps: Vec<Step>,
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the beginning.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody comments.
    Comment {
        /// Who.
        by: Person,
        /// Each in a line of its own.
        commands: Vec<Wish>,
        /// What becomes of the delivery.
        delivery: Delivery,
    },
    /// Somebody pushes one of four commits.
    Push {
        /// Which.
        commit: usize,
        /// What becomes of the delivery.
        delivery: Delivery,
    },
    /// The pull request is closed.
    Close {
        /// Merged.
        merged: bool,
        /// What becomes of the delivery.
        delivery: Delivery,
    },
    /// The pull request is opened again.
    Reopen,
    /// The repository is called otherwise, from now on.
    Rename,
    /// An operator does something to the newest workflow of this kind.
    Operate(Operation),
    /// Something breaks for a while.
    Break(Fault, Duration),
}

/// Who comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// May have previews.
    Mona,
    /// May, too.
    Otto,
    /// May not.
    Hubot,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `/preview`
    Preview,
    /// `/preview --ttl 10m`
    LongPreview,
    /// `/preview extend 5m`
    Extend,
    /// `/preview stop`
    Stop,
    /// `/preview status`
    Status,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    Once,
    /// It arrives, and again after a while.
    Twice(Duration),
    /// It fails, and somebody has it delivered again.
    Late(Duration),
    /// It fails.
    Lost,
}

/// What operators do, and what is done by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `temporal workflow terminate`, of the pull request's workflow.
    TerminatePullRequest,
    /// Of a preview's.
    TerminatePreview,
    /// `temporal workflow cancel`, of the pull request's workflow.
    CancelPullRequest,
    /// Of a preview's.
    CancelPreview,
    /// `temporal workflow reset`, of a preview's workflow, to one of its workflow tasks.
    ResetPreview(usize),
    /// `temporal workflow signal … stop`.
    SignalStop,
    /// `temporal workflow signal … extend_ttl`.
    SignalExtend,
    /// The same, by a script that extends by a second, so many times. Never drawn: it takes long.
    ExtendAgainAndAgain(u32),
    /// A preview is started by hand.
    StartByHand,
    /// `kubectl delete namespace`.
    DeleteNamespace,
}

/// What can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A worker is killed, and replaced after a while.
    Kill(usize),
    /// A worker is stopped (SIGSTOP), and goes on.
    Freeze(usize),
    /// A worker does not reach Temporal.
    CutOff(usize),
    /// The API server does not answer.
    ClusterDown,
    /// GitHub answers something else.
    GitHub(Outage),
    /// A finalizer holds whatever is to be deleted.
    Hold,
    /// No image can be pulled.
    NoImages,
    /// What is deployed crashes.
    Crashes,
}

/// How long before and after a rename nothing else is done.
const AROUND_A_RENAME: Duration = Duration::from_secs(20);

const OUTAGES: [Outage; 5] = [
    Outage::Unavailable,
    Outage::Unauthorized,
    Outage::Forbidden,
    Outage::NotFound,
    Outage::RateLimited,
];

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x9e37_79b9_7f4a_7c15);
        let random = &mut random;
        let weights = Weights::draw(random);
        let kinds = Kinds::draw(random);
        let mut weights = weights;
        let mut at = Duration::from_millis(10);
        let mut steps = Vec::new();
        for number in 0..random.usize(2..12) {
            let action = if number == 0 { first_comment(random) } else { kinds.action(random) };
            // Not in the seconds in which a conversation begins: Temporal's lists do not show it yet.
            let is_rename = action == Action::Rename;
            if is_rename {
                at += AROUND_A_RENAME;
            }
            steps.push(Step { at, action });
            at += if is_rename { AROUND_A_RENAME } else { pause(random) };
        }
        // What is on its way when the workflow is terminated that would look at it again, nobody looks at.
        if steps
            .iter()
            .any(|step| step.action == Action::Operate(Operation::TerminatePullRequest))
        {
            weights.late_write = 0.0;
        }
        Self {
            seed,
            weights,
            redeploy_on_push: random.bool(),
            deployments: random.bool(),
            long_lived: false,
            steps,
        }
    }

    /// When the last thing is done, and delivered.
    pub fn last_step(&self) -> Duration {
        let moments = self.steps.iter().map(|step| match &step.action {
            Action::Break(fault, duration) if *fault != Fault::Hold => step.at + *duration,
            Action::Comment { delivery, .. }
            | Action::Push { delivery, .. }
            | Action::Close { delivery, .. } => step.at + delivery.delay(),
            _ => step.at,
        });
        moments.max().unwrap_or_default()
    }

    /// When the last fault is over, too.
    pub fn end(&self) -> Duration {
        let ends = self.steps.iter().map(|step| {
            step.at
                + match &step.action {
                    Action::Break(_, duration) => *duration,
                    Action::Comment { delivery, .. }
                    | Action::Push { delivery, .. }
                    | Action::Close { delivery, .. } => delivery.delay(),
                    _ => Duration::ZERO,
                }
        });
        ends.max().unwrap_or_default()
    }

    /// Each with something left out, or with one thing less that goes wrong.
    pub fn simpler(&self) -> Vec<Self> {
        let mut plans: Vec<Self> = self
            .weights
            .simpler()
            .into_iter()
            .map(|weights| Self { weights, ..self.clone() })
            .collect();
        for left_out in (0..self.steps.len()).rev() {
            let mut steps = self.steps.clone();
            steps.remove(left_out);
            plans.push(Self { steps, ..self.clone() });
        }
        for flag in [
            Self { redeploy_on_push: false, ..self.clone() },
            Self { deployments: false, ..self.clone() },
        ] {
            if (flag.redeploy_on_push, flag.deployments) != (self.redeploy_on_push, self.deployments) {
                plans.push(flag);
            }
        }
        plans
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, weights, redeploy_on_push, deployments, steps, .. } = self;
        writeln!(
            f,
            "seed {seed}, redeploy_on_push: {redeploy_on_push}, deployments: {deployments}, {weights:?}"
        )?;
        steps
            .iter()
            .try_for_each(|step| writeln!(f, "  at {:?}: {:?}", step.at, step.action))
    }
}

impl Delivery {
    fn draw(random: &mut fastrand::Rng) -> Self {
        let delay = Duration::from_millis(random.u64(100..200_000));
        match random.u8(..12) {
            0 => Self::Twice(delay),
            1 => Self::Late(delay),
            2 => Self::Lost,
            _ => Self::Once,
        }
    }

    fn delay(self) -> Duration {
        match self {
            Self::Twice(delay) | Self::Late(delay) => delay,
            Self::Once | Self::Lost => Duration::ZERO,
        }
    }
}

/// Which kinds of things happen at all in this simulation.
struct Kinds {
    people: u32,
    ends: u32,
    operators: u32,
    faults: u32,
}

impl Kinds {
    fn draw(random: &mut fastrand::Rng) -> Self {
        let mut weight = |highest: u32| if random.u8(..3) == 0 { 0 } else { random.u32(1..=highest) };
        Self {
            people: 4,
            ends: weight(4),
            operators: weight(2),
            faults: weight(4),
        }
    }

    fn action(&self, random: &mut fastrand::Rng) -> Action {
        let drawn = random.u32(..self.people + self.ends + self.operators + self.faults);
        if drawn < self.people {
            comment(random)
        } else if drawn < self.people + self.ends {
            end_or_beginning(random)
        } else if drawn < self.people + self.ends + self.operators {
            Action::Operate(operation(random))
        } else {
            fault(random)
        }
    }
}

fn first_comment(random: &mut fastrand::Rng) -> Action {
    Action::Comment {
        by: Person::Mona,
        commands: vec![Wish::Preview],
        delivery: Delivery::draw(random),
    }
}

fn comment(random: &mut fastrand::Rng) -> Action {
    let by = match random.u8(..8) {
        0 => Person::Hubot,
        1 | 2 => Person::Otto,
        _ => Person::Mona,
    };
    let commands = match random.u8(..12) {
        0..=3 => vec![Wish::Preview],
        4 => vec![Wish::LongPreview],
        5 => vec![Wish::Stop, Wish::Preview],
        6 => vec![Wish::Status],
        7 => vec![Wish::Extend, Wish::Status],
        8 => vec![Wish::Extend],
        _ => vec![Wish::Stop],
    };
    Action::Comment { by, commands, delivery: Delivery::draw(random) }
}

fn end_or_beginning(random: &mut fastrand::Rng) -> Action {
    match random.u8(..8) {
        0..=2 => Action::Push { commit: random.usize(..4), delivery: Delivery::draw(random) },
        3 | 4 => Action::Close {
            merged: random.u8(..4) == 0,
            delivery: Delivery::draw(random),
        },
        5 | 6 => Action::Reopen,
        _ => Action::Rename,
    }
}

fn operation(random: &mut fastrand::Rng) -> Operation {
    match random.u8(..9) {
        0 => Operation::TerminatePullRequest,
        1 => Operation::TerminatePreview,
        2 => Operation::CancelPullRequest,
        3 => Operation::CancelPreview,
        4 => Operation::ResetPreview(random.usize(..40)),
        5 => Operation::SignalStop,
        6 => Operation::SignalExtend,
        7 => Operation::StartByHand,
        _ => Operation::DeleteNamespace,
    }
}

fn fault(random: &mut fastrand::Rng) -> Action {
    let worker = random.usize(..2);
    let fault = match random.u8(..10) {
        0 | 1 => Fault::Kill(worker),
        2 | 3 => Fault::Freeze(worker),
        4 => Fault::CutOff(worker),
        5 => Fault::ClusterDown,
        6 => Fault::GitHub(OUTAGES[random.usize(..OUTAGES.len())]),
        7 => Fault::Hold,
        8 => Fault::NoImages,
        _ => Fault::Crashes,
    };
    let longer = if fault == Fault::Hold { 4 } else { 1 };
    Action::Break(fault, spell(random) * longer)
}

/// How long something is broken.
fn spell(random: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(match random.u8(..4) {
        0 => random.u64(100..3_000),
        1 | 2 => random.u64(3_000..60_000),
        _ => random.u64(60_000..400_000),
    })
}

/// Between two things that are done.
fn pause(random: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(match random.u8(..6) {
        0 | 1 => random.u64(0..1_000),
        2 | 3 => random.u64(1_000..10_000),
        4 => random.u64(10_000..60_000),
        _ => random.u64(60_000..400_000),
    })
}

/// What people write for a wish.
pub fn command(wish: Wish) -> domain::Command {
    let ttl = |text: &str| text.parse::<Ttl>().expect("a duration");
    match wish {
        Wish::Preview => domain::Command::Preview { ttl: None },
        Wish::LongPreview => domain::Command::Preview { ttl: Some(ttl("10m")) },
        Wish::Extend => domain::Command::Extend { by: ttl("5m") },
        Wish::Stop => domain::Command::Stop,
        Wish::Status => domain::Command::Status,
    }
}
