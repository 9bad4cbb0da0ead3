//! What can be measured? Temporal's SDK counts and times every workflow task, activity and request.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use temporalio_common::telemetry::{
    PrometheusExporterOptions, TelemetryOptions, metrics::CoreMeter,
    start_prometheus_metric_exporter,
};
use temporalio_sdk::runtime::RuntimeOptions;

/// Longest time for reading what the SDK has measured, from within this process.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the measurements are. The SDK offers them only through a server of its own, so it gets a port of this machine, and we pass them on.
#[derive(Clone)]
pub struct Metrics {
    http: reqwest::Client,
    address: SocketAddr,
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
            .build();
        let server = start_prometheus_metric_exporter(exporter)
            .context("cannot start Temporal's metrics")?;
        let telemetry = TelemetryOptions::builder()
            .metrics(server.meter as Arc<dyn CoreMeter>)
            .build();
        let options = RuntimeOptions::builder()
            .telemetry_options(telemetry)
            .build()
            .map_err(|reason| anyhow!(reason))?;
        let http = reqwest::Client::builder()
            .timeout(READ_TIMEOUT)
            .no_proxy()
            .build()?;
        Ok((
            Self {
                http,
                address: server.bound_addr,
            },
            options,
        ))
    }

    /// Everything measured so far, in Prometheus' text format.
    ///
    /// # Errors
    /// If the SDK does not say.
    pub async fn read(&self) -> reqwest::Result<String> {
        let response = self
            .http
            .get(format!("http://{}/metrics", self.address))
            .send()
            .await?;
        response.error_for_status()?.text().await
    }
}
