//! Which address leads where?

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{health, receive, receive::Service};

/// Where GitHub's deliveries go.
pub const WEBHOOK_PATH: &str = "/api/github/webhooks";

/// What Prometheus calls its text format.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole service. A panic while handling one request is that request's 500, and nobody else's.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(WEBHOOK_PATH, post(receive::receive))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics))
        .layer(CatchPanicLayer::new())
        .with_state(service)
}

async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, METRICS_TYPE)],
        service.metrics().render(),
    )
}
