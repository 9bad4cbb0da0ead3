//! `cargo dev simulate`: searches seeds for one that violates an invariant.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use simulation::{
    plan::Plan,
    run::{run, shrink},
};

/// A simulation allocates a lot, on all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the workflows' code through interleavings, each drawn from a seed, and checks what must hold.
#[derive(Parser)]
#[command(name = "cargo dev simulate")]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed, with its story.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Stop after this long, in seconds.
    #[arg(long)]
    time: Option<u64>,
    /// Go on after a violation, and list the seeds by invariant.
    #[arg(long)]
    keep_going: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    std::panic::set_hook(Box::new(|_| {}));
    match options.seed {
        Some(seed) => tell(seed),
        None => search(&options),
    }
}

/// Runs one seed and prints its story; if it goes wrong, that of the simplest plan that goes wrong alike.
fn tell(seed: u64) -> ExitCode {
    let plan = Plan::draw(seed);
    let report = run(&plan, false);
    let plan = match &report.violation {
        Some(violation) => shrink(&plan, violation.invariant),
        None => plan,
    };
    println!("{plan}");
    let report = run(&plan, true);
    for (at, line) in &report.story {
        println!("{:>10.3} {line}", at.elapsed().as_secs_f64());
    }
    match report.violation {
        Some(violation) => {
            println!("\nSeed {seed} violates \"{}\": {}", violation.invariant, violation.what);
            ExitCode::FAILURE
        }
        None => {
            println!("\nSeed {seed} holds: {} activations, {} steps.", report.activations, report.steps);
            ExitCode::SUCCESS
        }
    }
}

fn search(options: &Options) -> ExitCode {
    let begin = Instant::now();
    let next = AtomicU64::new(options.from);
    let end = options.from + options.seeds;
    let is_over = AtomicBool::new(false);
    let (done, activations) = (AtomicU64::new(0), AtomicU64::new(0));
    let found = std::sync::Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_late =
                        options.time.is_some_and(|time| begin.elapsed() > Duration::from_secs(time));
                    if seed >= end || is_late {
                        return;
                    }
                    let report = run(&Plan::draw(seed), false);
                    done.fetch_add(1, Ordering::Relaxed);
                    activations.fetch_add(report.activations, Ordering::Relaxed);
                    if let Some(violation) = report.violation {
                        if let Ok(mut found) = found.lock() {
                            found.push((seed, violation));
                        }
                        is_over.fetch_or(!options.keep_going, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(seed, _)| *seed);
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{} interleavings, {} activations in {seconds:.1} s: {} violate an invariant",
        done.load(Ordering::Relaxed),
        activations.load(Ordering::Relaxed),
        found.len()
    );
    let mut told = std::collections::BTreeMap::<_, Vec<String>>::new();
    for (seed, violation) in &found {
        let seeds = told.entry(violation.invariant).or_default();
        seeds.push(seed.to_string());
        if seeds.len() <= 3 {
            println!("  seed {seed}: \"{}\": {}", violation.invariant, violation.what);
        }
    }
    for (invariant, seeds) in told {
        println!("  {:>6} × {invariant}: {}", seeds.len(), seeds.join(", "));
    }
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
