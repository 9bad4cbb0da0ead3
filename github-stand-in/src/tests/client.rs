//! A client of the REST API that knows nothing but HTTP.

use http::{HeaderMap, Method};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::StandIn;

/// What was answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends requests with one credential.
pub(super) struct Client {
    http: reqwest::Client,
    api: String,
    credential: String,
}

/// A JSON web token of the first App.
pub(super) fn jwt(github: &StandIn) -> String {
    jwt_of(github.app_id(), github.private_key_pem())
}

/// A JSON web token of an App.
pub(super) fn jwt_of(app_id: u64, private_key: &str) -> String {
    let now = Timestamp::now().as_second();
    let claims = json!({"iat": now - 60, "exp": now + 540, "iss": app_id.to_string()});
    let key = EncodingKey::from_rsa_pem(private_key.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap()
}

impl Client {
    pub(super) fn new(github: &StandIn, credential: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
        Self {
            http,
            api: github.api_url().as_str().trim_end_matches('/').to_owned(),
            credential: credential.to_owned(),
        }
    }

    pub(super) fn as_app(github: &StandIn) -> Self {
        Self::new(github, &jwt(github))
    }

    /// With a token for everything on octo-org.
    pub(super) async fn with_token(github: &StandIn) -> Self {
        Self::with_token_for(github, &json!({})).await
    }

    pub(super) async fn with_token_for(github: &StandIn, asked: &Value) -> Self {
        let id = github.installation_id("octo-org").unwrap();
        let minted = Self::as_app(github)
            .post(&format!("/app/installations/{id}/access_tokens"), asked)
            .await;
        assert_eq!(minted.status, 201, "{minted:?}");
        Self::new(github, minted.body["token"].as_str().unwrap())
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Reply {
        let mut request = self.request(method, path, "application/vnd.github+json");
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        Reply {
            status,
            headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    fn request(&self, method: Method, path: &str, accept: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.api)
        };
        let request = self.http.request(method, url).header("accept", accept);
        if self.credential.is_empty() {
            request
        } else {
            request.bearer_auth(&self.credential)
        }
    }

    /// The bytes of a file, as the raw media type has them.
    pub(super) async fn get_raw(&self, path: &str) -> Vec<u8> {
        let request = self.request(Method::GET, path, "application/vnd.github.raw+json");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap().into()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body.to_string().into_bytes())).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(body.to_string().into_bytes())).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }
}
