//! Sends one request to GitHub, and reads its answer as a value or as one of our errors.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{InstallationId, Repository};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use octocrab::{
    AuthState, OctoBody, Octocrab, OctocrabBuilder,
    auth::AppAuth,
    service::middleware::{base_uri::BaseUriLayer, extra_headers::ExtraHeadersLayer},
};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use url::{Position, Url, form_urlencoded};

use crate::{
    ConfigError, Error, ErrorKind, Operation,
    observer::{Exchange, Limited, Observer, Quota, call_name},
};

/// Longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time from sending a request to having read its whole answer. GitHub itself gives up after 10 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// GitHub redirects once; a repository that was moved again and again could make it a few.
const REDIRECTS_MAX: usize = 5;
/// The version of GitHub's API that the structures of this crate were written for.
const API_VERSION: &str = "2022-11-28";
/// GitHub wants to know who is calling.
const USER_AGENT: &str = concat!("preview/", env!("CARGO_PKG_VERSION"));

/// One request, before anyone has signed it.
pub(crate) struct Call {
    /// For messages: `reading pull request octo-org/hello-world#12`.
    pub(crate) doing: String,
    /// For counts.
    name: &'static str,
    method: Method,
    /// Path and query, with the path of the API's root.
    target: String,
    body: Option<String>,
}

/// What came back, if it was a success.
pub(crate) struct Answer {
    doing: String,
    headers: HeaderMap,
    body: String,
}

/// Who asks.
pub(crate) enum Credentials<'a> {
    /// Nobody in particular.
    None,
    /// The App itself, with a JSON Web Token signed by its private key.
    App,
    /// One of its installations, with its token.
    Installation(InstallationId, &'a SecretString),
}

/// A connection pool to one GitHub.
pub(crate) struct Transport {
    root: Url,
    base_uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, OctoBody>,
    /// Signs as the App, with its newest key.
    octocrab: RwLock<Octocrab>,
    observer: Option<Arc<dyn Observer>>,
}

impl Transport {
    /// octocrab signs, as `auth` says where it is not an installation that asks, and sends; its default
    /// client is not used, because that repeats failed POSTs and adds a second `User-Agent`.
    pub(crate) fn new(
        root: Url,
        auth: AuthState,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, ConfigError> {
        let base_uri: Uri = root.as_str().parse().map_err(|_| ConfigError::ApiUrl(root.to_string()))?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(ConfigError::Certificates)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).build::<_, OctoBody>(connector);
        let octocrab = RwLock::new(signing(&client, &base_uri, auth));
        Ok(Self { root, base_uri, client, octocrab, observer })
    }

    /// Signs as the App with another key from now on. Connections stay.
    pub(crate) fn sign_as(&self, app: AppAuth) {
        let signing = signing(&self.client, &self.base_uri, AuthState::App(app));
        *self.octocrab.write().unwrap_or_else(PoisonError::into_inner) = signing;
    }

    fn octocrab(&self) -> Octocrab {
        self.octocrab.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request to `/segment/segment/…` below the API's root. Segments are
    /// escaped here, so no caller can leave the path.
    pub(crate) fn call(&self, doing: String, operation: Operation, segments: &[&str]) -> Call {
        self.call_to(call_name(segments), doing, operation, segments)
    }

    fn call_to(&self, name: &'static str, doing: String, operation: Operation, segments: &[&str]) -> Call {
        debug_assert!(Operation::ALL.contains(&operation), "{operation:?} is missing in Operation::ALL");
        let mut url = self.root.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Call {
            doing,
            name,
            method: operation.method(),
            target: url[Position::BeforePath..].to_owned(),
            body: None,
        }
    }

    /// A request to `/repos/OWNER/NAME/segment/…`.
    pub(crate) fn repository_call(
        &self,
        doing: String,
        operation: Operation,
        repository: &Repository,
        segments: &[&str],
    ) -> Call {
        let repository = ["repos", repository.owner(), repository.name()];
        self.call_to(call_name(segments), doing, operation, &[&repository[..], segments].concat())
    }

    /// Sends `call`, and goes where GitHub says that the thing is now: it does so for a
    /// repository that was renamed or transferred.
    pub(crate) async fn send(&self, call: &Call, credentials: &Credentials<'_>) -> Result<Answer, Error> {
        let exchange = self.follow(call, credentials);
        let result = tokio::time::timeout(REQUEST_TIMEOUT, exchange).await.unwrap_or_else(|_| {
            self.tell(call, credentials, None);
            Err(ErrorKind::Unavailable(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs())))
        });
        result.map_err(|kind| {
            tracing::debug!(doing = call.doing, error = %kind, "GitHub call failed");
            Error::new(&call.doing, kind)
        })
    }

