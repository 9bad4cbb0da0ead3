//! How long people wait for previews, what becomes of these, and how punctually they end.

use std::sync::Arc;

use domain::{
    preview::{PreviewState, StopReason},
    pull_request::{Answer, Refusal, Reply},
};
use jiff::Timestamp;
use prometheus::{Histogram, HistogramOpts, HistogramVec, Registry};
use temporalio_common::telemetry::metrics::{CoreMeter, Counter};

use super::{PATIENCE_BUCKETS, PROMPTNESS_BUCKETS, counter, how_it_ended::HowItEnded, labels};

/// The reason of a failure that Temporal does not give.
const UNKNOWN: &str = "Unknown";
/// What a comment is answered by.
const COMMENT: &str = "comment";
const REPLY: &str = "reply";

/// The lives of previews, as far as this process has seen something of them.
///
/// The SDK's meter knows a histogram only from its first value on, which Prometheus then does not take for an
/// increase: the preview that ended late because its worker was away would go unnoticed. So these are in a
/// registry of our own.
#[derive(Clone)]
pub struct Lifecycle {
    meter: Arc<dyn CoreMeter>,
    time_to_answer: HistogramVec,
    time_to_url: Histogram,
    outcomes: Counter,
    ttl_skew: Histogram,
    teardown: Histogram,
}

impl Lifecycle {
    /// With nothing measured yet. What can be at zero is, so that the first increase is seen as one; not so
    /// the reasons why previews fail, of which there are too many.
    ///
    /// # Errors
    /// If the registry has such metrics already.
    pub fn new(meter: &Arc<dyn CoreMeter>, registry: &Registry) -> prometheus::Result<Self> {
        let time_to_answer = HistogramVec::new(
            options(
                "preview_time_to_answer_seconds",
                "Time from a comment to its first answer, by GitHub's clock",
                PATIENCE_BUCKETS,
            ),
            &["by"],
        )?;
        registry.register(Box::new(time_to_answer.clone()))?;
        let single = |name, help, buckets| {
            let histogram = Histogram::with_opts(options(name, help, buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            prometheus::Result::Ok(histogram)
        };
        let measured = Self {
            time_to_answer,
            time_to_url: single(
                "preview_time_to_url_seconds",
                "Time from a comment to its preview's URL on the pull request, by GitHub's clock",
                PATIENCE_BUCKETS,
            )?,
            outcomes: counter(&**meter, "preview_outcomes", "Requests by what became of them, and why"),
            ttl_skew: single(
                "preview_ttl_skew_seconds",
                "Time from the planned end of a preview to the beginning of its removal",
                PROMPTNESS_BUCKETS,
            )?,
            teardown: single(
                "preview_teardown_seconds",
                "Time that the removal of a preview took",
                PATIENCE_BUCKETS,
            )?,
            meter: Arc::clone(meter),
        };
        for by in [COMMENT, REPLY] {
            measured.time_to_answer.with_label_values(&[by]);
        }
        for reason in REMOVED {
            measured.outcome(0, "removed", reason);
        }
        for refusal in REFUSALS {
            measured.outcome(0, "refused", refused(refusal));
        }
        Ok(measured)
    }

    /// The sticky comment answers a comment for the first time.
    pub(crate) fn answered_by_comment(&self, asked: Timestamp, answered: Timestamp) {
        self.time_to_answer
            .with_label_values(&[COMMENT])
            .observe(between(asked, answered));
    }

    /// The sticky comment shows a preview's URL for the first time.
    pub(crate) fn url_shown(&self, asked: Timestamp, shown: Timestamp) {
        self.time_to_url.observe(between(asked, shown));
    }

    /// A reply was written, and not found to have been written before.
    pub(crate) fn replied(&self, reply: &Reply, asked: Option<Timestamp>, answered: Option<Timestamp>) {
        for answer in &reply.answers {
            if let Answer::Refused { because } = answer {
                self.outcome(1, "refused", refused(*because));
            }
        }
        if let (Some(asked), Some(answered), false) = (asked, answered, reply.is_second) {
            self.time_to_answer
                .with_label_values(&[REPLY])
                .observe(between(asked, answered));
        }
    }

    /// A preview is over, and everything of it is gone.
    pub(crate) fn ended(&self, state: &PreviewState, how: &HowItEnded) {
        match state {
            PreviewState::Removed { because } => {
                self.outcome(1, "removed", removed(because));
                if let (StopReason::Expired { at }, Some(removal)) = (because, &how.removal) {
                    self.ttl_skew.observe(between(*at, removal.began));
                }
            }
            PreviewState::Failed { .. } => {
                self.outcome(1, "failed", how.failure.as_deref().unwrap_or(UNKNOWN));
            }
            _ => return,
        }
        if let Some(removal) = &how.removal
            && let Some(ended) = removal.ended
        {
            self.teardown.observe(between(removal.began, ended));
        }
    }

    fn outcome(&self, count: u64, outcome: &'static str, reason: &str) {
        self.outcomes
            .add(count, &labels(&*self.meter, [("outcome", outcome), ("reason", reason)]));
    }
}

fn options(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(buckets.to_vec())
}

/// In seconds; none, if a clock was set back meanwhile.
fn between(earlier: Timestamp, later: Timestamp) -> f64 {
    earlier.duration_until(later).as_secs_f64().max(0.0)
}

/// What [`removed`] gives.
const REMOVED: [&str; 7] =
    ["expired", "stopped", "superseded", "closed", "cancelled", "namespace_lost", "terminated"];

fn removed(because: &StopReason) -> &'static str {
    match because {
        StopReason::Expired { .. } => "expired",
        StopReason::Asked { .. } => "stopped",
        StopReason::Superseded { .. } => "superseded",
        StopReason::PullRequestClosed { .. } => "closed",
        StopReason::Cancelled { .. } => "cancelled",
        StopReason::NamespaceLost => "namespace_lost",
        StopReason::Terminated => "terminated",
    }
}

const REFUSALS: [Refusal; 6] = [
    Refusal::NotAllowed,
    Refusal::Fork,
    Refusal::Closed,
    Refusal::Merged,
    Refusal::Locked,
    Refusal::TooMany,
];

fn refused(because: Refusal) -> &'static str {
    match because {
        Refusal::NotAllowed => "not_allowed",
        Refusal::Fork => "fork",
        Refusal::Closed => "closed",
        Refusal::Merged => "merged",
        Refusal::Locked => "locked",
        Refusal::TooMany => "too_many",
    }
}
