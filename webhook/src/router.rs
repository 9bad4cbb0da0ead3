//! The one address on the public port.

use std::sync::Arc;

use axum::{Router, routing::post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{receive, receive::Service};

/// Where GitHub's deliveries go.
pub const WEBHOOK_PATH: &str = "/api/github/webhooks";

/// The service as GitHub sees it. A panic while handling one request is that
/// request's 500, and nobody else's.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(WEBHOOK_PATH, post(receive::receive))
        .layer(CatchPanicLayer::new())
        .with_state(service)
}
