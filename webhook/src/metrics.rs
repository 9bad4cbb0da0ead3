//! What is counted and measured, for Prometheus?

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::inbox::{Told, Unconfirmed};

/// The shortest duration told apart, in seconds; ten more follow, each twice as long, up to about 10 s: GitHub's own deadline.
const SHORTEST_BUCKET: f64 = 0.01;
const BUCKETS: u16 = 11;

/// The service's counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deliveries: Family<DeliveryLabels, Counter<u64, AtomicU64>>,
    durations: Histogram,
    signals: Family<SignalLabels, Counter<u64, AtomicU64>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeliveryLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SignalLabels {
    signal: &'static str,
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("preview_webhook");
        let deliveries = Family::default();
        registry.register(
            "deliveries",
            "Deliveries by what became of them",
            deliveries.clone(),
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
        Self {
            registry,
            deliveries,
            durations,
            signals,
        }
    }
}

impl Metrics {
    /// A delivery was answered.
    pub fn delivery(&self, outcome: &'static str, took: Duration) {
        self.deliveries
            .get_or_create(&DeliveryLabels { outcome })
            .inc();
        self.durations.observe(took.as_secs_f64());
    }

    /// Temporal was asked to tell a pull request's workflow.
    pub fn signal(&self, signal: &'static str, told: &Result<Told, Unconfirmed>) {
        let result = match told {
            Ok(Told::Heard) => "heard",
            Ok(Told::NobodyThere) => "nobody_there",
            Err(_) => "error",
        };
        self.signals
            .get_or_create(&SignalLabels { signal, result })
            .inc();
    }

    /// Everything so far, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}