    async fn follow(&self, call: &Call, credentials: &Credentials<'_>) -> Result<Answer, ErrorKind> {
        let mut moved: Option<Call> = None;
        for _ in 0..=REDIRECTS_MAX {
            match self.exchange(moved.as_ref().unwrap_or(call), credentials).await? {
                Exchanged::Answered(answer) => return Ok(answer),
                Exchanged::Moved(location) => moved = Some(call.moved_to(&self.root, &location)?),
            }
        }
        Err(ErrorKind::Unexpected(format!("more than {REDIRECTS_MAX} redirects")))
    }

    async fn exchange(&self, call: &Call, credentials: &Credentials<'_>) -> Result<Exchanged, ErrorKind> {
        let (status, headers, body) = self.execute(call, credentials).await.inspect_err(|error| {
            if matches!(error, ErrorKind::Unavailable(_)) {
                self.tell(call, credentials, None);
            }
        })?;
        if status.is_success() {
            self.tell(call, credentials, Some((status, &headers, None)));
            Ok(Exchanged::Answered(Answer { doing: call.doing.clone(), headers, body }))
        } else if let Some(location) = location(status, &headers) {
            self.tell(call, credentials, Some((status, &headers, None)));
            Ok(Exchanged::Moved(location))
        } else {
            let error = ErrorKind::of_response(status, &headers, &body, Timestamp::now());
            self.tell(call, credentials, Some((status, &headers, Some(&error))));
            Err(error)
        }
    }

    async fn execute(
        &self,
        call: &Call,
        credentials: &Credentials<'_>,
    ) -> Result<(StatusCode, HeaderMap, String), ErrorKind> {
        let mut request = Request::builder().method(call.method.clone()).uri(&call.target);
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = call
            .body
            .as_ref()
            .map_or_else(OctoBody::empty, |body| OctoBody::from(body.clone()));
        let request = request.body(body).map_err(|error| ErrorKind::Validation(error.to_string()))?;

        let octocrab = self.octocrab();
        let response = match credentials {
            Credentials::None | Credentials::App => octocrab.execute(request).await,
            Credentials::Installation(_, token) => {
                octocrab
                    .user_access_token((*token).clone())
                    .map_err(|error| unavailable(&error))?
                    .execute(request)
                    .await
            }
        }
        .map_err(|error| unavailable(&error))?;

        let status = response.status();
        let headers = response.headers().clone();
        let body = octocrab.body_to_string(response).await.map_err(|error| unavailable(&error))?;
        Ok((status, headers, body))
    }

    /// Whoever observes us learns how one exchange ended; with nothing, if no answer came.
    fn tell(
        &self,
        call: &Call,
        credentials: &Credentials<'_>,
        answer: Option<(StatusCode, &HeaderMap, Option<&ErrorKind>)>,
    ) {
        let Some(observer) = &self.observer else { return };
        let (status, headers, error) = match answer {
            Some((status, headers, error)) => (Some(status), Some(headers), error),
            None => (None, None, None),
        };
        let quota = headers.and_then(Quota::of);
        let limited = headers
            .filter(|_| matches!(error, Some(ErrorKind::RateLimited { .. })))
            .map(Limited::by);
        observer.exchanged(&Exchange {
            installation: match credentials {
                Credentials::None | Credentials::App => None,
                Credentials::Installation(installation, _) => Some(*installation),
            },
            method: &call.method,
            call: call.name,
            status,
            quota,
            limited,
        });
    }
}

