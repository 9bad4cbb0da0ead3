//! An App is registered from a manifest, fetched, installed and used.

use std::{collections::HashMap, time::Duration};

use http::header;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{Client, StandIn, User, assert_as_described, client, scene};
use crate::Options;

/// What a browser does at the stand-in, but for the eyes.
struct Browser {
    http: reqwest::Client,
    root: Url,
}

impl Browser {
    fn new(github: &StandIn) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { http, root: github.page_url() }
    }

    async fn post(&self, path: &str, origin: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self
            .http
            .post(self.root.join(path).unwrap())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.header(header::ORIGIN, origin).body(body).send().await.unwrap()
    }

    /// Sends the manifest, reads the page, and sends its form with this name for the App.
    async fn register(&self, account: &str, manifest: &Value, name: &str) -> reqwest::Response {
        let (manifest, elsewhere) = (manifest.to_string(), "http://127.0.0.1:1");
        let path = format!("{account}/settings/apps/new?state=our-state");
        let page = self.post(&path, elsewhere, &[("manifest", &manifest)]).await;
        assert_eq!(page.status(), 200);
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.ends_with("form-action 'self' http://127.0.0.1:4300"), "{policy}");
        let html = page.text().await.unwrap();
        for wanted in ["Create GitHub App for", "value=\"our-state\"", "pull requests: write"] {
            assert!(html.contains(wanted), "no {wanted} in {html}");
        }
        let own = self.root.origin().ascii_serialization();
        let form = [("manifest", manifest.as_str()), ("state", "our-state"), ("name", name)];
        self.post(&format!("{account}/settings/apps"), &own, &form).await
    }
}

fn manifest() -> Value {
    json!({
        "name": "Our previews",
        "url": "https://previews.example",
        "redirect_url": "http://127.0.0.1:4300/created",
        "hook_attributes": { "url": "https://hooks.example/api/github/webhooks" },
        "public": false,
        "default_permissions": { "contents": "read", "issues": "write", "pull_requests": "write" },
        "default_events": ["issue_comment", "pull_request"],
    })
}

/// The code and the state that a browser is sent back with.
fn sent_back(answer: &reqwest::Response) -> HashMap<String, String> {
    assert_eq!(answer.status(), 302);
    let location: Url = answer.headers()[header::LOCATION].to_str().unwrap().parse().unwrap();
    assert_eq!((location.port(), location.path()), (Some(4300), "/created"));
    location.query_pairs().into_owned().collect()
}

async fn convert(github: &StandIn, code: &str) -> super::client::Reply {
    Client::new(github, "")
        .send(http::Method::POST, &format!("/app-manifests/{code}/conversions"), None)
        .await
}

#[tokio::test]
async fn an_app_is_made_of_a_manifest_and_acts_where_it_is_installed() {
    let (github, repository, pull, first) = scene().await;
    let back = sent_back(
        &Browser::new(&github)
            .register("/organizations/octo-org", &manifest(), "Our previews")
            .await,
    );
    assert_eq!(back["state"], "our-state");
    let made = convert(&github, &back["code"]).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["owner"]["login"], "octo-org");
    assert_eq!(made.body["slug"], "our-previews");
    assert_eq!(made.body["events"], json!(["issue_comment", "pull_request"]));
    assert_eq!(made.body["permissions"]["metadata"], "read", "no App without");

    let [app] = &github.registered_apps()[..] else {
        panic!("one App")
    };
    let pem = made.body["pem"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "{pem}");
    assert_eq!(pem, app.private_key.expose_secret());
    assert_ne!(pem, github.private_key_pem());
    assert_eq!(made.body["webhook_secret"], app.webhook_secret.as_ref().unwrap().expose_secret());

    let itself = Client::new(&github, &client::jwt_of(app.id, pem));
    assert_eq!(itself.get("/app").await.body["installations_count"], 0);
    let of_repository = format!("/repos/{}/installation", repository.full_name());
    assert_eq!(itself.get(&of_repository).await.status, 404, "the first App's does not count");
    assert_eq!(github.install_app(app.id, "another-org"), None, "it is private");
    let installation = github.install_app(app.id, "octo-org").unwrap();
    assert_eq!(itself.get(&of_repository).await.body["id"], installation);
    let theirs = github.installation_id("octo-org").unwrap();
    let tokens = |installation| format!("/app/installations/{installation}/access_tokens");
    assert_eq!(itself.post(&tokens(theirs), &json!({})).await.status, 404, "another App's");
    let token = itself.post(&tokens(installation), &json!({})).await;
    assert_eq!(token.status, 201, "{token:?}");

    let client = Client::new(&github, token.body["token"].as_str().unwrap());
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    let written = client.post(&comments, &json!({"body": "hello"})).await;
    assert_eq!(written.status, 201, "{written:?}");
    assert_eq!(written.body["user"]["login"], "our-previews[bot]");
    assert_eq!(written.body["performed_via_github_app"]["slug"], "our-previews");
    let url = written.body["url"].as_str().unwrap();
    assert_eq!(first.patch(url, &json!({"body": "mine"})).await.status, 403, "each App its own comments");
    let deployments = format!("/repos/{}/deployments", repository.full_name());
    assert_eq!(client.get(&deployments).await.status, 403, "not in the manifest");
    assert_eq!(itself.get("/app/hook/deliveries").await.body, json!([]));
    assert_as_described(&github);
}

