//! Comments over REST, and what people may do with them.

use serde_json::{Value, json};

use super::{DEADLINE, User, assert_as_described, scene};
use crate::Refused;

#[tokio::test]
async fn the_app_writes_edits_reacts_and_deletes() {
    let (github, repository, pull, client) = scene().await;
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    let written = client.post(&comments, &json!({"body": "one"})).await;
    assert_eq!(written.status, 201);
    assert_eq!(
        (written.body["user"]["type"].as_str(), written.body["user"]["login"].as_str()),
        (Some("Bot"), Some("deploy-previews[bot]"))
    );
    assert_eq!(written.body["performed_via_github_app"]["slug"], "deploy-previews");
    assert!(written.body["id"].as_u64().unwrap() > u64::from(u32::MAX) / 2);
    let one = format!("/repos/{}/issues/comments/{}", repository.full_name(), written.body["id"]);
    assert_eq!(client.patch(&one, &json!({"body": "two"})).await.body["body"], "two");
    assert_eq!(client.get(&one).await.body["body"], "two");
    assert_eq!(
        client
            .post(&format!("{one}/reactions"), &json!({"content": "eyes"}))
            .await
            .status,
        201
    );
    assert_eq!(
        client
            .post(&format!("{one}/reactions"), &json!({"content": "eyes"}))
            .await
            .status,
        200,
        "the same once more"
    );
    let seen = pull.wait_for_comment(|comment| comment.body == "two", DEADLINE).await.unwrap();
    assert_eq!(seen.reactions, ["eyes"]);
    assert_eq!(client.delete(&one).await.status, 204);
    assert_eq!(client.get(&one).await.status, 404);
    assert!(pull.comments().is_empty());
    let history: Vec<String> = seen.history().into_iter().map(|version| version.body).collect();
    assert_eq!(history, ["one", "two"]);
    assert_eq!(github.traffic().content_writes.into_values().sum::<u64>(), 4);
    assert_eq!(github.traffic().of("issues/create-comment"), 1);
    assert_as_described(&github);
}

#[tokio::test]
async fn comments_come_in_pages() {
    let (github, repository, pull, client) = scene().await;
    for number in 0..45 {
        pull.comment(&User::reader(), &format!("comment {number}")).unwrap();
    }
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    let first = client.get(&comments).await;
    assert_eq!(first.body.as_array().unwrap().len(), 30);
    let api = github.api_url();
    assert_eq!(
        first.header("link"),
        format!("<{api}{comments}?page=2>; rel=\"next\", <{api}{comments}?page=2>; rel=\"last\"")
    );
    let next = first.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let second = client.get(&next).await;
    assert_eq!(second.body.as_array().unwrap().len(), 15);
    assert!(
        second.header("link").contains("rel=\"prev\"") && !second.header("link").contains("rel=\"next\"")
    );
    let all = client.get(&format!("{comments}?per_page=100")).await;
    let bodies: Vec<&Value> = all.body.as_array().unwrap().iter().map(|comment| &comment["body"]).collect();
    assert_eq!(
        (bodies[0].as_str(), bodies[44].as_str(), all.header("link")),
        (Some("comment 0"), Some("comment 44"), "")
    );
    github.advance(std::time::Duration::from_secs(100));
    pull.comment(&User::reader(), "late").unwrap();
    let since = all.body[44]["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
        + jiff::SignedDuration::from_secs(50);
    let late = client.get(&format!("{comments}?since={since}")).await;
    assert_eq!(late.body.as_array().unwrap().len(), 1);
    assert_as_described(&github);
}

#[tokio::test]
async fn bodies_have_limits() {
    let (github, repository, pull, client) = scene().await;
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    assert_eq!(
        client.post(&comments, &json!({"body": "😀".repeat(65_536)})).await.status,
        201,
        "characters, not bytes"
    );
    let refused = client.post(&comments, &json!({"body": "x".repeat(65_537)})).await;
    assert_eq!((refused.status, refused.message()), (422, "Validation Failed"));
    assert_eq!(refused.body["errors"][0]["message"], "Body is too long (maximum is 65536 characters)");
    assert_eq!(client.post(&comments, &json!({"body": " "})).await.status, 422);
    assert_as_described(&github);
}

#[tokio::test]
async fn requests_that_the_description_forbids_are_refused_and_recorded() {
    let (github, repository, pull, client) = scene().await;
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    assert_eq!(client.post(&comments, &json!({"text": "hello"})).await.status, 422);
    assert_eq!(client.send(http::Method::POST, &comments, Some(b"{".to_vec())).await.status, 400);
    assert_eq!(client.get(&format!("{comments}?per_page=many")).await.status, 422);
    assert_eq!(client.get(&format!("{comments}?sort=up")).await.status, 422);
    assert_eq!(client.get("/user").await.status, 404);
    let found: Vec<String> = github.violations().iter().map(ToString::to_string).collect();
    insta::assert_debug_snapshot!(found, @r#"
    [
        "issues/create-comment: request body at \"\": \"body\" is a required property",
        "issues/create-comment: request body at \"\": is not JSON",
        "issues/list-comments: query parameter per_page at \"\": \"many\" is not of type \"integer\"",
        "issues/list-comments: query parameter sort at \"\": is not in the description",
        "GET /user: request at \"\": no such call in the description",
    ]
    "#);
}

#[tokio::test]
async fn people_may_do_what_their_role_allows() {
    let (github, repository, pull, client) = scene().await;
    let by_reader = pull.comment(&User::reader(), "mine").unwrap();
    assert!(matches!(by_reader.edit(&User::outsider(), "not mine"), Err(Refused::Forbidden(_))));
    by_reader.edit(&User::writer(), "a writer may").unwrap();
    pull.comment(&User::outsider(), "the repository is public").unwrap();
    let private = github.repository_named("octo-org", "private", true).await.unwrap();
    let hidden = private
        .open_pull_request(&User::writer(), "Hidden", [("a", "b")])
        .await
        .unwrap();
    assert!(matches!(hidden.comment(&User::outsider(), "hello?"), Err(Refused::NotFound)));
    assert!(matches!(
        repository.open_pull_request(&User::reader(), "No", [("a", "b")]).await,
        Err(Refused::Forbidden(_))
    ));

    pull.lock().unwrap();
    assert!(matches!(pull.comment(&User::reader(), "hello?"), Err(Refused::Locked)));
    pull.comment(&User::writer(), "writers still may").unwrap();
    let comments = format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number());
    let refused = client.post(&comments, &json!({"body": "hello?"})).await;
    assert_eq!(
        (refused.status, refused.message()),
        (403, "Unable to create comment because issue is locked.")
    );
    let someone_elses = format!("/repos/{}/issues/comments/{}", repository.full_name(), by_reader.id);
    assert_eq!(client.patch(&someone_elses, &json!({"body": "mine now"})).await.status, 403);
    assert_as_described(&github);
}
