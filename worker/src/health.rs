//! Is the process alive, is it of any use, and what has it measured? `/livez`, `/readyz`, `/metrics`.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use temporalio_client::Client;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{metrics::Metrics, temporal};

/// Longest wait for Temporal's answer. Kubernetes waits one second by default, and its own word would not give the reason.
const PATIENCE: Duration = Duration::from_millis(900);
/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

#[derive(Clone)]
struct Health {
    temporal: Client,
    metrics: Metrics,
    shutdown: CancellationToken,
}

/// The three addresses.
pub fn router(temporal: Client, metrics: Metrics, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(read_metrics))
        .with_state(Health {
            temporal,
            metrics,
            shutdown,
        })
}

/// Answers until `shutdown` is cancelled. A worker without it still works, so its end is only worth a line in the log.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "health and metrics are not served any more");
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    let not_ready =
        |reason: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response();
    if health.shutdown.is_cancelled() {
        return not_ready("shutting down".to_owned());
    }
    match timeout(PATIENCE, temporal::check(&health.temporal)).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(status)) => not_ready(format!("Temporal: {}", status.message())),
        Err(_) => not_ready(format!(
            "Temporal did not answer within {} ms",
            PATIENCE.as_millis()
        )),
    }
}

async fn read_metrics(State(health): State<Health>) -> Response {
    match health.metrics.read().await {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
