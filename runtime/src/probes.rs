//! The port for probes and scrapes: `/livez`, `/readyz`, `/metrics`.
//!
//! A port of its own: they tell of Temporal and of the load, which is nobody's business outside, and
//! are answered however busy the program is.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::listen;

/// How long an answer of the dependency stays true. Probes come from several sides at once.
const FRESH: Duration = Duration::from_secs(1);
/// Longest wait for an answer. Kubernetes waits one second by default, and its
/// own error would not give the reason.
const CHECK_TIMEOUT: Duration = Duration::from_millis(900);

/// What the program is no use without.
#[async_trait]
pub trait Dependency: Send + Sync + 'static {
    /// What an operator calls it.
    fn name(&self) -> &'static str;

    /// Is it there? The error is for an operator.
    async fn check(&self) -> Result<(), String>;
}

/// What the program has counted.
#[async_trait]
pub trait Metrics: Send + Sync + 'static {
    /// The content type of the text.
    fn content_type(&self) -> &'static str;

    /// Everything so far, as Prometheus reads it. The error is for an operator.
    async fn render(&self) -> Result<String, String>;
}

/// Knows whether the program can do its work.
pub struct Readiness {
    dependency: Arc<dyn Dependency>,
    shutdown: CancellationToken,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Not ready any more from the moment that `shutdown` is cancelled.
    #[must_use]
    pub fn new(dependency: Arc<dyn Dependency>, shutdown: CancellationToken) -> Self {
        Self { dependency, shutdown, last: Mutex::new(None) }
    }

    /// Can work be accepted?
    ///
    /// # Errors
    /// The reason why not, for an operator.
    pub async fn check(&self) -> Result<(), String> {
        if self.shutdown.is_cancelled() {
            return Err("shutting down".to_owned());
        }
        let mut last = self.last.lock().await;
        if let Some((_, result)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return result.clone();
        }
        let name = self.dependency.name();
        let too_slow = format!("{name} did not answer within {} ms", CHECK_TIMEOUT.as_millis());
        let result = timeout(CHECK_TIMEOUT, self.dependency.check()).await.unwrap_or(Err(too_slow));
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

#[derive(Clone)]
struct Probes {
    readiness: Arc<Readiness>,
    metrics: Arc<dyn Metrics>,
}

/// The three addresses.
pub fn router(readiness: Arc<Readiness>, metrics: Arc<dyn Metrics>) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state(Probes { readiness, metrics })
}

/// Answers at `address`, which `setting` names, from now on and for as long as the process lives.
///
/// # Errors
/// If it cannot listen there.
pub async fn start(setting: &str, address: SocketAddr, router: Router) -> anyhow::Result<()> {
    let listener = listen(setting, address).await?;
    tracing::info!(address = %listener.local_addr()?, "health and metrics");
    tokio::spawn(serve(listener, router));
    Ok(())
}

/// Without it the program still works, so its end is only worth a line in the log.
async fn serve(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "probes and metrics are not served any more");
    }
}

/// 200, or 503 with the reason.
async fn readyz(State(probes): State<Probes>) -> Response {
    match probes.readiness.check().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn scrape(State(probes): State<Probes>) -> Response {
    let content_type = probes.metrics.content_type();
    match probes.metrics.render().await {
        Ok(text) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response(),
    }
}
