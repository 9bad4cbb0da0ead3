//! One test for each row of the table in `outcome.rs`.

use axum::{
    body::{Body, Bytes},
    http::{Method, Request, StatusCode},
};
use domain::{
    Command, CommentId, InstallationId, Misunderstood, RepositoryId,
    pull_request::{Closed, Commented, Origin, PullRequestEvent, Pushed},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use webhook::{
    delivery::{BODY_MAX, READ_MAX},
    receive::DEADLINE,
    router::WEBHOOK_PATH,
    signature::Secrets,
};

use crate::service::{Delivery, Fixture, HEAD, SECRET, comment, pull_request};

/// `comment("/preview")` with one field changed.
fn changed(pointer: &str, value: Value) -> Value {
    let mut payload = comment("/preview");
    *payload.pointer_mut(pointer).expect("a field") = value;
    payload
}

#[tokio::test]
async fn a_comment_is_passed_on_with_all_that_it_asks_for() {
    let fixture = Fixture::new();
    let text = "Let us see.\n\n/preview --ttl 2h\n/preview stop now\n\nThanks!";
    let answer = fixture.say(&comment(text)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.text, "commented: octo-org/hello-world#12 was signalled\n");
    let [(there, event)] = fixture.temporal.signals().try_into().expect("one signal");
    let origin = origin(&event, "2026-11-22T12:00:00Z");
    assert_eq!(there.to_string(), "octo-org/hello-world#12");
    assert_eq!(there.installation, InstallationId(5));
    let stop_now =
        Misunderstood::UnexpectedArgument { word: "now".to_owned(), usage: "/preview stop".to_owned() };
    assert_eq!(
        event,
        PullRequestEvent::Commented(Commented {
            is_rest: false,
            comment: CommentId(77),
            author: "mona".parse().expect("a login"),
            commands: vec![
                Ok(Command::Preview { ttl: Some("2h".parse().expect("a duration")) }),
                Err(stop_now),
            ],
            origin,
        })
    );
}

/// Where it should come from, and when it should have happened. When it reached us is up to the clock.
fn origin(event: &PullRequestEvent, happened_at: &str) -> Origin {
    Origin {
        installation: InstallationId(5),
        repository_id: RepositoryId(1_296_269),
        happened_at: happened_at.parse().expect("a time"),
        received_at: event.origin().received_at,
    }
}

#[tokio::test]
async fn who_may_do_what_and_when_is_not_for_the_webhook_to_say() {
    let fixture = Fixture::new();
    for payload in [
        changed("/issue/state", json!("closed")),
        changed("/comment/user/login", json!("otto")),
        comment("/preview dance"),
    ] {
        let answer = fixture.say(&payload).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{payload}");
    }
    assert_eq!(fixture.temporal.signals().len(), 3);
}

#[tokio::test]
async fn a_conversation_hears_of_pushes_and_of_its_end() {
    let fixture = Fixture::new();
    fixture.say(&comment("/preview")).await;
    let mut merged = pull_request("closed");
    merged["pull_request"]["merged"] = json!(true);
    merged["pull_request"]["closed_at"] = json!("2026-11-22T12:00:01Z");
    for (payload, label) in [
        (pull_request("synchronize"), "pushed"),
        (pull_request("closed"), "closed"),
        (merged, "closed"),
    ] {
        let answer = fixture.happen(&payload).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert!(answer.text.starts_with(label), "{answer:?}");
    }
    let signals: Vec<_> = fixture.temporal.signals().into_iter().skip(1).collect();
    let there = signals[0].0.clone();
    assert_eq!(there.to_string(), "octo-org/hello-world#12");
    let when = ["2026-11-22T12:00:02Z", "2026-11-22T12:00:02Z", "2026-11-22T12:00:01Z"];
    let [of_push, of_close, of_merge] = std::array::from_fn(|index| origin(&signals[index].1, when[index]));
    assert_eq!(
        signals,
        [
            PullRequestEvent::Pushed(Pushed {
                head: HEAD.parse().expect("a commit"),
                by: Some("mona".parse().expect("a login")),
                origin: of_push,
            }),
            PullRequestEvent::Closed(Closed { merged: false, origin: of_close }),
            PullRequestEvent::Closed(Closed { merged: true, origin: of_merge }),
        ]
        .map(|event| (there.clone(), event))
    );
}

#[tokio::test]
async fn a_push_by_a_bot_is_nobodys() {
    let fixture = Fixture::new();
    fixture.say(&comment("/preview")).await;
    let mut push = pull_request("synchronize");
    push["sender"] = json!({ "login": "github-actions[bot]", "type": "Bot" });
    fixture.happen(&push).await;
    let (_, event) = fixture.temporal.signals().pop().expect("a signal");
    assert!(matches!(event, PullRequestEvent::Pushed(Pushed { by: None, .. })), "{event:?}");
}

#[tokio::test]
async fn without_a_conversation_pushes_and_ends_concern_nobody() {
    let fixture = Fixture::new();
    for action in ["synchronize", "closed"] {
        let answer = fixture.happen(&pull_request(action)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{action}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn what_asks_for_nothing_is_passed_over() {
    let fixture = Fixture::new();
    let mut on_an_issue = comment("/preview");
    on_an_issue["issue"].as_object_mut().expect("an object").remove("pull_request");
    for payload in [
        comment("What a nice pull request"),
        comment("> /preview"),
        changed("/action", json!("edited")),
        changed("/action", json!("deleted")),
        changed("/comment/body", json!(null)),
        changed("/comment/user", json!(null)),
        changed("/comment/user/type", json!("Bot")),
        changed("/comment/user/login", json!("helper[bot]")),
        changed("/sender/type", json!("Bot")),
        changed("/installation", json!(null)),
        on_an_issue,
    ] {
        let answer = fixture.say(&payload).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{payload}");
        assert_eq!(answer.text, "");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn what_others_than_those_who_are_served_send_goes_no_further() {
    let fixture = Fixture::new();
    let from = |mut payload: Value, repository: &str| {
        payload["repository"]["full_name"] = json!(repository);
        payload
    };
    let commands = "/preview\n/preview stop\n/preview nonsense";
    for stranger in ["stranger/hello-world", "octo-org-2/hello-world"] {
        let answers = [
            fixture.say(&from(comment(commands), stranger)).await,
            fixture.happen(&from(pull_request("synchronize"), stranger)).await,
            fixture.happen(&from(pull_request("closed"), stranger)).await,
        ];
        for answer in answers {
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        }
    }
    fixture.assert_untouched();
    let counted = r#"preview_webhook_ignored_total{reason="not_served"}"#;
    assert_eq!(fixture.measured(counted).await, Some(6));

    let served = from(comment("/preview"), "OCTO-ORG/Hello-World");
    assert_eq!(fixture.say(&served).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn other_events_are_passed_over() {
    let fixture = Fixture::new();
    for event in ["ping", "push", "something_new"] {
        let answer = fixture.deliver(Delivery::new(event, &comment("/preview"))).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{event}");
    }
    for action in ["opened", "reopened", "labeled", "something_new"] {
        let answer = fixture.happen(&pull_request(action)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{action}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn what_is_not_signed_by_github_is_refused() {
    let fixture = Fixture::new();
    let right = Secrets::new(SECRET.into(), None).sign(comment("/preview").to_string().as_bytes());
    let of_another_body = Secrets::new(SECRET.into(), None).sign(b"{}");
    let with_another_secret =
        Secrets::new("guessed".into(), None).sign(comment("/preview").to_string().as_bytes());
    for signature in [
        "",
        "sha256=",
        "sha1=0123456789012345678901234567890123456789",
        &right[..right.len() - 1],
        &right["sha256=".len()..],
        &of_another_body,
        &with_another_secret,
    ] {
        // Everything else about it is wrong too: whoever cannot sign shall not learn that.
        for event in [Some("issue_comment"), None] {
            let answer = fixture
                .deliver(Delivery {
                    signature: Some(signature.to_owned()),
                    event,
                    content_type: event.map(|_| "application/json"),
                    ..Delivery::new("issue_comment", &comment("/preview"))
                })
                .await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{signature:?}");
        }
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn the_secret_before_is_good_as_well() {
    let fixture = Fixture::new();
    let payload = comment("/preview");
    let signature = Secrets::new("the secret before".into(), None).sign(payload.to_string().as_bytes());
    let answer = fixture
        .deliver(Delivery {
            signature: Some(signature),
            ..Delivery::new("issue_comment", &payload)
        })
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn two_signatures_are_none() {
    let fixture = Fixture::new();
    let mut request = Delivery::new("issue_comment", &comment("/preview")).into_request();
    let signature = request.headers()["x-hub-signature-256"].clone();
    request.headers_mut().append("x-hub-signature-256", signature);
    assert_eq!(fixture.send(request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_taken_and_a_larger_one_is_not() {
    let fixture = Fixture::new();
    for (event, at_most) in [("push", BODY_MAX), ("issue_comment", READ_MAX)] {
        let delivery = |length: usize| {
            let mut body = b"{}".to_vec();
            body.resize(length, b' ');
            Delivery { body, ..Delivery::new(event, &json!({})) }
        };
        let largest = fixture.deliver(delivery(at_most)).await;
        assert_eq!(largest.status, StatusCode::NO_CONTENT, "{event}");

        let mut announced = delivery(2).into_request();
        announced
            .headers_mut()
            .insert("content-length", (at_most + 1).to_string().parse().expect("a number"));
        let refused = StatusCode::PAYLOAD_TOO_LARGE;
        assert_eq!(fixture.send(announced).await.status, refused, "{event}");

        let (parts, whole) = delivery(at_most + 1).into_request().into_parts();
        let whole = axum::body::to_bytes(whole, usize::MAX).await.expect("a body");
        let chunks = whole
            .chunks(1 << 20)
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
            .collect::<Vec<_>>();
        let streamed = Request::from_parts(parts, Body::from_stream(futures::stream::iter(chunks)));
        assert_eq!(fixture.send(streamed).await.status, refused, "{event}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn a_sender_that_listens_only_after_it_has_sent_everything_gets_its_answer() {
    let fixture = Fixture::new();
    let (address, _) = fixture.listen().await;
    let well_formed = Secrets::new("guessed".into(), None).sign(b"");
    let length = BODY_MAX + 1;
    let announced = format!("content-length: {length}\r\n\r\n");
    let streamed = format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n");
    for (signature, framing, end, status) in [
        (well_formed.as_str(), &announced, "", "413"),
        (well_formed.as_str(), &streamed, "\r\n0\r\n\r\n", "413"),
        ("", &streamed, "\r\n0\r\n\r\n", "401"),
    ] {
        let mut connection = TcpStream::connect(address).await.expect("a connection");
        let head = format!(
            "POST {WEBHOOK_PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             x-github-event: issue_comment\r\nx-hub-signature-256: {signature}\r\n{framing}"
        );
        for part in [head.as_bytes(), &vec![b' '; length], end.as_bytes()] {
            connection.write_all(part).await.expect("not cut off");
        }
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let fixture = Fixture::new();
    let (parts, _) = Delivery::new("push", &json!({})).into_request().into_parts();
    let broken = [Ok(Bytes::from_static(b"{")), Err("connection lost")];
    let body = Body::from_stream(futures::stream::iter(broken));
    let answer = fixture.send(Request::from_parts(parts, body)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_form_is_an_unsupported_media_type() {
    let fixture = Fixture::new();
    for (content_type, status) in [
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("text/json"), 415),
        (None, 415),
        (Some("application/json; charset=utf-8"), 204),
        (Some("Application/JSON"), 204),
    ] {
        let answer = fixture
            .deliver(Delivery { content_type, ..Delivery::new("push", &json!({})) })
            .await;
        assert_eq!(answer.status.as_u16(), status, "{content_type:?}");
    }
}

#[tokio::test]
async fn githubs_headers_are_required() {
    let fixture = Fixture::new();
    let long = "x".repeat(100).leak();
    for (event, id) in [
        (None, Some("0b989ba4")),
        (Some("issue comment"), Some("0b989ba4")),
        (Some(&*long), Some("0b989ba4")),
        (Some("push"), None),
        (Some("push"), Some("../../etc")),
        (Some("push"), Some(&*long)),
    ] {
        let answer = fixture
            .deliver(Delivery { event, id, ..Delivery::new("push", &json!({})) })
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{event:?} {id:?}");
    }
}

#[tokio::test]
async fn what_is_not_the_documented_json_is_a_bad_request_that_names_the_place() {
    let fixture = Fixture::new();
    for (event, body) in [
        ("issue_comment", ""),
        ("issue_comment", "payload=%7B%7D"),
        ("issue_comment", "[]"),
        ("issue_comment", "{} x"),
        ("pull_request", "[]"),
        ("pull_request", "{"),
    ] {
        let answer = fixture
            .deliver(Delivery {
                body: body.as_bytes().to_vec(),
                ..Delivery::new(event, &json!({}))
            })
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{event} {body}");
    }
    for (pointer, value, place) in [
        ("/comment/id", json!("s3cret"), "comment.id"),
        ("/comment/body", json!(3), "comment.body"),
        ("/issue/number", json!(0), "issue.number"),
        ("/repository/full_name", json!("../s3cret"), "repository.full_name"),
        ("/comment/user/login", json!("s3cret\n[x](y)"), "comment.user"),
    ] {
        let answer = fixture.say(&changed(pointer, value)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{pointer}");
        assert!(answer.text.contains(place), "{answer:?}");
        assert!(!answer.text.contains("s3cret"), "{answer:?}");
    }
    let mut payload = pull_request("synchronize");
    payload["pull_request"]["head"]["sha"] = json!("s3cret");
    let answer = fixture.happen(&payload).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("pull_request.head.sha"), "{answer:?}");
    assert!(!answer.text.contains("s3cret"), "{answer:?}");
    fixture.assert_untouched();
}

#[tokio::test]
async fn only_posts_to_the_one_address_are_deliveries() {
    let fixture = Fixture::new();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = fixture.deliver(Delivery { method, ..Delivery::new("push", &json!({})) }).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let elsewhere = format!("{WEBHOOK_PATH}/x");
    assert_eq!(fixture.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn when_temporal_is_down_the_delivery_may_come_again() {
    let fixture = Fixture::new();
    fixture.temporal.set_down(true);
    for answer in [
        fixture.say(&comment("/preview")).await,
        fixture.happen(&pull_request("synchronize")).await,
        fixture.happen(&pull_request("closed")).await,
    ] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.retry_after(), Some("30"));
    }
    fixture.assert_untouched();

    fixture.temporal.set_down(false);
    let again = fixture.say(&comment("/preview")).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!(fixture.temporal.signals().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn github_gets_its_answer_before_it_gives_up() {
    let fixture = Fixture::new();
    fixture.temporal.fall_silent();
    let asked_at = tokio::time::Instant::now();
    let answer = fixture.say(&comment("/preview")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked_at.elapsed() >= DEADLINE && asked_at.elapsed().as_secs() < 10);
}

/// What becomes of the published examples, as they are.
#[tokio::test]
async fn the_published_examples_are_understood() {
    let fixture = Fixture::new();
    let examples: Vec<Value> = include_str!("../fixtures/octokit-webhooks-examples.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("the fixture"))
        .collect();
    assert_eq!(examples.len(), 42);
    for example in &examples {
        let event = match example["event"].as_str() {
            Some("issue_comment") => "issue_comment",
            Some("pull_request") => "pull_request",
            Some("ping") => "ping",
            other => panic!("{other:?}"),
        };
        let answer = fixture.deliver(Delivery::new(event, &example["payload"])).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    }
    fixture.assert_untouched();

    // The same comments, had they been commands on a pull request; then the others concern somebody.
    for example in &examples {
        let mut payload = example["payload"].clone();
        let action = payload["action"].as_str().unwrap_or_default();
        let (event, label) = match (example["event"].as_str(), action) {
            (Some("issue_comment"), "created") => {
                payload["issue"]["pull_request"] = json!({ "url": "x" });
                payload["comment"]["body"] = json!("/preview");
                payload["comment"]["user"] = json!({ "login": "mona", "type": "User" });
                payload["installation"] = json!({ "id": 1 });
                payload["issue"]["number"] = json!(2);
                ("issue_comment", "commented")
            }
            (Some("pull_request"), "synchronize") => ("pull_request", "pushed"),
            (Some("pull_request"), "closed") => ("pull_request", "closed"),
            _ => continue,
        };
        let answer = fixture.deliver(Delivery::new(event, &payload)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        assert!(answer.text.starts_with(label), "{answer:?}");
    }
    assert_eq!(fixture.temporal.signals().len(), 8);
}

#[tokio::test]
async fn every_delivery_is_counted() {
    let fixture = Fixture::new();
    fixture.happen(&pull_request("closed")).await;
    fixture.say(&comment("/preview")).await;
    fixture.say(&comment("nothing")).await;
    let metrics = fixture.probe("/metrics").await.text;
    for line in [
        r#"preview_webhook_deliveries_total{outcome="commented"} 1"#,
        r#"preview_webhook_deliveries_total{outcome="ignored"} 2"#,
        r#"preview_webhook_signals_total{signal="commented",result="delivered"} 1"#,
        r#"preview_webhook_signals_total{signal="closed",result="no_workflow"} 1"#,
        "preview_webhook_delivery_duration_seconds_count 3",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}
