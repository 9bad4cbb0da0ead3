//! What is counted and measured, for Prometheus.

use std::{sync::atomic::AtomicU64, time::Duration};

use async_trait::async_trait;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};
use runtime::{build, probes};

use crate::{
    limit::Limit,
    outcome::{Ignored, Outcome},
    signaler::{SignalError, Signalled},
};

/// The shortest duration told apart, in seconds; ten more follow, each twice as long,
/// up to about 10 s: GitHub's own deadline.
const SHORTEST_BUCKET: f64 = 0.01;
const BUCKETS: u16 = 11;

/// The service's counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deliveries: Family<DeliveryLabels, Counter<u64, AtomicU64>>,
    ignored: Family<IgnoredLabels, Counter<u64, AtomicU64>>,
    durations: Histogram,
    signals: Family<SignalLabels, Counter<u64, AtomicU64>>,
    held: Family<LimitLabels, Gauge>,
    evicted: Family<LimitLabels, Counter<u64, AtomicU64>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeliveryLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct IgnoredLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SignalLabels {
    signal: &'static str,
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let build = vec![("version", build::VERSION.to_owned()), ("commit", build::commit())];
        registry.register("preview_build", "Which build this is", Info::new(build));
        Self::of_deliveries(registry)
    }
}

impl Metrics {
    fn of_deliveries(mut whole: Registry) -> Self {
        let registry = whole.sub_registry_with_prefix("preview_webhook");
        let deliveries = Family::<DeliveryLabels, Counter<u64, AtomicU64>>::default();
        registry.register("deliveries", "Deliveries by what became of them", deliveries.clone());
        // At zero, so that the first increase is seen as one.
        for outcome in Outcome::LABELS {
            drop(deliveries.get_or_create(&DeliveryLabels { outcome }));
        }
        let ignored = Family::default();
        registry.register(
            "ignored",
            "Deliveries that there was nothing to do for, by the reason",
            ignored.clone(),
        );
        let durations = Histogram::new(exponential_buckets(SHORTEST_BUCKET, 2.0, BUCKETS));
        registry.register(
            "delivery_duration_seconds",
            "Time from a delivery's headers to its answer; GitHub waits 10 s",
            durations.clone(),
        );
        let signals = Family::default();
        registry.register(
            "signals",
            "Signals to pull requests' workflows by how they ended",
            signals.clone(),
        );
        let held = Family::default();
        registry.register("held", "How much of each limit is in use", held.clone());
        let evicted = Family::default();
        registry.register(
            "evicted",
            "Callers cut off in favour of newer ones, by the limit that was reached",
            evicted.clone(),
        );
        Self {
            registry: whole,
            deliveries,
            ignored,
            durations,
            signals,
            held,
            evicted,
        }
    }

    /// A delivery was answered.
    pub fn delivery(&self, outcome: &'static str, took: Duration) {
        self.deliveries.get_or_create(&DeliveryLabels { outcome }).inc();
        self.durations.observe(took.as_secs_f64());
    }

    /// There was nothing to do for a delivery.
    pub fn ignored(&self, why: Ignored) {
        let reason = why.label();
        self.ignored.get_or_create(&IgnoredLabels { reason }).inc();
    }

    /// A limit whose use is shown under this name.
    #[must_use]
    pub fn limit(&self, limit: &'static str, most: usize) -> Limit {
        let labels = LimitLabels { limit };
        let held = self.held.get_or_create(&labels).clone();
        let evicted = self.evicted.get_or_create(&labels).clone();
        Limit::new(most, held, evicted)
    }

    /// Temporal was asked to signal a pull request's workflow.
    pub fn signal(&self, signal: &'static str, result: &Result<Signalled, SignalError>) {
        let result = match result {
            Ok(Signalled::Delivered) => "delivered",
            Ok(Signalled::NoWorkflow) => "no_workflow",
            Err(_) => "error",
        };
        self.signals.get_or_create(&SignalLabels { signal, result }).inc();
    }
}

#[async_trait]
impl probes::Metrics for Metrics {
    fn content_type(&self) -> &'static str {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }

    async fn render(&self) -> Result<String, String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        Ok(text)
    }
}
