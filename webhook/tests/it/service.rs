//! The service with a Temporal of our own, and a sender of deliveries.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use runtime::probes::{self, Readiness};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use webhook::{
    limit::Limits, receive::Service, router::WEBHOOK_PATH, router::router, server::Server, signature::Secrets,
};

use crate::temporal::FakeTemporal;

/// What the App signs with.
pub(crate) const SECRET: &str = "a secret for tests";

/// Whom the service serves: the owner in these tests, and those of the published examples.
pub(crate) const SERVED: &str = "octo-org,Codertocat,Octocoders";

/// The newest commit of that pull request.
pub(crate) const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

/// Room for whatever a test does, unless the limits are what it is about.
pub(crate) const LIMITS: Limits = Limits {
    connections: 100,
    unverified_bytes: 64 << 20,
    concurrent: 50,
    receive_timeout: Duration::from_secs(5),
};

/// The service and its surroundings.
pub(crate) struct Fixture {
    pub(crate) temporal: Arc<FakeTemporal>,
    pub(crate) shutdown: CancellationToken,
    readiness: Arc<Readiness>,
    service: Arc<Service>,
    limits: Limits,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A delivery in the making: authentic until it is changed.
pub(crate) struct Delivery {
    pub(crate) method: Method,
    pub(crate) event: Option<&'static str>,
    pub(crate) id: Option<&'static str>,
    pub(crate) content_type: Option<&'static str>,
    /// `None` for the right one.
    pub(crate) signature: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Delivery {
    pub(crate) fn new(event: &'static str, payload: &Value) -> Self {
        Self {
            method: Method::POST,
            event: Some(event),
            id: Some("0b989ba4-242f-11e5-81e1-c7b6966d2516"),
            content_type: Some("application/json"),
            signature: None,
            body: payload.to_string().into_bytes(),
        }
    }

    pub(crate) fn into_request(self) -> Request<Body> {
        let sign = || Secrets::new(SECRET.into(), None).sign(&self.body);
        let signature = self.signature.clone().unwrap_or_else(sign);
        let mut request = Request::builder()
            .method(self.method)
            .uri(WEBHOOK_PATH)
            .header("user-agent", "GitHub-Hookshot/044aadd");
        for (name, value) in [
            ("x-github-event", self.event),
            ("x-github-delivery", self.id),
            ("content-type", self.content_type),
            ("x-hub-signature-256", Some(signature.as_str())),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                request = request.header(name, value);
            }
        }
        request.body(Body::from(self.body)).expect("a request")
    }
}

/// A new comment by `mona` on an open pull request.
pub(crate) fn comment(text: &str) -> Value {
    json!({
        "action": "created",
        "issue": { "number": 12, "state": "open", "pull_request": { "url": "x" } },
        "comment": { "id": 77, "created_at": "2026-11-22T12:00:00Z", "body": text, "user": { "login": "mona", "type": "User" } },
        "repository": { "id": 1296269, "full_name": "octo-org/hello-world" },
        "sender": { "login": "mona", "type": "User" },
        "installation": { "id": 5 },
    })
}

/// What happened to that pull request.
pub(crate) fn pull_request(action: &str) -> Value {
    json!({
        "action": action,
        "number": 12,
        "pull_request": {
            "number": 12, "head": { "sha": HEAD }, "merged": false,
            "updated_at": "2026-11-22T12:00:02Z", "closed_at": null,
        },
        "repository": { "id": 1296269, "full_name": "octo-org/hello-world" },
        "sender": { "login": "mona", "type": "User" },
        "installation": { "id": 5 },
    })
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(LIMITS)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let temporal = Arc::new(FakeTemporal::default());
        let shutdown = CancellationToken::new();
        let service = Service::new(
            watch::Sender::new(Secrets::new(SECRET.into(), Some("the secret before".into()))).subscribe(),
            SERVED.parse().expect("owners"),
            temporal.clone(),
            &limits,
        );
        Self {
            readiness: Arc::new(Readiness::new(temporal.clone(), shutdown.clone())),
            temporal,
            shutdown,
            service: Arc::new(service),
            limits,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.router(), request).await
    }

    pub(crate) async fn deliver(&self, delivery: Delivery) -> Answer {
        self.send(delivery.into_request()).await
    }

    /// A `pull_request` delivery.
    pub(crate) async fn happen(&self, payload: &Value) -> Answer {
        self.deliver(Delivery::new("pull_request", payload)).await
    }

    /// An `issue_comment` delivery.
    pub(crate) async fn say(&self, payload: &Value) -> Answer {
        self.deliver(Delivery::new("issue_comment", payload)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path)).await
    }

    /// On the port for probes and scrapes.
    pub(crate) async fn probe(&self, path: &str) -> Answer {
        let probes = probes::router(self.readiness.clone(), self.service.metrics().clone());
        answer(probes, get(path)).await
    }

    /// The value of a metric.
    pub(crate) async fn measured(&self, name: &str) -> Option<u64> {
        let metrics = self.probe("/metrics").await.text;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().parse().expect("a number"))
    }

    /// The public port, for real, until the fixture's `shutdown`.
    pub(crate) async fn listen(&self) -> (SocketAddr, JoinHandle<()>) {
        self.listen_with(self.router(), Duration::ZERO).await
    }

    pub(crate) async fn listen_with(&self, router: Router, drain: Duration) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server {
            connections: self.service.connections().clone(),
            receive_timeout: self.limits.receive_timeout,
            drain,
        };
        let shutdown = self.shutdown.clone();
        let serving = async move { server.serve(listener, router, shutdown).await };
        (address, tokio::spawn(serving))
    }

    /// No workflow was signalled.
    pub(crate) fn assert_untouched(&self) {
        assert_eq!(self.temporal.signals(), []);
    }

    pub(crate) fn router(&self) -> Router {
        router(self.service.clone())
    }
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await;
    let (parts, body) = response.expect("a router always answers").into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).expect("text"),
    }
}

impl Answer {
    pub(crate) fn retry_after(&self) -> Option<&str> {
        self.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok())
    }
}
