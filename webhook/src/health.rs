//! Is the process alive, and is it any use to send it deliveries?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{inbox::Inbox, receive::Service};

/// How long an answer from Temporal stays true. Probes come from several sides at once.
const FRESH: Duration = Duration::from_secs(1);
/// Longest wait for an answer. Kubernetes waits one second by default, and its own word would not give the reason.
const PATIENCE: Duration = Duration::from_millis(900);

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

/// `GET /livez`: 200 for as long as the process can answer at all.
pub(crate) async fn livez() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: 200, or 503 with the reason.
pub(crate) async fn readyz(State(service): State<Arc<Service>>) -> Response {
    match service.readiness().check().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}
