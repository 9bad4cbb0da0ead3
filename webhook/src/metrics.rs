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

/// The shortest duration told apart, in seconds; ten more follow, each twice as long, up to about 10 s: GitHub's own deadline.
const SHORTEST_BUCKET: f64 = 0.01;
const BUCKETS: u16 = 11;

/// The service's counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deliveries: Family<DeliveryLabels, Counter<u64, AtomicU64>>,
    durations: Histogram,
    github_requests: Family<GitHubLabels, Counter<u64, AtomicU64>>,
    starts: Family<StartLabels, Counter<u64, AtomicU64>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeliveryLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct GitHubLabels {
    request: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StartLabels {
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
        let github_requests = Family::default();
        registry.register(
            "github_requests",
            "Requests to GitHub by how they ended",
            github_requests.clone(),
        );
        let starts = Family::default();
        registry.register(
            "starts",
            "Requests to Temporal by how they ended",
            starts.clone(),
        );
        Self {
            registry,
            deliveries,
            durations,
            github_requests,
            starts,
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

    /// GitHub was asked for something.
    pub fn github<T>(&self, request: &'static str, result: &Result<T, github::Error>) {
        let outcome = result.as_ref().map_or_else(github::Error::label, |_| "ok");
        self.github_requests
            .get_or_create(&GitHubLabels { request, outcome })
            .inc();
    }

    /// Temporal was asked for something.
    pub fn start(&self, result: &'static str) {
        self.starts.get_or_create(&StartLabels { result }).inc();
    }

    /// Everything so far, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}