/// octocrab over our own client, with the App's key.
fn signing(
    client: &Client<HttpsConnector<HttpConnector>, OctoBody>,
    base_uri: &Uri,
    auth: AuthState,
) -> Octocrab {
    let octocrab = OctocrabBuilder::new_empty()
        .with_service(client.clone())
        .with_layer(&ExtraHeadersLayer::new(Arc::new(vec![
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
            (header::ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
            (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static(API_VERSION)),
        ])))
        .with_layer(&BaseUriLayer::new(base_uri.clone()))
        .with_auth(auth)
        .build();
    match octocrab {
        Ok(octocrab) => octocrab,
        Err(never) => match never {},
    }
}

/// How one exchange ended that was not refused.
enum Exchanged {
    Answered(Answer),
    /// What we asked for is at this address.
    Moved(String),
}

fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let is_moved = matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = headers.get(header::LOCATION).filter(|_| is_moved)?;
    location.to_str().ok().map(str::to_owned)
}

impl Call {
    /// The same request at another address of the same server: no answer can send our token to another one.
    fn moved_to(&self, root: &Url, location: &str) -> Result<Self, ErrorKind> {
        let address = root
            .join(location)
            .map_err(|_| ErrorKind::Unexpected(format!("a redirect to `{location}`")))?;
        if address.origin() != root.origin() {
            return Err(ErrorKind::Unexpected(format!(
                "a redirect to another server, `{}`",
                address.origin().ascii_serialization()
            )));
        }
        Ok(self.at(&address))
    }

    /// The same request at another address. Only path and query are taken over, so that no
    /// answer can send our token to another host.
    fn at(&self, address: &Url) -> Self {
        Self {
            doing: self.doing.clone(),
            name: self.name,
            method: self.method.clone(),
            target: address[Position::BeforePath..Position::AfterQuery].to_owned(),
            body: self.body.clone(),
        }
    }

    /// With a query. Names and values are escaped here.
    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.target.push('?');
        self.target.push_str(&query);
        self
    }

    /// With a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_string(body).expect("our own structures have text keys only"));
        self
    }

    /// The same request for the next page.
    pub(crate) fn next_page(&self, next: &Url) -> Self {
        self.at(next)
    }
}

impl Answer {
    /// The body, read into one of our structures.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_str(&self.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            Error::new(
                &self.doing,
                ErrorKind::Unexpected(format!("at `{}`: {}", error.path(), error.inner())),
            )
        })
    }

    /// The address of the next page, if there is one.
    pub(crate) fn next(&self) -> Option<Url> {
        self.headers
            .get_all(header::LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            // Each link is `<address>; parameter; parameter`, and only addresses contain `<`.
            .flat_map(|value| value.split('<').skip(1))
            .filter_map(|link| link.split_once('>'))
            .find(|(_, parameters)| {
                parameters
                    .split([';', ','])
                    .any(|parameter| matches!(parameter.trim(), r#"rel="next""# | "rel=next"))
            })
            .and_then(|(address, _)| address.parse().ok())
    }
}

/// octocrab's own display hides the cause, which is what an operator needs:
/// `connection refused`, `invalid peer certificate`.
fn unavailable(error: &octocrab::Error) -> ErrorKind {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    ErrorKind::Unavailable(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(link: &str) -> Option<String> {
        let answer = Answer {
            doing: String::new(),
            headers: [(header::LINK, link.parse::<HeaderValue>().expect("a header value"))]
                .into_iter()
                .collect(),
            body: String::new(),
        };
        answer.next().map(String::from)
    }

    #[test]
    fn the_next_page_is_found_in_the_link_header() {
        for (link, expected) in [
            (
                r#"<https://api.github.com/x?page=1>; rel="prev", <https://api.github.com/x?page=3>; rel="next""#,
                Some("https://api.github.com/x?page=3"),
            ),
            (
                r#"<https://api.github.com/x?a=1,2&page=3>; rel="next", <https://api.github.com/x?page=9>; rel="last""#,
                Some("https://api.github.com/x?a=1,2&page=3"),
            ),
            (r#"<https://api.github.com/x?page=9>; rel="last""#, None),
            (r#"<>; rel="next""#, None),
            ("nonsense", None),
        ] {
            assert_eq!(next(link).as_deref(), expected, "{link}");
        }
    }
}
