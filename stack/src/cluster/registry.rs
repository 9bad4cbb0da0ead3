//! The registry that the node asks for images which nobody has brought: it has none.
//!
//! Whatever an image's name says, the node asks here, and no name is looked up outside this machine.
//! What real registries say beside "not found" is told by the first part of the image's path.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Answers until its last copy is dropped.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    port: u16,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Registry {
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let serving = async {
            let answers = Router::new().fallback(async |uri: Uri| answer(uri.path()));
            // It ends with the stack only.
            let _ = axum::serve(listener, answers).await;
        };
        Ok(Self {
            port,
            _task: Arc::new(AbortOnDropHandle::new(tokio::spawn(serving))),
        })
    }

    /// How containerd finds it, whatever registry an image's name says: the contents of a `hosts.toml`.
    pub(super) fn as_every_host(&self) -> String {
        format!("server = \"http://127.0.0.1:{}\"\n", self.port)
    }
}

/// Below `private/` everybody has to log in; below `limited/` too many have asked.
fn answer(path: &str) -> Response {
    let name = path.strip_prefix("/v2/").unwrap_or_default();
    match name.split('/').next() {
        Some("private") => {
            let login = [(WWW_AUTHENTICATE, "Basic realm=\"registry\"")];
            (StatusCode::UNAUTHORIZED, login, error("UNAUTHORIZED")).into_response()
        }
        Some("limited") => (StatusCode::TOO_MANY_REQUESTS, error("TOOMANYREQUESTS")).into_response(),
        Some("") => StatusCode::OK.into_response(),
        _ => (StatusCode::NOT_FOUND, error("MANIFEST_UNKNOWN")).into_response(),
    }
}

/// As the distribution specification writes it.
fn error(code: &str) -> String {
    format!("{{\"errors\":[{{\"code\":\"{code}\"}}]}}")
}
