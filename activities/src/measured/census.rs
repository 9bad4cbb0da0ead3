//! Counts what Temporal knows of previews, when somebody wants to know: how many are in which phase, what is
//! stuck, what has failed, and what waits.
//!
//! Each worker answers for all of them, so the answers of several workers are not added up.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::preview::Phase;
use futures::try_join;
use jiff::Timestamp;
use temporalio_client::Client;
use temporalio_common::telemetry::metrics::{CoreMeter, Gauge, GaugeF64, MetricAttributes};
use tokio::{sync::Mutex, time::timeout};
use workflows::contract::github_task_queue;

use super::{
    census_queries::{Backlog, OpenPreview, backlog, dead_letters, last_sweep, open_previews, wedged},
    gauge, labels, seconds,
};
use crate::temporal::TemporalError;

/// How long an answer stands: scrapes come from several sides, and Temporal's records lag behind anyway.
const FRESH: Duration = Duration::from_secs(10);
/// How long a scrape waits for Temporal, which may be away. Prometheus gives up after 10 s.
const PATIENCE: Duration = Duration::from_secs(5);
/// A removal that takes longer than this is stuck: most take seconds, and finalizers a minute.
const STUCK_AFTER: Duration = Duration::from_secs(600);

/// What one worker counts of all.
pub struct Census {
    temporal: Client,
    /// Each with its name and its labels.
    queues: [(String, MetricAttributes); 2],
    gauges: Gauges,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    asked: Option<Instant>,
    teardowns: Teardowns,
}

struct Gauges {
    previews: Gauge,
    phases: [(Phase, MetricAttributes); Phase::OPEN.len()],
    stuck_teardowns: Gauge,
    oldest_teardown: GaugeF64,
    dead_letters: Gauge,
    wedged: Gauge,
    last_sweep: GaugeF64,
    sweep_interval: GaugeF64,
    backlog: Gauge,
    backlog_age: GaugeF64,
    asked: GaugeF64,
    none: MetricAttributes,
}

/// All the answers of one time.
struct Answers {
    open: Vec<OpenPreview>,
    dead_letters: u64,
    wedged: u64,
    last_sweep: Option<Timestamp>,
    backlogs: [Backlog; 2],
}

impl Census {
    /// Of the previews of `task_queue`, where a sweep is to come every `sweep_interval`. Nothing is asked
    /// yet.
    #[must_use]
    pub fn new(
        temporal: Client,
        task_queue: &str,
        sweep_interval: Duration,
        meter: &Arc<dyn CoreMeter>,
    ) -> Self {
        let gauges = Gauges::new(&**meter);
        gauges.sweep_interval.record(sweep_interval.as_secs_f64(), &gauges.none);
        let queue = |name: String| {
            let label = labels(&**meter, [("queue", name.as_str())]);
            (name, label)
        };
        Self {
            temporal,
            queues: [queue(task_queue.to_owned()), queue(github_task_queue(task_queue))],
            gauges,
            known: Mutex::default(),
        }
    }

    /// Asks Temporal, unless that was done a moment ago. Where it does not answer, everything stays as it
    /// was, and the time of the last answer tells.
    pub async fn take(&self) {
        let mut known = self.known.lock().await;
        if known.asked.is_some_and(|asked| asked.elapsed() < FRESH) {
            return;
        }
        let now = Timestamp::now();
        match timeout(PATIENCE, self.ask(now)).await {
            Ok(Ok(answers)) => {
                let ages = known.teardowns.ages(&answers.open, Instant::now());
                self.gauges.record(&answers, &ages, &self.queues);
                self.gauges.asked.record(as_seconds(now), &self.gauges.none);
            }
            Ok(Err(error)) => tracing::warn!(%error, "previews are not counted"),
            Err(_) => tracing::warn!("previews are not counted: Temporal does not answer in time"),
        }
        known.asked = Some(Instant::now());
    }

    async fn ask(&self, now: Timestamp) -> Result<Answers, TemporalError> {
        let (temporal, [(previews, _), (github, _)]) = (&self.temporal, &self.queues);
        let (open, dead_letters, wedged, last_sweep, of_previews, of_github) = try_join!(
            open_previews(temporal, previews),
            dead_letters(temporal, previews, now),
            wedged(temporal, previews),
            last_sweep(temporal, previews),
            backlog(temporal, previews),
            backlog(temporal, github),
        )?;
        Ok(Answers {
            open,
            dead_letters,
            wedged,
            last_sweep,
            backlogs: [of_previews, of_github],
        })
    }
}

