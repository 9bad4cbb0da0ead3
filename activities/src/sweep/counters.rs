//! What operators learn of a sweep: counters for their alerts, and log lines that say what to do.

use domain::orphan_sweep::{Brake, SweepReport};
use temporalio_common::telemetry::metrics::{
    CoreMeter, Counter, MetricAttributes, MetricKeyValue, MetricParameters, NewAttributes,
};

/// What the sweeps of this process have found and done. Counters, because the next sweep's
/// report may be written by another worker: what is true of the newest sweep is how much
/// they all have grown since the one before.
#[derive(Clone)]
pub struct SweepCounters {
    sweeps: Counter,
    namespaces: Counter,
    overdue: Counter,
    lost: Counter,
    carried_out: MetricAttributes,
    held_back: MetricAttributes,
    /// In the order of [`numbers`].
    became: [MetricAttributes; NUMBERS],
    none: MetricAttributes,
}

const NUMBERS: usize = 8;

/// What is counted of namespaces, by the label `became`.
fn numbers(report: &SweepReport) -> [(&'static str, usize); NUMBERS] {
    [
        ("marked", report.marked.count),
        ("unmarked", report.unmarked.count),
        ("removed", report.removed.count),
        ("spared", report.spared.count),
        ("stuck", report.stuck.count),
        ("failed", report.failed.count),
        ("unaccounted", report.unaccounted.count),
        ("held_back", report.brake.as_ref().map_or(0, |brake| brake.due)),
    ]
}

impl SweepCounters {
    /// All at zero, so that the first increase is seen as one.
    #[must_use]
    pub fn new(meter: &dyn CoreMeter) -> Self {
        let counter = |name: &'static str, description: &'static str| {
            meter.counter(MetricParameters::builder().name(name).description(description).build())
        };
        let label = |key: &str, value: &'static str| {
            meter.new_attributes(NewAttributes::from([MetricKeyValue::new(key, value)]))
        };
        let counters = Self {
            sweeps: counter("preview_sweeps", "Orphan sweeps by how they ended"),
            namespaces: counter(
                "preview_swept_namespaces",
                "Namespaces that a sweep did something about, or could not",
            ),
            overdue: counter(
                "preview_overdue_previews",
                "Previews that a sweep found open long after their time was over",
            ),
            lost: counter(
                "preview_lost_previews",
                "Ready previews that a sweep ended because their namespace was gone",
            ),
            carried_out: label("result", "carried_out"),
            held_back: label("result", "held_back"),
            became: numbers(&SweepReport::default()).map(|(became, _)| label("became", became)),
            none: meter.new_attributes(NewAttributes::default()),
        };
        counters.sweeps.add(0, &counters.carried_out);
        counters.sweeps.add(0, &counters.held_back);
        counters.count_namespaces(&SweepReport::default());
        counters.overdue.add(0, &counters.none);
        counters.lost.add(0, &counters.none);
        counters
    }

    pub(super) fn add(&self, report: &SweepReport) {
        let result = match &report.brake {
            Some(_) => &self.held_back,
            None => &self.carried_out,
        };
        self.sweeps.add(1, result);
        self.count_namespaces(report);
        self.overdue.add(as_u64(report.overdue.count), &self.none);
        self.lost.add(as_u64(report.lost.count), &self.none);
    }

    fn count_namespaces(&self, report: &SweepReport) {
        for ((_, count), label) in numbers(report).into_iter().zip(&self.became) {
            self.namespaces.add(as_u64(count), label);
        }
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// An error for what needs a person, a warning for what may need one.
pub(super) fn log(report: &SweepReport, task_queue: &str) {
    if let Some(brake) = &report.brake {
        tracing::error!(
            due = brake.due,
            allowed = brake.allowed,
            surveyed = report.surveyed,
            "the sweep removed nothing: it would have removed too many namespaces at once. Find out why so many previews have no open workflow; \
             the namespaces have the annotation preview.internal/orphaned-since. To remove them all the same: {}",
            confirmation(brake, task_queue)
        );
    }
    for stuck in &report.stuck.first {
        tracing::warn!(
            namespace = stuck.name,
            held_by = stuck.why,
            "a namespace that no workflow looks after is being deleted and will not go"
        );
    }
    for failed in &report.failed.first {
        tracing::warn!(
            namespace = failed.name,
            error = failed.why,
            "the sweep could not deal with a namespace"
        );
    }
    for unaccounted in &report.unaccounted.first {
        tracing::warn!(
            namespace = unaccounted.name,
            reason = unaccounted.why,
            "a namespace has the labels of previews and is none; it is left alone"
        );
    }
    for workflow_id in &report.overdue.first {
        tracing::error!(
            workflow_id,
            "a preview's workflow is open long after the preview's time was over; look for failing workflow tasks"
        );
    }
    tracing::info!(
        surveyed = report.surveyed,
        marked = report.marked.count,
        unmarked = report.unmarked.count,
        removed = report.removed.count,
        spared = report.spared.count,
        stuck = report.stuck.count,
        failed = report.failed.count,
        unaccounted = report.unaccounted.count,
        overdue = report.overdue.count,
        lost = report.lost.count,
        held_back = report.brake.is_some(),
        "swept"
    );
}

/// What an operator types who has looked.
fn confirmation(brake: &Brake, task_queue: &str) -> String {
    let input = serde_json::json!(brake.confirm_with);
    format!(
        "temporal workflow start --type OrphanSweep --task-queue {task_queue} --workflow-id orphan-sweep-confirmed --input '{input}'"
    )
}

#[cfg(test)]
mod tests {
    use domain::orphan_sweep::SweepPolicy;

    use super::*;

    #[test]
    fn the_operator_is_told_what_to_type() {
        let brake = Brake {
            due: 25,
            allowed: 8,
            confirm_with: SweepPolicy {
                grace: "10m".parse().expect("a duration"),
                dry_run: false,
                confirm_removals: Some(25),
            },
        };
        assert_eq!(
            confirmation(&brake, "previews"),
            "temporal workflow start --type OrphanSweep --task-queue previews --workflow-id orphan-sweep-confirmed \
             --input '{\"confirm_removals\":25,\"dry_run\":false,\"grace\":\"10m\"}'"
        );
    }
}
