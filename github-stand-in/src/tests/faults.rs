//! What a test lets happen, and what it sees of what came in.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Client, User, assert_as_described, scene};
use crate::CannedAnswer;

#[tokio::test]
async fn a_test_can_let_github_fail() {
    let (github, repository, pull, client) = scene().await;
    let path = format!("/repos/{}/pulls/{}", repository.full_name(), pull.number());
    github.fail_next("pulls/get", 502, 2);
    for status in [502, 502, 200] {
        assert_eq!(client.get(&path).await.status, status);
    }
    github.throttle_next("pulls/get", 7, 1);
    let refused = client.get(&path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "7"));
    assert_eq!(client.get(&path).await.status, 200);
    assert_as_described(&github);
}

#[tokio::test]
async fn a_test_can_choose_any_answer() {
    let (github, repository, pull, client) = scene().await;
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    let odd = CannedAnswer::json(200, &json!([{"id": null}])).with_header("x-odd", "yes");
    github.answer_next("issues/list-comments", odd, 1);
    let answer = client.get(&comments).await;
    assert_eq!(
        (answer.status, answer.header("x-odd"), &answer.body),
        (200, "yes", &json!([{"id": null}]))
    );
    let page = CannedAnswer::new(502, "text/html", "<html>bad gateway</html>");
    github.answer_next("issues/create-comment", page, 1);
    let answer = client.post(&comments, &json!({"body": "lost"})).await;
    assert_eq!((answer.status, answer.body), (502, Value::Null));
    assert_eq!(client.get(&comments).await.body, json!([]), "nothing was done");
    assert_eq!(github.traffic().answers[&502], 1);
    assert_as_described(&github);
}

#[tokio::test]
async fn a_test_sees_what_came_in() {
    let (github, repository, pull, client) = scene().await;
    let comment = pull.comment(&User::writer(), "A remark.").unwrap();
    let path = format!("/repos/{}/issues/comments/{}/reactions", repository.full_name(), comment.id);
    client.post(&path, &json!({"content": "eyes"})).await;
    let requests = github.requests();
    let last = requests.last().unwrap();
    assert_eq!(last.operation, "reactions/create-for-issue-comment");
    assert_eq!(last.headers["user-agent"], "test");
    let body: Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(body, json!({"content": "eyes"}));

    let path = format!("/repos/{}", repository.full_name());
    for _ in 0..200 {
        client.get(&path).await;
    }
    let requests = github.requests();
    assert_eq!(requests.len(), 100, "only the newest are kept");
    assert!(requests.iter().all(|one| one.operation == "repos/get"));
    assert_as_described(&github);
}

#[tokio::test]
async fn a_test_says_how_long_tokens_are_good_for() {
    let (github, ..) = scene().await;
    github.set_token_life(SignedDuration::from_mins(2));
    let id = github.installation_id("octo-org").unwrap();
    let path = format!("/app/installations/{id}/access_tokens");
    let minted = Client::as_app(&github).post(&path, &json!({})).await;
    let expires: Timestamp = minted.body["expires_at"].as_str().unwrap().parse().unwrap();
    let life = Timestamp::now().duration_until(expires);
    assert!(life > SignedDuration::ZERO && life <= SignedDuration::from_mins(2), "{life}");
    assert_as_described(&github);
}