#[tokio::test]
async fn a_code_is_good_once_and_for_an_hour() {
    let github = StandIn::start(Options::default()).await.unwrap();
    let browser = Browser::new(&github);
    let code = sent_back(&browser.register("", &manifest(), "First").await)
        .remove("code")
        .unwrap();
    assert_eq!(convert(&github, "0123456789abcdef").await.status, 404);
    let made = convert(&github, &code).await;
    assert_eq!((made.status, made.body["owner"]["login"].as_str()), (201, Some("ada")), "a person's own");
    assert_eq!(convert(&github, &code).await.status, 404, "again");
    let code = sent_back(&browser.register("", &manifest(), "Second").await)
        .remove("code")
        .unwrap();
    github.advance(Duration::from_secs(3600));
    assert_eq!(convert(&github, &code).await.status, 404, "too late");
    assert_as_described(&github);
}

#[tokio::test]
async fn what_cannot_be_registered_is_told_on_the_page() {
    let github = StandIn::start(Options::default()).await.unwrap();
    let browser = Browser::new(&github);
    let text = manifest().to_string();
    let nowhere = browser
        .post("/organizations/nobody/settings/apps/new", "", &[("manifest", &text)])
        .await;
    assert_eq!(nowhere.status(), 404);
    let not_one = browser.post("/settings/apps/new", "", &[("manifest", "{}")]).await;
    assert_eq!(not_one.status(), 422);
    assert!(
        not_one
            .text()
            .await
            .unwrap()
            .contains("not appear to be a valid GitHub App manifest")
    );
    for name in ["deploy-previews", "", "a name of more than thirty-four letters"] {
        let taken = browser.register("", &manifest(), name).await;
        assert_eq!(taken.status(), 422, "{name}");
        assert!(taken.text().await.unwrap().contains("Name is "), "{name}");
    }
    let form = [("manifest", text.as_str()), ("state", ""), ("name", "Theirs")];
    let forged = browser.post("/settings/apps", "https://attacker.example", &form).await;
    assert_eq!(forged.status(), 403, "another site's form");
    assert!(github.registered_apps().is_empty());
}

#[tokio::test]
async fn a_person_installs_an_app_on_its_page() {
    let github = StandIn::start(Options::default()).await.unwrap();
    github.repository(User::admin().login(), "hello").await.unwrap();
    let browser = Browser::new(&github);
    browser.register("", &manifest(), "Our previews").await;
    let path = "/apps/our-previews/installations/new";
    let page = browser.http.get(browser.root.join(path).unwrap()).send().await.unwrap();
    let html = page.text().await.unwrap();
    assert!(html.contains("Install on ada") && !html.contains("Install on octo-org"), "{html}");
    let own = browser.root.origin().ascii_serialization();
    let (installations, ada) = ("/apps/our-previews/installations", [("account", "ada")]);
    assert_eq!(browser.post(installations, "https://attacker.example", &ada).await.status(), 403);
    let installed = browser.post(installations, &own, &ada).await;
    assert_eq!(installed.headers()[header::LOCATION], "/apps/our-previews");
    let page = browser
        .http
        .get(browser.root.join("/apps/our-previews").unwrap())
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("<dd id=\"installed-on\">ada</dd>"));
}
