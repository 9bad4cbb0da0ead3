//! A GitHub of one pull request, below a path as GitHub Enterprise Server has it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use github::{AppConfig, GitHubApp};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

/// The App's number.
pub(crate) const APP_ID: u64 = 7;
/// The newest commit of the pull request.
pub(crate) const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";
/// Where the API begins.
const ROOT: &str = "/api/v3";
const PAGE_SIZE: usize = 100;

/// Made once: a key costs a good part of a second.
static PRIVATE_KEY: LazyLock<String> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("a fresh key can be encoded");
    let base64 = BASE64_STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n")
});

pub(crate) fn private_key() -> SecretString {
    PRIVATE_KEY.as_str().into()
}

#[derive(Default)]
struct Model {
    minted: u64,
    /// Tokens up to this number are no good.
    revoked_up_to: u64,
    reject_all: bool,
    life: Option<SignedDuration>,
    broken: Option<StatusCode>,
    limited: Option<u64>,
    comments: Vec<Value>,
    /// What `.preview.yaml` holds at the end of the branch `main`.
    file: Option<Vec<u8>>,
    /// What is answered instead of everything below, by path.
    answers: HashMap<String, Value>,
    requests: Vec<(String, HeaderMap, Bytes)>,
}

/// The server and the test's hands in its state.
pub(crate) struct Server {
    model: Arc<Mutex<Model>>,
    address: std::net::SocketAddr,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let model = Arc::new(Mutex::new(Model::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&model));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { model, address }
    }

    pub(crate) fn app(&self) -> GitHubApp {
        GitHubApp::new(&AppConfig {
            api_url: format!("http://{}{ROOT}", self.address)
                .parse()
                .expect("an address"),
            app_id: APP_ID,
            private_key: private_key(),
            deployments: false,
        })
        .expect("a client")
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("no test panics while holding it")
    }

    pub(crate) fn tokens_live(&self, life: SignedDuration) {
        self.model().life = Some(life);
    }

    pub(crate) fn revoke_tokens(&self) {
        let mut model = self.model();
        model.revoked_up_to = model.minted;
    }

    pub(crate) fn reject_all_tokens(&self) {
        self.model().reject_all = true;
    }

    pub(crate) fn break_with(&self, status: StatusCode) {
        self.model().broken = Some(status);
    }

    pub(crate) fn limit_rate(&self, seconds: u64) {
        self.model().limited = Some(seconds);
    }

    /// A comment as GitHub lists it, whatever it looks like.
    pub(crate) fn odd_comment(&self, comment: Value) {
        self.model().comments.push(comment);
    }

    pub(crate) fn comment_by(&self, login: &str, kind: &str, body: &str) {
        self.model().add_comment(login, kind, body);
    }

    pub(crate) fn commit_file(&self, content: &[u8]) {
        self.model().file = Some(content.to_vec());
    }

    /// Whatever is asked for at this path, this is the answer.
    pub(crate) fn answer_with(&self, path: &str, answer: Value) {
        self.model().answers.insert(path.to_owned(), answer);
    }

    pub(crate) fn tokens_minted(&self) -> u64 {
        self.model().minted
    }

    pub(crate) fn requests_to(&self, path: &str) -> usize {
        let model = self.model();
        model.requests.iter().filter(|(to, ..)| to == path).count()
    }

    pub(crate) fn pages_read(&self) -> usize {
        let model = self.model();
        let listings = |to: &str| to.contains("/issues/12/comments?");
        model
            .requests
            .iter()
            .filter(|(to, ..)| listings(to))
            .count()
    }

    pub(crate) fn last_body_of(&self, path: &str) -> Value {
        let model = self.model();
        let (.., body) = model
            .requests
            .iter()
            .rfind(|(to, ..)| to == path)
            .expect("a request");
        serde_json::from_slice(body).expect("a JSON body")
    }

    pub(crate) fn headers_of_all_requests(&self) -> Vec<HeaderMap> {
        self.model()
            .requests
            .iter()
            .map(|(_, headers, _)| headers.clone())
            .collect()
    }
}

impl Model {
    fn add_comment(&mut self, login: &str, kind: &str, body: &str) -> Value {
        let id = self.comments.len() + 1000;
        let comment = json!({
            "id": id, "body": body, "user": { "login": login, "type": kind },
            "html_url": format!("https://github.com/octo-org/hello-world/pull/12#issuecomment-{id}"),
        });
        self.comments.push(comment.clone());
        comment
    }

    fn is_authorised(&self, path: &str, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default();
        if path.starts_with("/app") {
            return bearer.split('.').count() == 3;
        }
        let number = bearer.strip_prefix("token-").and_then(|n| n.parse().ok());
        !self.reject_all && number.is_some_and(|number: u64| number > self.revoked_up_to)
    }
}

