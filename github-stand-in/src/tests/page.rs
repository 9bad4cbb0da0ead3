//! The page, as a browser asks for it. That its script works is for a browser test to say.

use serde_json::{Value, json};

use super::{DEADLINE, User, assert_as_described, scene};

struct Browser {
    http: reqwest::Client,
    root: url::Url,
}

impl Browser {
    fn new(github: &super::StandIn) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            root: github.page_url(),
        }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(self.root.join(path).unwrap()).send().await.unwrap();
        assert!(
            answer.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .starts_with("default-src 'self'")
        );
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        let request = self
            .http
            .post(self.root.join(path).unwrap())
            .header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_conversation_can_be_read_and_joined() {
    let (github, repository, pull, client) = scene().await;
    let browser = Browser::new(&github);
    let path = format!("/{}/pull/{}", repository.full_name(), pull.number());
    assert_eq!(pull.url().path(), path);
    pull.comment(&User::reader(), "**bold**\n\n<script>alert(1)</script>").unwrap();
    client
        .post(
            &format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number()),
            &json!({"body": "<!-- marker --> ready"}),
        )
        .await;
    let (status, html) = browser.get(&path).await;
    assert_eq!(status, 200);
    for wanted in [
        "id=\"comment-body\"",
        "id=\"comment-as\"",
        "id=\"comment-submit\"",
        &format!("id=\"head-sha\" data-sha=\"{}\"", pull.head_sha()),
        "<strong>bold</strong>",
        "<article class=\"comment\" id=\"issuecomment-",
        "data-author=\"deploy-previews[bot]\"",
        "<span class=\"label bot\">bot</span>",
    ] {
        assert!(html.contains(wanted), "no {wanted} in {html}");
    }
    assert!(!html.contains("alert(1)") && !html.contains("marker"), "{html}");

    assert_eq!(
        browser
            .post(&format!("{path}/comment"), &json!({"as": "mona", "body": "/preview"}))
            .await
            .0,
        204
    );
    assert_eq!(pull.comments().last().unwrap().body, "/preview");
    let before = pull.head_sha();
    assert_eq!(
        browser
            .post(
                &format!("{path}/push"),
                &json!({"as": "mona", "greeting": "Bonjour", "colour": "#112233"})
            )
            .await
            .0,
        204
    );
    assert_ne!(pull.head_sha(), before);
    let (status, reason) = browser
        .post(&format!("{path}/push"), &json!({"as": "rita", "greeting": "No", "colour": "#112233"}))
        .await;
    assert_eq!((status, reason.contains("may not push")), (403, true));
    let main = format!("/{}/file", repository.full_name());
    let file = json!({"as": "mona", "branch": "main", "path": ".preview.yaml", "content": "ttl: 1h\n"});
    assert_eq!(browser.post(&main, &file).await.0, 204);
    for state in ["draft", "ready"] {
        assert_eq!(
            browser
                .post(&format!("{path}/state"), &json!({"as": "mona", "state": state}))
                .await
                .0,
            204
        );
    }
    let comment = pull.comments().last().unwrap().id;
    let delete = format!("/{}/comment/{comment}/delete", repository.full_name());
    assert_eq!(browser.post(&delete, &json!({"as": "rita"})).await.0, 403, "not hers");
    assert_eq!(browser.post(&delete, &json!({"as": "mona"})).await.0, 204);
    assert!(pull.comments().iter().all(|one| one.id != comment));
    assert_eq!(
        browser
            .post(&format!("{path}/state"), &json!({"as": "mona", "state": "closed"}))
            .await
            .0,
        204
    );
    let (_, html) = browser.get(&path).await;
    assert!(
        html.contains("data-state=\"closed\"")
            && html.contains("id=\"reopen\"")
            && !html.contains("id=\"close\""),
        "{html}"
    );
    assert_as_described(&github);
}

#[tokio::test]
async fn another_site_cannot_comment() {
    let (github, repository, pull, _) = scene().await;
    let url = github
        .page_url()
        .join(&format!("/{}/pull/{}/comment", repository.full_name(), pull.number()))
        .unwrap();
    // What a form on another site can send without the browser asking first.
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(url)
        .header("content-type", "text/plain")
        .body("{\"as\":\"mona\",\"body\":\"/preview\"}");
    assert_eq!(answer.send().await.unwrap().status().as_u16(), 415);
    assert!(pull.comments().is_empty());
}

#[tokio::test]
async fn lists_deliveries_and_what_is_not_there() {
    let (github, repository, _, _) = scene().await;
    let browser = Browser::new(&github);
    let (_, html) = browser.get("/").await;
    assert!(html.contains(&repository.full_name()) && html.contains("Greet in Spanish"), "{html}");
    assert_eq!(browser.get(&format!("/{}/pulls", repository.full_name())).await.0, 200);
    assert_eq!(browser.get(&format!("/{}/pull/99", repository.full_name())).await.0, 404);
    assert_eq!(browser.get("/nobody/nothing").await.0, 404);
    assert_eq!(browser.get("/assets/page.js").await.0, 200);
    let (_, html) = browser.get("/deliveries").await;
    assert!(html.contains("No webhook is set"), "{html}");
}

#[tokio::test]
async fn an_open_page_hears_of_changes() {
    let (github, _, pull, _) = scene().await;
    let url = github.page_url().join("/events").unwrap();
    let mut events = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url)
        .send()
        .await
        .unwrap();
    pull.comment(&User::writer(), "hello").unwrap();
    let heard = tokio::time::timeout(DEADLINE, events.chunk()).await.unwrap().unwrap().unwrap();
    assert!(heard.starts_with(b"data: "), "{heard:?}");
    tokio::time::timeout(DEADLINE, github.stop())
        .await
        .expect("an open page does not keep the stand-in from stopping");
}
