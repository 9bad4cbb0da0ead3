//! Nothing that GitHub sends is refused: neither what its own description
//! allows, nor what it leaves out all the same.

use axum::http::StatusCode;
use github_stand_in::{arbitrary_payload, described_webhooks};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime;

use crate::service::{Answer, Delivery, Fixture, HEAD};

/// The events of the described webhooks, as the header has them.
const EVENTS: [&str; 5] =
    ["installation_repositories", "installation", "issue_comment", "ping", "pull_request"];

/// Fields without which nobody would know what the delivery is about.
const ESSENTIAL: [&str; 14] = [
    "/action",
    "/comment",
    "/comment/id",
    "/comment/user/login",
    "/installation/id",
    "/issue",
    "/issue/number",
    "/pull_request",
    "/pull_request/head",
    "/pull_request/head/sha",
    "/pull_request/number",
    "/repository",
    "/repository/full_name",
    "/repository/id",
];

/// Fields without which there is nothing to do, and no harm in that.
const TELLING: [&str; 4] = ["/comment/body", "/comment/user", "/installation", "/issue/pull_request"];

/// A payload with names in it that GitHub would give out.
fn payload(webhook: &str, tape: &[u8]) -> Delivery {
    let mut payload = arbitrary_payload(webhook, tape);
    for (pointer, value) in [
        ("/repository/full_name", json!("octo-org/hello-world")),
        ("/pull_request/head/sha", json!(HEAD)),
        ("/comment/body", json!("/preview")),
        ("/comment/user/type", json!("User")),
    ] {
        if let Some(field) = payload.pointer_mut(pointer).filter(|field| !field.is_null()) {
            *field = value;
        }
    }
    let event = EVENTS.into_iter().find(|event| webhook.starts_with(&event.replace('_', "-")));
    Delivery::new(event.expect("an event that is listed here"), &payload)
}

fn changed(delivery: &Delivery, change: impl FnOnce(&mut Value)) -> Delivery {
    let mut payload = serde_json::from_slice(&delivery.body).expect("JSON");
    change(&mut payload);
    Delivery::new(delivery.event.expect("an event"), &payload)
}

/// Where there are fields, as deep as anything is read.
fn fields(value: &Value, at: &str, found: &mut Vec<String>) {
    if let Value::Object(object) = value
        && at.matches('/').count() < 3
    {
        for (name, field) in object {
            let pointer = format!("{at}/{name}");
            fields(field, &pointer, found);
            found.push(pointer);
        }
    }
}

fn deliver(delivery: Delivery) -> Answer {
    let runtime = runtime::Builder::new_current_thread().enable_time().build();
    let fixture = Fixture::new();
    runtime.expect("a runtime").block_on(fixture.deliver(delivery))
}

fn is_taken(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_githubs_description_allows_is_never_refused(
        webhook in prop::sample::select(described_webhooks().collect::<Vec<_>>()),
        tape in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let delivery = payload(webhook, &tape);
        let shown = String::from_utf8_lossy(&delivery.body).into_owned();
        let answer = deliver(delivery);
        prop_assert!(is_taken(&answer), "{webhook}: {answer:?}\n{shown}");
    }
}

#[test]
fn whichever_field_is_null_or_missing_the_delivery_is_taken() {
    for (webhook, acts, expected) in [
        ("issue-comment-created", true, StatusCode::ACCEPTED),
        ("issue-comment-deleted", false, StatusCode::NO_CONTENT),
        ("pull-request-synchronize", true, StatusCode::NO_CONTENT),
        ("pull-request-closed", true, StatusCode::NO_CONTENT),
        ("ping", false, StatusCode::NO_CONTENT),
    ] {
        let whole = payload(webhook, &[]);
        assert_eq!(deliver(changed(&whole, |_| ())).status, expected, "{webhook}");
        let mut pointers = Vec::new();
        let shown = serde_json::from_slice(&whole.body).expect("JSON");
        fields(&shown, "", &mut pointers);
        assert!(pointers.len() > 10, "{webhook}: {pointers:?}");
        for pointer in pointers {
            if acts && ESSENTIAL.contains(&&*pointer) {
                continue;
            }
            let null = changed(&whole, |payload| {
                *payload.pointer_mut(&pointer).expect("a field") = Value::Null;
            });
            let missing = changed(&whole, |payload| {
                let (object, name) = pointer.rsplit_once('/').expect("a pointer");
                let object = payload.pointer_mut(object).expect("an object");
                object.as_object_mut().expect("an object").remove(name);
            });
            for delivery in [null, missing] {
                let answer = deliver(delivery);
                if TELLING.contains(&&*pointer) {
                    assert!(is_taken(&answer), "{webhook} without {pointer}: {answer:?}");
                } else {
                    assert_eq!(answer.status, expected, "{webhook} without {pointer}: {answer:?}");
                }
            }
        }
    }
}