async fn answer(State(model): State<Arc<Mutex<Model>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let mut model = model.lock().expect("no test panics while holding it");
    let Some(path) = parts.uri.path().strip_prefix(ROOT) else {
        return refuse(StatusCode::NOT_FOUND, "outside the API");
    };
    let query = parts.uri.query();
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    model
        .requests
        .push((target, parts.headers.clone(), body.clone()));
    if !model.is_authorised(path, &parts.headers) {
        return refuse(StatusCode::UNAUTHORIZED, "Bad credentials");
    }
    if let Some(status) = model.broken {
        return (status, "<html>bad gateway</html>").into_response();
    }
    if let Some(seconds) = model.limited {
        let message = "You have exceeded a secondary rate limit.";
        return (
            [("retry-after", seconds.to_string())],
            refuse(StatusCode::FORBIDDEN, message),
        )
            .into_response();
    }
    if let Some(answer) = model.answers.get(path) {
        return Json(answer.clone()).into_response();
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let text = |field: &str| {
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        json[field].as_str().unwrap_or_default().to_owned()
    };
    match (&parts.method, segments.as_slice()) {
        (&Method::POST, ["app", "installations", "5", "access_tokens"]) => {
            model.minted += 1;
            let life = model.life.unwrap_or(SignedDuration::from_hours(1));
            let token = format!("token-{}", model.minted);
            let expires_at = Timestamp::now() + life;
            let token = json!({ "token": token, "expires_at": expires_at.to_string() });
            (StatusCode::CREATED, Json(token)).into_response()
        }
        (&Method::GET, ["app"]) => {
            Json(json!({ "id": APP_ID, "slug": "previews" })).into_response()
        }
        (&Method::GET, ["repos", "octo-org", "hello-world", "pulls", "12"]) => Json(json!({
            "head": { "sha": HEAD, "repo": { "id": 1 } },
            "base": { "ref": "main", "repo": { "id": 1, "default_branch": "main" } },
            "state": "open", "merged": false, "draft": false, "locked": false,
            "html_url": "https://github.com/octo-org/hello-world/pull/12",
        }))
        .into_response(),
        (
            &Method::GET,
            [
                "repos",
                "octo-org",
                "hello-world",
                "collaborators",
                "mona",
                "permission",
            ],
        ) => Json(json!({ "permission": "write", "role_name": "write" })).into_response(),
        (
            &Method::GET,
            [
                "repos",
                "octo-org",
                "hello-world",
                "collaborators",
                "odd",
                "permission",
            ],
        ) => Json(json!({ "permission": 3 })).into_response(),
        (
            &Method::GET,
            [
                "repos",
                "octo-org",
                "hello-world",
                "contents",
                ".preview.yaml",
            ],
        ) => match &model.file {
            Some(content) if query == Some("ref=refs%2Fheads%2Fmain") => file(content),
            _ => refuse(StatusCode::NOT_FOUND, "Not Found"),
        },
        (
            &Method::GET,
            [
                "repos",
                "octo-org",
                "hello-world",
                "issues",
                "12",
                "comments",
            ],
        ) => list(&model.comments, &parts.headers, query.unwrap_or_default()),
        (
            &Method::POST,
            [
                "repos",
                "octo-org",
                "hello-world",
                "issues",
                "12",
                "comments",
            ],
        ) => {
            let comment = model.add_comment("previews[bot]", "Bot", &text("body"));
            (StatusCode::CREATED, Json(comment)).into_response()
        }
        (&Method::PATCH, ["repos", "octo-org", "hello-world", "issues", "comments", id]) => {
            let id: u64 = id.parse().unwrap_or_default();
            match model
                .comments
                .iter_mut()
                .find(|comment| comment["id"] == id)
            {
                Some(comment) => {
                    comment["body"] = text("body").into();
                    Json(comment.clone()).into_response()
                }
                None => refuse(StatusCode::NOT_FOUND, "Not Found"),
            }
        }
        _ => refuse(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// One page, with the address of the next one as GitHub gives it: absolute.
fn list(comments: &[Value], headers: &HeaderMap, query: &str) -> Response {
    assert!(query.contains("per_page=100"), "{query}");
    let page: usize = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("page="))
        .map_or(1, |page| page.parse().expect("a page number"));
    let start = (page - 1) * PAGE_SIZE;
    let end = (start + PAGE_SIZE).min(comments.len());
    let body = Json(comments[start..end].to_vec());
    if end == comments.len() {
        return body.into_response();
    }
    let host = headers[header::HOST].to_str().expect("a host");
    let next = format!(
        r#"<http://{host}{ROOT}/repos/octo-org/hello-world/issues/12/comments?per_page=100&page={}>; rel="next""#,
        page + 1
    );
    ([(header::LINK, next)], body).into_response()
}

/// A file as GitHub gives it: with its content broken into lines of 60 characters.
fn file(content: &[u8]) -> Response {
    let text = BASE64_STANDARD.encode(content);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(60)
        .map(String::from_utf8_lossy)
        .collect();
    Json(json!({
        "type": "file", "size": content.len(), "name": ".preview.yaml", "path": ".preview.yaml",
        "encoding": "base64", "content": lines.join("\n") + "\n",
    }))
    .into_response()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
