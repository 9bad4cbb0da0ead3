//! Is the process alive, is it any use to send it deliveries, and what has it counted? `/livez`, `/readyz`, `/metrics`, on a port of their own.
//!
//! They tell of Temporal and of the load, which is nobody's business on the port that faces the Internet. And probes are answered however many
//! connections that one has.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::Mutex};
use tokio_util::sync::CancellationToken;

use crate::{inbox::Inbox, receive::Service};

/// How long an answer from Temporal stays true. Probes come from several sides at once.
const FRESH: Duration = Duration::from_secs(1);
/// Longest wait for an answer. Kubernetes waits one second by default, and its own word would not give the reason.
const PATIENCE: Duration = Duration::from_millis(900);

/// What Prometheus calls its text format.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Knows whether deliveries can be accepted.
pub struct Readiness {
    inbox: Arc<dyn Inbox>,
    shutdown: CancellationToken,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Not ready any more from the moment that `shutdown` is cancelled.
    #[must_use]
    pub fn new(inbox: Arc<dyn Inbox>, shutdown: CancellationToken) -> Self {
        Self {
            inbox,
            shutdown,
            last: Mutex::new(None),
        }
    }

    /// Can a delivery be accepted? If not, why?
    ///
    /// # Errors
    /// The reason, for an operator.
    pub async fn check(&self) -> Result<(), String> {
        if self.shutdown.is_cancelled() {
            return Err("shutting down".to_owned());
        }
        let mut last = self.last.lock().await;
        if let Some((_, result)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return result.clone();
        }
        let result = tokio::time::timeout(PATIENCE, self.inbox.check())
            .await
            .map_err(|_| format!("Temporal did not answer within {} ms", PATIENCE.as_millis()))
            .and_then(|result| result.map_err(|error| error.to_string()));
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

/// The three addresses.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(service)
}

/// Answers for as long as the process lives. Without it deliveries are still passed on, so its end is only worth a line in the log.
pub async fn serve(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "health and metrics are not served any more");
    }
}

/// 200, or 503 with the reason.
async fn readyz(State(service): State<Arc<Service>>) -> Response {
    match service.readiness().check().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, METRICS_TYPE)],
        service.metrics().render(),
    )
}
