//! Webhook deliveries, as their receiver meets them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::Notify;

use super::{Client, DEADLINE, Options, Receiver, StandIn, User, assert_as_described};
use crate::{Delivery, PullRequest, Repository, sign, wire::Event};

async fn told(receiver: &Receiver) -> (StandIn, Repository, PullRequest) {
    let github = StandIn::start(Options {
        webhook_url: Some(receiver.url.clone()),
        ..Options::default()
    })
    .await
    .unwrap();
    let repository = github.repository("octo-org", "hello").await.unwrap();
    let pull = repository
        .open_pull_request(&User::writer(), "Greet in Spanish", [("content.json", "{}")])
        .await
        .unwrap();
    (github, repository, pull)
}

async fn outcome(github: &StandIn, guid: Option<String>) -> Delivery {
    github
        .wait_for_delivery(&guid.expect("an event was told"), DEADLINE)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_comment_is_told_signed_and_as_described() {
    let receiver = Receiver::answering(202).await;
    let (github, repository, pull) = told(&receiver).await;
    let comment = pull.comment(&User::writer(), "/preview").unwrap();
    let delivery = outcome(&github, comment.delivery.clone()).await;
    let result = delivery.outcome.unwrap();
    assert_eq!((result.status_code, result.status.as_str(), result.body.as_str()), (202, "OK", "noted"));

    let received = receiver
        .received()
        .into_iter()
        .find(|request| request.header("x-github-event") == "issue_comment")
        .unwrap();
    assert_eq!(received.header("x-github-delivery"), delivery.guid);
    assert_eq!(
        received.header("x-hub-signature-256"),
        sign(github.webhook_secret().expose_secret(), &received.body)
    );
    assert_eq!(received.header("content-type"), "application/json");
    assert!(received.header("user-agent").starts_with("GitHub-Hookshot/"));
    assert_eq!(received.header("x-github-hook-installation-target-type"), "integration");
    assert_eq!(received.header("x-github-hook-installation-target-id"), github.app_id().to_string());
    let payload = received.json();
    assert_eq!(
        (payload["action"].as_str(), payload["comment"]["body"].as_str()),
        (Some("created"), Some("/preview"))
    );
    assert_eq!(payload["installation"]["id"].as_u64(), github.installation_id("octo-org"));
    assert!(payload["issue"]["pull_request"]["url"].is_string());
    assert_eq!(payload["repository"]["full_name"], repository.full_name());
    assert_eq!(payload["sender"]["login"], "mona");
    assert_as_described(&github);
}

#[tokio::test]
async fn every_event_is_as_described() {
    let receiver = Receiver::answering(204).await;
    let (github, repository, pull) = told(&receiver).await;
    let comment = pull.comment(&User::reader(), "one").unwrap();
    comment.edit(&User::reader(), "two").unwrap();
    comment.delete(&User::reader()).unwrap();
    pull.push([("a.txt", "a")]).await.unwrap();
    pull.close().unwrap();
    pull.reopen().unwrap();
    pull.convert_to_draft().unwrap();
    pull.mark_ready_for_review().unwrap();
    pull.merge().await.unwrap();
    repository
        .open_from_fork(&User::outsider(), "From outside", [("b.txt", "b")])
        .await
        .unwrap();
    repository
        .open_issue(&User::reader(), "An issue")
        .unwrap()
        .comment(&User::reader(), "on an issue")
        .unwrap();
    let client = Client::with_token(&github).await;
    client
        .post(
            &format!("/repos/{}/issues/{}/comments", repository.full_name(), pull.number()),
            &json!({"body": "by the App"}),
        )
        .await;
    github.ping();
    github
        .wait_for("all outcomes", DEADLINE, || {
            github
                .deliveries()
                .iter()
                .all(|delivery| delivery.outcome.is_some())
                .then_some(())
        })
        .await
        .unwrap();
    let told: Vec<String> = github
        .deliveries()
        .iter()
        .map(|delivery| {
            [Some(delivery.event.clone()), delivery.action.clone()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect();
    assert_eq!(
        told,
        [
            "pull_request.opened",
            "issue_comment.created",
            "issue_comment.edited",
            "issue_comment.deleted",
            "pull_request.synchronize",
            "pull_request.closed",
            "pull_request.reopened",
            "pull_request.converted_to_draft",
            "pull_request.ready_for_review",
            "pull_request.closed",
            "pull_request.opened",
            "issue_comment.created",
            "issue_comment.created",
            "ping"
        ]
    );
    assert_as_described(&github);
    assert_eq!(receiver.received().len(), told.len());
}

#[tokio::test]
async fn a_failed_delivery_is_not_repeated_until_somebody_asks() {
    let receiver = Receiver::answering(500).await;
    let (github, _, pull) = told(&receiver).await;
    let guid = pull.comment(&User::writer(), "/preview").unwrap().delivery;
    let failed = outcome(&github, guid).await;
    assert_eq!(failed.outcome.as_ref().unwrap().status, "Invalid HTTP Response: 500");

    let app = Client::as_app(&github);
    let listed = app.get("/app/hook/deliveries?status=failure&per_page=1").await;
    assert_eq!(
        (listed.body[0]["guid"].as_str(), listed.body[0]["status_code"].as_u64()),
        (Some(failed.guid.as_str()), Some(500))
    );
    let next = listed.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(app.get(&next).await.body[0]["event"], "pull_request", "the older one");
    assert_eq!(app.get("/app/hook/deliveries?status=success").await.body, json!([]));
    let one = app.get(&format!("/app/hook/deliveries/{}", failed.id)).await;
    assert_eq!(one.body["request"]["payload"]["comment"]["body"], "/preview");

    let working = Receiver::answering(202).await;
    github.set_webhook_url(Some(working.url.clone()));
    assert_eq!(
        app.post(&format!("/app/hook/deliveries/{}/attempts", failed.id), &json!({}))
            .await
            .status,
        202
    );
    let again = github
        .wait_for("the redelivery", DEADLINE, || {
            github
                .deliveries()
                .into_iter()
                .find(|one| one.redelivery && one.outcome.is_some())
        })
        .await
        .unwrap();
    assert_eq!((again.guid.as_str(), again.outcome.unwrap().status_code), (failed.guid.as_str(), 202));
    assert_ne!(again.id, failed.id);
    assert_eq!(working.received()[0].header("x-github-delivery"), failed.guid);
    let original = receiver
        .received()
        .into_iter()
        .find(|request| request.header("x-github-delivery") == failed.guid)
        .unwrap();
    assert_eq!(working.received()[0].body, original.body, "byte for byte");
    assert_eq!(receiver.received().len(), 2, "nothing was repeated on its own");

    github.advance(Duration::from_secs(4 * 24 * 3600));
    assert_eq!(
        app.post(&format!("/app/hook/deliveries/{}/attempts", failed.id), &json!({}))
            .await
            .status,
        404,
        "too old"
    );
    assert_as_described(&github);
}

#[tokio::test]
async fn a_slow_receiver_misses_the_deadline_and_holds_up_nobody() {
    let gate = Arc::new(Notify::new());
    let slow = Receiver::hanging_until(Arc::clone(&gate)).await;
    let options = Options {
        webhook_url: Some(slow.url.clone()),
        delivery_deadline: Duration::from_millis(300),
        ..Options::default()
    };
    let github = StandIn::start(options).await.unwrap();
    let repository = github.repository("octo-org", "hello").await.unwrap();
    let pull = repository
        .open_pull_request(&User::writer(), "Slow", [("a", "b")])
        .await
        .unwrap();
    let (first, second) =
        (pull.comment(&User::writer(), "1").unwrap(), pull.comment(&User::writer(), "2").unwrap());
    github
        .wait_for("both to arrive", DEADLINE, || (slow.received().len() >= 3).then_some(()))
        .await
        .unwrap();
    for comment in [first, second] {
        let missed = outcome(&github, comment.delivery).await.outcome.unwrap();
        assert_eq!((missed.status.as_str(), missed.status_code), ("timed out", 504));
    }
    gate.notify_waiters();
    github.set_webhook_url(Some("http://127.0.0.1:1/".parse().unwrap()));
    let unreachable = outcome(&github, pull.comment(&User::writer(), "3").unwrap().delivery)
        .await
        .outcome
        .unwrap();
    assert_eq!((unreachable.status.as_str(), unreachable.status_code), ("failed to connect to host", 502));
    assert_as_described(&github);
}

#[tokio::test]
async fn nothing_is_told_where_the_app_is_not_installed() {
    let receiver = Receiver::answering(202).await;
    let (github, _, pull) = told(&receiver).await;
    github.uninstall("octo-org");
    assert_eq!(pull.comment(&User::writer(), "/preview").unwrap().delivery, None);
}

#[tokio::test]
async fn a_test_may_send_anything() {
    let receiver = Receiver::answering(401).await;
    let (github, _, _) = told(&receiver).await;
    let headers = BTreeMap::from([("X-GitHub-Event".to_owned(), "star".to_owned())]);
    let answer = github.deliver_raw(&headers, "not even JSON").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (401, "noted"));
    assert_eq!(receiver.received().last().unwrap().body, "not even JSON");
}

#[tokio::test]
async fn a_payload_that_departs_from_the_description_is_not_sent() {
    let receiver = Receiver::answering(202).await;
    let options = Options {
        webhook_url: Some(receiver.url.clone()),
        ..Options::default()
    };
    let github = StandIn::start(options).await.unwrap();
    let wrong = Event {
        name: "issue_comment",
        action: Some("created"),
        installation: Some(1),
        repository: None,
        payload: json!({"action": "created"}),
    };
    let guid = github.shared.courier.send(wrong);
    let refused = outcome(&github, guid).await.outcome.unwrap();
    assert_eq!((refused.status_code, refused.is_success()), (500, false), "{refused:?}");
    assert!(refused.body.contains("\"comment\" is a required property"));
    assert!(receiver.received().is_empty());
    assert!(!github.violations().is_empty());
}
