//! Rate limits, as a client meets them.

use std::time::Duration;

use serde_json::json;

use super::{Client, assert_as_described, scene};

#[tokio::test]
async fn the_eighty_first_comment_in_a_minute_is_refused() {
    let (github, repository, pull, client) = scene().await;
    let comments = format!(
        "/repos/{}/issues/{}/comments",
        repository.full_name(),
        pull.number()
    );
    for number in 0..80 {
        assert_eq!(
            client
                .post(&comments, &json!({"body": number.to_string()}))
                .await
                .status,
            201
        );
    }
    let refused = client
        .post(&comments, &json!({"body": "one too many"}))
        .await;
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .message()
            .starts_with("You have exceeded a secondary rate limit"),
        "{refused:?}"
    );
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    assert_eq!(client.get(&comments).await.status, 200, "reading goes on");
    github.advance(Duration::from_secs(retry_after));
    assert_eq!(
        client
            .post(&comments, &json!({"body": "later"}))
            .await
            .status,
        201
    );
    assert_eq!(github.traffic().content_writes, 81);
    assert_eq!(
        (
            github.traffic().rate_limited,
            github.traffic().client_errors()
        ),
        (1, 1)
    );
    assert_as_described(&github);
}

#[tokio::test]
async fn a_test_can_let_github_fail() {
    let (github, repository, pull, client) = scene().await;
    let path = format!("/repos/{}/pulls/{}", repository.full_name(), pull.number());
    github.fail_next("pulls/get", 502, 2);
    for status in [502, 502, 200] {
        assert_eq!(client.get(&path).await.status, status);
    }
    assert_as_described(&github);
}

#[tokio::test]
async fn every_answer_says_how_much_is_left() {
    let (github, repository, _, client) = scene().await;
    let path = format!("/repos/{}", repository.full_name());
    assert_eq!(
        client.get(&path).await.header("x-ratelimit-remaining"),
        "4999"
    );
    let second = client.get(&path).await;
    assert_eq!(
        (
            second.header("x-ratelimit-limit"),
            second.header("x-ratelimit-used")
        ),
        ("5000", "2")
    );
    assert!(!second.header("x-github-request-id").is_empty());
    let fresh = Client::with_token(&github).await;
    assert_eq!(
        fresh.get(&path).await.header("x-ratelimit-remaining"),
        "4997",
        "counted by installation, not by token"
    );
    assert_as_described(&github);
}
