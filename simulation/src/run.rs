//! One simulation from beginning to end, and the search for the simplest that goes wrong alike.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use crate::{
    checks::Violation,
    executor::Moment,
    github::GitHub,
    plan::{Person, Plan},
    sim::Sim,
    world::commit,
};

/// How long things go on after the last thing was done: the longest life, its removal, and what sweeps need.
const AFTERWARDS: Duration = Duration::from_secs(75 * 60);
/// A pull request is attended to for four days after the last event, and again where a run is continued
/// just then.
const DAYS_LATER: Duration = Duration::from_secs(20 * 24 * 3_600);
/// Between two looks at what must hold.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// No simulation takes as many steps, unless it goes round in circles.
const STEPS_MAX: u64 = 2_000_000;

/// What became of a simulation.
#[derive(Clone, Debug)]
pub struct Report {
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
    /// What happened, if it was written down.
    pub story: Vec<(Moment, String)>,
    /// Activations of the workflows' code.
    pub activations: u64,
    /// Steps of all tasks.
    pub steps: u64,
}

/// Runs a plan. What happens is written down if wanted, which takes time.
pub fn run(plan: &Plan, with_story: bool) -> Report {
    let sim = world(plan, with_story);
    let outcome = catch_unwind(AssertUnwindSafe(|| play(&sim, plan)));
    if let Err(panic) = outcome {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        sim.violation("the code does not panic", text.unwrap_or_default());
    }
    let report = Report {
        violation: sim.violated(),
        story: sim.story(),
        activations: activations(&sim),
        steps: sim.executor().steps(),
    };
    sim.executor().end();
    report
}

/// Runs a plan, and returns the world as it then is.
pub fn play_to_the_end(plan: &Plan) -> Sim {
    let sim = world(plan, false);
    play(&sim, plan);
    sim
}

fn world(plan: &Plan, with_story: bool) -> Sim {
    let mut github = GitHub::new(commit(0), vec![Person::Mona.login(), Person::Otto.login()]);
    github.redeploy_on_push = plan.redeploy_on_push;
    github.environment = plan.deployments.then(|| "preview".to_owned());
    if plan.long_lived {
        github.max_lifetime = "1d".parse().expect("a duration");
    }
    Sim::new(plan.seed, plan.weights.clone(), github, with_story)
}

fn activations(sim: &Sim) -> u64 {
    let temporal = sim.temporal();
    let tasks = temporal.runs().flat_map(|run| &run.tasks);
    tasks.map(|task| task.activations.len() as u64).sum()
}

fn play(sim: &Sim, plan: &Plan) {
    let end = plan.end();
    sim.begin(plan);
    sim.begin_sweeps(end + AFTERWARDS);
    let mut look = LOOK_EVERY;
    while look < end + AFTERWARDS {
        if !run_until(sim, look) {
            return;
        }
        sim.checks().look(sim, plan.last_step());
        look += LOOK_EVERY;
    }
    sim.checks().conclude(sim);
    if run_until(sim, end + DAYS_LATER) {
        sim.checks().conclude_for_good(sim);
    }
}

/// False if something went wrong.
fn run_until(sim: &Sim, moment: Duration) -> bool {
    let until = Moment::default() + moment;
    while sim.executor().step(until) {
        if sim.violated().is_some() {
            return false;
        }
        if sim.executor().steps() > STEPS_MAX {
            sim.violation(crate::checks::ENDS, "it goes round in circles".to_owned());
            return false;
        }
    }
    sim.violated().is_none()
}

/// The simplest plan that is found to violate the same invariant.
pub fn shrink(plan: &Plan, invariant: &str) -> Plan {
    let mut simplest = plan.clone();
    while let Some(simpler) = simplest.simpler().into_iter().find(|simpler| violates(simpler, invariant)) {
        simplest = simpler;
    }
    simplest
}

fn violates(plan: &Plan, invariant: &str) -> bool {
    run(plan, false)
        .violation
        .is_some_and(|violation| violation.invariant == invariant)
}
