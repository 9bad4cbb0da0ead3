//! What is measured of previews and of what they need, for Prometheus: `docs/metrics.md` says what each
//! measurement answers.
//!
//! Measured where the world is touched: workflow code is replayed, and would count twice.

mod census;
mod census_queries;
mod each_activity;
mod github_requests;
mod how_it_ended;
mod lifecycle;

pub use census::Census;
pub use each_activity::EachActivity;
pub use github_requests::GitHubRequests;
pub(crate) use how_it_ended::how_it_ended;
pub use lifecycle::Lifecycle;

use temporalio_common::telemetry::metrics::{
    CoreMeter, Counter, Gauge, GaugeF64, HistogramDuration, MetricAttributes, MetricKeyValue,
    MetricParameters, NewAttributes,
};

/// The upper ends of a histogram's buckets, in seconds, for what people wait for: up to half an hour, which
/// is as long as a deployment may take.
const PATIENCE_BUCKETS: &[f64] = &[
    1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1_800.0,
];
/// The same for what should take no time at all.
const PROMPTNESS_BUCKETS: &[f64] =
    &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1_800.0];

/// Which histograms of the SDK's meter have which buckets, by a part of their names.
pub const BUCKETS: &[(&str, &[f64])] = &[
    ("preview_queue_wait", PROMPTNESS_BUCKETS),
    // The SDK's own end at a minute.
    ("activity_execution_latency", PATIENCE_BUCKETS),
    ("activity_succeed_endtoend_latency", PATIENCE_BUCKETS),
];

fn counter(meter: &dyn CoreMeter, name: &'static str, description: &'static str) -> Counter {
    meter.counter(MetricParameters::builder().name(name).description(description).build())
}

fn gauge(meter: &dyn CoreMeter, name: &'static str, description: &'static str) -> Gauge {
    meter.gauge(MetricParameters::builder().name(name).description(description).build())
}

/// In seconds; the name says so.
fn seconds(meter: &dyn CoreMeter, name: &'static str, description: &'static str) -> GaugeF64 {
    meter.gauge_f64(MetricParameters::builder().name(name).description(description).build())
}

/// In seconds, which is added to the name.
fn histogram(meter: &dyn CoreMeter, name: &'static str, description: &'static str) -> HistogramDuration {
    meter.histogram_duration(MetricParameters::builder().name(name).description(description).build())
}

fn labels<const N: usize>(meter: &dyn CoreMeter, labels: [(&'static str, &str); N]) -> MetricAttributes {
    let labels = labels.map(|(key, value)| MetricKeyValue::new(key, value.to_owned()));
    meter.new_attributes(NewAttributes::from(labels))
}
