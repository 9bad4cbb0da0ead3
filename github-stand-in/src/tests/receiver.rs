//! A webhook receiver that writes down what it gets and answers as told.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::sync::Notify;
use url::Url;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The receiver; it ends with the test's runtime.
pub(super) struct Receiver {
    pub(super) url: Url,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Answers every request with this status.
    pub(super) async fn answering(status: u16) -> Self {
        Self::start(status, None).await
    }

    /// Answers no request before it is told to.
    pub(super) async fn hanging_until(gate: Arc<Notify>) -> Self {
        Self::start(202, Some(gate)).await
    }

    async fn start(status: u16, gate: Option<Arc<Notify>>) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let app = Router::new().route(
            "/hook",
            post(move |headers: HeaderMap, body: Bytes| async move {
                log.lock().unwrap().push(Received { headers, body });
                if let Some(gate) = gate {
                    gate.notified().await;
                }
                (StatusCode::from_u16(status).unwrap(), "noted")
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}
