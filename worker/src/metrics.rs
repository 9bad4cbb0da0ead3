//! What is measured: Temporal's SDK counts and times every workflow task, activity and request;
//! what is counted of our own stands beside it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use activities::Census;
use anyhow::{Context, anyhow};
use async_trait::async_trait;
use prometheus::{Registry, TextEncoder};
use runtime::{build, probes};
use temporalio_common::telemetry::{
    HistogramBucketOverrides, PrometheusExporterOptions, TelemetryInstance, TelemetryOptions,
    metrics::{CoreMeter, MetricKeyValue, MetricParameters, NewAttributes, TemporalMeter},
    start_prometheus_metric_exporter, telemetry_init,
};
use temporalio_sdk::runtime::RuntimeOptions;

/// Longest time for reading what the SDK has measured, from within this process.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the measurements are. The SDK offers them only through a server of its own, so it gets a
/// port of this machine, and we pass them on.
#[derive(Clone)]
pub struct Metrics {
    http: reqwest::Client,
    address: SocketAddr,
    meter: Arc<dyn CoreMeter>,
    registry: Registry,
    requests_to_temporal: Option<TemporalMeter>,
}

impl Metrics {
    /// Begins to measure; what the returned options are given to is measured.
    ///
    /// # Errors
    /// If there is no port for it.
    pub fn start() -> anyhow::Result<(Self, RuntimeOptions)> {
        let exporter = PrometheusExporterOptions::builder()
            .socket_addr(SocketAddr::from(([127, 0, 0, 1], 0)))
            .counters_total_suffix(true)
            .unit_suffix(true)
            .use_seconds_for_durations(true)
            .histogram_bucket_overrides(buckets())
            .build();
        let server = start_prometheus_metric_exporter(exporter).context("cannot start Temporal's metrics")?;
        let meter: Arc<dyn CoreMeter> = server.meter;
        tell_build(&*meter);
        let telemetry = TelemetryOptions::builder().metrics(Arc::clone(&meter)).build();
        let requests_to_temporal = telemetry_init(telemetry.clone())
            .as_ref()
            .map(TelemetryInstance::get_temporal_metric_meter)
            .map_err(|error| anyhow!("cannot count requests to Temporal: {error}"))?;
        let options = RuntimeOptions::builder()
            .telemetry_options(telemetry)
            .build()
            .map_err(|reason| anyhow!(reason))?;
        let http = reqwest::Client::builder().timeout(READ_TIMEOUT).no_proxy().build()?;
        Ok((
            Self {
                http,
                address: server.bound_addr,
                meter,
                registry: Registry::new(),
                requests_to_temporal,
            },
            options,
        ))
    }

    /// For what is counted of our own.
    #[must_use]
    pub fn meter(&self) -> &Arc<dyn CoreMeter> {
        &self.meter
    }

    /// For what the SDK's meter cannot do.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts and times the requests of a connection to Temporal, by operation,
    /// under the names of Temporal's SDKs.
    #[must_use]
    pub fn of_requests_to_temporal(&self) -> Option<TemporalMeter> {
        self.requests_to_temporal.clone()
    }

    async fn read(&self) -> anyhow::Result<String> {
        let response = self.http.get(format!("http://{}/metrics", self.address)).send().await?;
        let mut text = response.error_for_status()?.text().await?;
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn buckets() -> HistogramBucketOverrides {
    let overrides = activities::BUCKETS
        .iter()
        .map(|(name, buckets)| ((*name).to_owned(), buckets.to_vec()));
    HistogramBucketOverrides { overrides: overrides.collect() }
}

fn tell_build(meter: &dyn CoreMeter) {
    let info = meter.gauge(
        MetricParameters::builder()
            .name("preview_build_info")
            .description("Which build this is")
            .build(),
    );
    let labels = meter.new_attributes(NewAttributes::from([
        MetricKeyValue::new("version", build::VERSION),
        MetricKeyValue::new("commit", build::commit()),
    ]));
    info.record(1, &labels);
}

/// What a scrape is answered: what was measured, and what Temporal knows at this moment.
pub struct Scrape {
    /// What was measured.
    pub metrics: Metrics,
    /// What is asked when somebody wants to know.
    pub census: Census,
}

#[async_trait]
impl probes::Metrics for Scrape {
    fn content_type(&self) -> &'static str {
        "text/plain; version=0.0.4"
    }

    async fn render(&self) -> Result<String, String> {
        self.census.take().await;
        self.metrics.read().await.map_err(|error| error.to_string())
    }
}
