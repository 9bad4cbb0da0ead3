//! Rate limits, as a client meets them.

use std::time::Duration;

use serde_json::json;

use super::{Client, User, assert_as_described, scene};
use crate::shared::{Payer, lock};

#[tokio::test]
async fn the_eighty_first_comment_in_a_minute_is_refused() {
    let (github, repository, pull, client) = scene().await;
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    for number in 0..80 {
        assert_eq!(client.post(&comments, &json!({"body": number.to_string()})).await.status, 201);
    }
    let refused = client.post(&comments, &json!({"body": "one too many"})).await;
    assert_eq!(refused.status, 403);
    assert!(refused.message().starts_with("You have exceeded a secondary rate limit"), "{refused:?}");
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    assert_eq!(client.get(&comments).await.status, 200, "reading goes on");
    github.advance(Duration::from_secs(retry_after));
    assert_eq!(client.post(&comments, &json!({"body": "later"})).await.status, 201);
    let installation = github.installation_id("octo-org").unwrap();
    assert_eq!(github.traffic().content_writes, [(installation, 81)].into());
    assert_eq!((github.traffic().rate_limited, github.traffic().client_errors()), (1, 1));
    assert_as_described(&github);
}

#[tokio::test]
async fn the_hundred_and_eighty_first_write_in_a_minute_is_refused_whatever_it_writes() {
    let (github, repository, pull, client) = scene().await;
    let comment = pull.comment(&User::writer(), "A remark.").unwrap();
    let path = format!("/repos/{}/issues/comments/{}", repository.full_name(), comment.id);
    let mut answers = Vec::new();
    for _ in 0..181 {
        // Nobody but its author may delete it with an App's token; trying costs as much.
        answers.push(client.delete(&path).await);
    }
    let refused = answers.pop().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer.message() == "Resource not accessible by integration"),
        "{answers:?}"
    );
    assert!(refused.status == 403 && refused.message().contains("wait a few minutes"), "{refused:?}");
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    github.advance(Duration::from_secs(60));
    assert_eq!(client.get(&path).await.status, 200);
    assert_as_described(&github);
}

#[tokio::test]
async fn a_request_beyond_the_hundred_that_are_under_way_is_refused() {
    let (github, repository, _, client) = scene().await;
    let path = format!("/repos/{}", repository.full_name());
    assert_eq!(client.get(&path).await.status, 200);
    let payer = Payer::Installation(github.installation_id("octo-org").unwrap());
    let under_way: Vec<_> = std::iter::from_fn(|| lock(&github.shared.meters)[&payer].begin()).collect();
    assert_eq!(under_way.len(), 100);
    let refused = client.get(&path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (403, ""));
    drop(under_way);
    assert_eq!(client.get(&path).await.status, 200);
    assert_as_described(&github);
}

#[tokio::test]
async fn every_answer_says_how_much_is_left() {
    let (github, repository, _, client) = scene().await;
    let path = format!("/repos/{}", repository.full_name());
    assert_eq!(client.get(&path).await.header("x-ratelimit-remaining"), "4999");
    let second = client.get(&path).await;
    assert_eq!((second.header("x-ratelimit-limit"), second.header("x-ratelimit-used")), ("5000", "2"));
    assert!(!second.header("x-github-request-id").is_empty());
    let fresh = Client::with_token(&github).await;
    assert_eq!(
        fresh.get(&path).await.header("x-ratelimit-remaining"),
        "4997",
        "counted by installation, not by token"
    );
    assert_as_described(&github);
}
