//! A front before the stack's Temporal that answers as Temporal Cloud does, and counts what it would bill.

use std::{
    convert::Infallible,
    fs,
    io::Read,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use prost::Message;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use temporalio_client::tonic::Code;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeTaskQueueResponse, PollActivityTaskQueueRequest, UpdateTaskQueueConfigResponse,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use super::actions::Actions;

type Body = BoxBody<Bytes, Infallible>;

/// What the front does with the limit of a task queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// It takes them, and does not have them.
    TakesAndForgets,
    /// It refuses them.
    Refuses,
}

/// What a front knows and has seen.
struct State {
    temporal: SocketAddr,
    limits: Limits,
    api_keys: Mutex<Vec<String>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    actions: Actions,
    refused: Vec<String>,
    polled_limit: Option<f64>,
}

/// It ends when it is dropped.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Front {
    /// Serves with the certificate `server.crt` of that folder.
    pub(crate) async fn start(temporal: &str, folder: &Path, api_key: &str, limits: Limits) -> Result<Self> {
        let certificate = CertificateDer::from_pem_slice(&fs::read(folder.join("server.crt"))?)?;
        let key = PrivateKeyDer::from_pem_slice(&fs::read(folder.join("server.key"))?)?;
        let mut tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            temporal: temporal.parse().with_context(|| format!("{temporal} is no address"))?,
            limits,
            api_keys: Mutex::new(vec![api_key.to_owned()]),
            seen: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, acceptor, Arc::clone(&state)));
        Ok(Self { address, state, serving })
    }

    /// Takes these keys from now on, and no others.
    pub(crate) fn take_api_keys(&self, keys: &[&str]) {
        *lock(&self.state.api_keys) = keys.iter().map(ToString::to_string).collect();
    }

    /// What would have been billed so far.
    pub(crate) fn actions(&self) -> Actions {
        lock(&self.state.seen).actions.clone()
    }

    /// The calls that were not let through, with the reason.
    pub(crate) fn refused(&self) -> Vec<String> {
        lock(&self.state.seen).refused.clone()
    }

    /// How many writes a second the worker asks for when it polls.
    pub(crate) fn polled_limit(&self) -> Option<f64> {
        lock(&self.state.seen).polled_limit
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    let upstream: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    // Ends with this task, and all of its connections with it.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, state, upstream) = (acceptor.clone(), Arc::clone(&state), upstream.clone());
        connections.spawn(async move {
            let Ok(secured) = acceptor.accept(connection).await else {
                return;
            };
            let service = service_fn(|request| {
                let (state, upstream) = (Arc::clone(&state), upstream.clone());
                async move { Ok::<_, Infallible>(state.answer(request, &upstream).await) }
            });
            // It ends when the program closes it, or is killed.
            let _ = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(secured), service)
                .await;
        });
    }
}

impl State {
    async fn answer(
        &self,
        request: Request<Incoming>,
        upstream: &Client<HttpConnector, Full<Bytes>>,
    ) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let (service, method) = path.trim_start_matches('/').rsplit_once('/').unwrap_or(("", &path));
        if let Err(why) = self.may(service, method, request.headers()) {
            lock(&self.seen).refused.push(format!("{method}: {why}"));
            return refusal(Code::PermissionDenied, why);
        }
        match self.pass_on(request, method, upstream).await {
            Ok(response) => response,
            Err(error) => refusal(Code::Unavailable, &format!("{error:#}")),
        }
    }

    fn may(&self, service: &str, method: &str, headers: &HeaderMap) -> Result<(), &'static str> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !lock(&self.api_keys).iter().any(|known| known == key) {
            return Err("Request unauthorized.");
        }
        let is_closed = service.ends_with("OperatorService") || method == "GetSearchAttributes";
        let is_limit = method == "UpdateTaskQueueConfig" && self.limits == Limits::Refuses;
        if is_closed || is_limit {
            return Err("Operation is not allowed.");
        }
        Ok(())
    }

    async fn pass_on(
        &self,
        request: Request<Incoming>,
        method: &str,
        upstream: &Client<HttpConnector, Full<Bytes>>,
    ) -> Result<Response<Body>> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let asked = message(&body)?;
        if method == "UpdateTaskQueueConfig" {
            return Ok(grpc(&UpdateTaskQueueConfigResponse::default()));
        }
        if method == "PollActivityTaskQueue" {
            let poll = PollActivityTaskQueueRequest::decode(&*asked)?;
            let limit = poll.task_queue_metadata.and_then(|queue| queue.max_tasks_per_second);
            if let Some(limit) = limit {
                lock(&self.seen).polled_limit = Some(limit);
            }
        }
        head.uri = format!("http://{}{}", self.temporal, head.uri.path()).parse()?;
        head.headers.remove(header::HOST);
        // What comes back is to be read here.
        head.headers.remove("grpc-accept-encoding");
        let response = upstream.request(Request::from_parts(head, Full::new(body))).await?;
        let (head, body) = response.into_parts();
        let collected = body.collect().await?;
        let trailers = collected.trailers().cloned();
        let body = collected.to_bytes();
        let status = trailers.as_ref().unwrap_or(&head.headers).get("grpc-status");
        if status.is_some_and(|status| status == "0") {
            let told = message(&body)?;
            let actions = Actions::of_call(method, &asked, &told)?;
            lock(&self.seen).actions.add_all(actions);
            if method == "DescribeTaskQueue" {
                let described = DescribeTaskQueueResponse::decode(&*told)?;
                return Ok(grpc(&DescribeTaskQueueResponse { config: None, ..described }));
            }
        }
        let body = Full::new(body).with_trailers(async { trailers.map(Ok) });
        Ok(Response::from_parts(head, body.boxed()))
    }
}

/// The one message of a call or of its answer.
fn message(body: &[u8]) -> Result<Vec<u8>> {
    let Some((frame, rest)) = body.split_at_checked(5) else {
        return Ok(Vec::new());
    };
    if frame[0] == 0 {
        return Ok(rest.to_vec());
    }
    let mut message = Vec::new();
    GzDecoder::new(rest).read_to_end(&mut message)?;
    Ok(message)
}

fn grpc(message: &impl Message) -> Response<Body> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or_default();
    let body: Vec<u8> = [0].into_iter().chain(length.to_be_bytes()).chain(message).collect();
    let trailers = HeaderMap::from_iter([(
        header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let body = Full::new(Bytes::from(body)).with_trailers(async { Some(Ok(trailers)) });
    of_grpc(Response::new(body.boxed()))
}

fn refusal(code: Code, why: &str) -> Response<Body> {
    let mut response = of_grpc(Response::new(Full::new(Bytes::new()).boxed()));
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(code as i32));
    // Letters and spaces only, so nothing has to be escaped.
    let words: String = why
        .chars()
        .map(|c| if c.is_ascii_graphic() && c != '%' { c } else { ' ' })
        .collect();
    if let Ok(words) = HeaderValue::from_str(&words) {
        headers.insert("grpc-message", words);
    }
    response
}

fn of_grpc(mut response: Response<Body>) -> Response<Body> {
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
