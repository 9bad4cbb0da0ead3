//! A GitHub of one repository, over real HTTP.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
};

use ::github::{AppConfig, GitHubApp};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

/// The newest commit of every pull request.
pub(crate) const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

/// Made once: a key costs a good part of a second.
static PRIVATE_KEY: LazyLock<String> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("a fresh key can be encoded");
    let base64 = BASE64_STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n")
});

/// What GitHub says.
pub(crate) struct Model {
    pub(crate) state: &'static str,
    pub(crate) locked: bool,
    pub(crate) from_fork: bool,
    pub(crate) visible: bool,
    pub(crate) broken: bool,
    pub(crate) requests: usize,
}

/// The server and the test's hands in its state.
pub(crate) struct GitHub {
    model: Arc<Mutex<Model>>,
    address: SocketAddr,
}

impl GitHub {
    pub(crate) async fn start() -> Self {
        let model = Arc::new(Mutex::new(Model {
            state: "open",
            locked: false,
            from_fork: false,
            visible: true,
            broken: false,
            requests: 0,
        }));
        let router = Router::new()
            .route("/app/installations/{id}/access_tokens", post(mint))
            .route("/repos/{owner}/{name}/pulls/{number}", get(pull_request))
            .route(
                "/repos/{owner}/{name}/collaborators/{login}/permission",
                get(permission),
            )
            .with_state(Arc::clone(&model));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { model, address }
    }

    pub(crate) fn app(&self) -> GitHubApp {
        GitHubApp::new(&AppConfig {
            api_url: format!("http://{}", self.address)
                .parse()
                .expect("an address"),
            app_id: 7,
            private_key: PRIVATE_KEY.as_str().into(),
        })
        .expect("a client")
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("not poisoned")
    }
}

type Shared = State<Arc<Mutex<Model>>>;

async fn mint() -> impl IntoResponse {
    let token = json!({ "token": "t", "expires_at": "2999-01-01T00:00:00Z" });
    (StatusCode::CREATED, Json(token))
}

async fn pull_request(
    State(model): Shared,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Response {
    let mut model = model.lock().expect("not poisoned");
    model.requests += 1;
    if model.broken {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if !model.visible {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "message": "Not Found" })),
        )
            .into_response();
    }
    Json(json!({
        "head": { "sha": HEAD, "repo": { "id": if model.from_fork { 2 } else { 1 } } },
        "base": { "ref": "main", "repo": { "id": 1 } },
        "state": model.state, "merged": false, "draft": false, "locked": model.locked,
        "html_url": format!("https://github.com/{owner}/{name}/pull/{number}"),
    }))
    .into_response()
}

async fn permission(
    State(model): Shared,
    Path((_, _, login)): Path<(String, String, String)>,
) -> Response {
    model.lock().expect("not poisoned").requests += 1;
    let role = match login.as_str() {
        "mona" => "write",
        "rita" => "read",
        _ => {
            let message = json!({ "message": "Not Found" });
            return (StatusCode::NOT_FOUND, Json(message)).into_response();
        }
    };
    Json(json!({ "permission": role, "role_name": role })).into_response()
}