impl Gauges {
    fn new(meter: &dyn CoreMeter) -> Self {
        Self {
            previews: gauge(meter, "preview_previews", "Open previews by phase"),
            phases: Phase::OPEN.map(|phase| (phase, labels(meter, [("phase", phase.as_str())]))),
            stuck_teardowns: gauge(
                meter,
                "preview_stuck_teardowns",
                "Previews whose removal has been under way for more than ten minutes",
            ),
            oldest_teardown: seconds(
                meter,
                "preview_oldest_teardown_seconds",
                "How long the removal that began first has been under way",
            ),
            dead_letters: gauge(meter, "preview_dead_letters", "Previews that have failed within 24 hours"),
            wedged: gauge(
                meter,
                "preview_wedged_workflows",
                "Open workflows whose tasks fail again and again",
            ),
            last_sweep: seconds(
                meter,
                "preview_sweep_last_success_timestamp_seconds",
                "When the newest sweep that came to its end did so",
            ),
            sweep_interval: seconds(meter, "preview_sweep_interval_seconds", "How often a sweep is to come"),
            backlog: gauge(
                meter,
                "preview_backlog_tasks",
                "Activities that wait in a task queue, approximately",
            ),
            backlog_age: seconds(
                meter,
                "preview_backlog_age_seconds",
                "How long the activity at the head of a task queue has waited, approximately",
            ),
            asked: seconds(
                meter,
                "preview_census_timestamp_seconds",
                "When Temporal was last asked for what the other gauges show",
            ),
            none: labels(meter, []),
        }
    }

    fn record(&self, answers: &Answers, ages: &[Duration], queues: &[(String, MetricAttributes); 2]) {
        for (phase, label) in &self.phases {
            self.previews.record(in_phase(&answers.open, *phase), label);
        }
        let stuck = ages.iter().filter(|age| **age > STUCK_AFTER).count();
        self.stuck_teardowns.record(as_u64(stuck), &self.none);
        let oldest = ages.iter().max().copied().unwrap_or_default();
        self.oldest_teardown.record(oldest.as_secs_f64(), &self.none);
        self.dead_letters.record(answers.dead_letters, &self.none);
        self.wedged.record(answers.wedged, &self.none);
        if let Some(last_sweep) = answers.last_sweep {
            self.last_sweep.record(as_seconds(last_sweep), &self.none);
        }
        for (backlog, (_, label)) in answers.backlogs.iter().zip(queues) {
            self.backlog.record(backlog.tasks, label);
            self.backlog_age.record(backlog.age, label);
        }
    }
}

/// Before a run's first step there is no phase in Temporal's records.
fn in_phase(open: &[OpenPreview], phase: Phase) -> u64 {
    let is_in = |preview: &&OpenPreview| {
        preview.phase == phase.as_str() || (preview.phase.is_empty() && phase == Phase::Requested)
    };
    as_u64(open.iter().filter(is_in).count())
}

/// Since when removals are under way, as far as this process has seen: by the runs they are of.
#[derive(Default)]
struct Teardowns(HashMap<String, Instant>);

impl Teardowns {
    /// How long each that is under way now has been. Those that are over are forgotten.
    fn ages(&mut self, open: &[OpenPreview], now: Instant) -> Vec<Duration> {
        let under_way =
            open.iter()
                .filter(|preview| preview.phase == Phase::TearingDown.as_str())
                .map(|preview| {
                    let since = self.0.get(&preview.run_id).copied().unwrap_or(now);
                    (preview.run_id.clone(), since)
                });
        self.0 = under_way.collect();
        self.0.values().map(|since| now.duration_since(*since)).collect()
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn as_seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(run_id: &str, phase: &str) -> OpenPreview {
        OpenPreview { run_id: run_id.to_owned(), phase: phase.to_owned() }
    }

    #[test]
    fn every_open_preview_is_in_one_phase() {
        let all = [open("a", "Ready"), open("b", "Ready"), open("c", ""), open("d", "TearingDown")];
        let counted = Phase::OPEN.map(|phase| in_phase(&all, phase));
        assert_eq!(counted, [1, 0, 0, 0, 0, 2, 0, 1]);
    }

    #[test]
    fn a_removal_is_as_old_as_it_has_been_seen_and_forgotten_when_it_is_over() {
        let (mut teardowns, start) = (Teardowns::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let going = [open("a", "TearingDown"), open("b", "Ready")];
        assert_eq!(teardowns.ages(&going, start), [Duration::ZERO]);
        assert_eq!(teardowns.ages(&going, after(700)), [Duration::from_secs(700)]);
        assert!(teardowns.ages(&[open("b", "Ready")], after(701)).is_empty());
        assert_eq!(teardowns.ages(&going, after(702)), [Duration::ZERO]);
    }
}
