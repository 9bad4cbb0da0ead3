//! A chart from a registry that only those may read who have logged in to it.

use std::{
    collections::HashMap,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};
use tests::{Setting, converse};

use crate::tls::TlsServer;

/// Who may read and write.
const LOGIN: &str = "mona:a password for charts";
const DIGEST: &str = "docker-content-digest";

/// As much of an OCI registry as `helm push` and `helm pull` ask for.
struct Registry {
    address: String,
    stored: Arc<Stored>,
    server: TlsServer,
}

#[derive(Default)]
struct Stored {
    /// By their path: what they are, and they themselves.
    files: Mutex<HashMap<String, (HeaderValue, Bytes)>>,
    /// Paths that were read.
    read: Mutex<Vec<String>>,
}

impl Registry {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?.to_string();
        let stored = Arc::new(Stored::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&stored));
        Ok(Self { address, stored, server: TlsServer::start(listener, router)? })
    }

    /// Writes what Helm needs to know to reach it and to log in.
    fn write_access(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("registry.crt"), &self.server.certificate)?;
        let auths = json!({ &self.address: { "auth": BASE64_STANDARD.encode(LOGIN) } });
        fs::write(folder.join("registry.json"), json!({ "auths": auths }).to_string())?;
        Ok(())
    }

    /// Which blobs were read.
    fn blobs_read(&self) -> usize {
        let read = self.stored.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.iter().filter(|path| path.contains("/blobs/")).count()
    }
}

async fn answer(
    State(stored): State<Arc<Stored>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let login = format!("Basic {}", BASE64_STANDARD.encode(LOGIN));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given != login.as_str()) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"charts\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let path = uri.path();
    let mut files = stored.files.lock().unwrap_or_else(PoisonError::into_inner);
    let kind = headers.get(header::CONTENT_TYPE).cloned();
    let kind = kind.unwrap_or_else(|| HeaderValue::from_static("application/octet-stream"));
    match method {
        Method::POST => (StatusCode::ACCEPTED, [(header::LOCATION, format!("{path}1"))]).into_response(),
        Method::PUT => {
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
            let (folder, _) = path.rsplit_once('/').unwrap_or_default();
            let folder = folder.trim_end_matches("/uploads");
            for path in [path.to_owned(), format!("{folder}/{digest}")] {
                files.insert(path, (kind.clone(), body.clone()));
            }
            (StatusCode::CREATED, [(DIGEST, digest), ("location", path.to_owned())]).into_response()
        }
        _ if path == "/v2/" => StatusCode::OK.into_response(),
        _ => {
            let Some((kind, body)) = files.get(path) else {
                return StatusCode::NOT_FOUND.into_response();
            };
            if method == Method::GET {
                stored.read.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
            }
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(body)));
            let digest = HeaderValue::try_from(digest).expect("hexadecimal");
            let headers = [("content-type", kind.clone()), (DIGEST, digest)];
            (headers, body.clone()).into_response()
        }
    }
}

#[test]
fn a_chart_comes_from_a_registry_that_helm_is_logged_in_to() {
    // Until the last word is said.
    let mut kept = None;
    converse(Setting::default(), async |chat| {
        let registry = kept.insert(Registry::start()?);
        let folder = chat.folder.clone();
        registry.write_access(&folder)?;
        let charts = format!("oci://{}/charts", registry.address);
        let (certificate, login) = (folder.join("registry.crt"), folder.join("registry.json"));
        let access = [("SSL_CERT_FILE", certificate.as_path()), ("HELM_REGISTRY_CONFIG", login.as_path())];
        chat.helm(&["package", &chat.stack.env.preview_chart.to_string_lossy()]).await?;
        chat.helm_with(&access, &["push", "hello-world-app-0.1.0.tgz", &charts]).await?;
        chat.worker.stop().await?;
        chat.worker.set("PREVIEW_ALLOWED_CHARTS", &charts);
        chat.worker.set("SSL_CERT_FILE", &certificate);
        chat.worker.set("HELM_REGISTRY_CONFIG", &login);
        chat.worker.start().await?;
        chat.configure(&format!("chart: {charts}/hello-world-app:0.1.0\n")).await?;
        ensure!(registry.blobs_read() == 0, "nobody has read it yet");

        let preview = chat.pull_request().await?.previewed().await?;

        ensure!(registry.blobs_read() > 0, "it was read from the registry");
        preview.stop().await
    });
}
