//! One test for each row of the table in `outcome.rs`.

use axum::{
    body::{Body, Bytes},
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use webhook::{delivery::BODY_MAX, receive::DEADLINE, router::WEBHOOK_PATH, signature::Secrets};
use workflows::{activities::Refusal, vocabulary::CommentId};

use crate::{
    github::HEAD,
    service::{Delivery, Fixture, SECRET, comment},
};

/// `comment("/preview")` with one field changed.
fn changed(pointer: &str, value: Value) -> Value {
    let mut payload = comment("/preview");
    *payload.pointer_mut(pointer).expect("a field") = value;
    payload
}

#[tokio::test]
async fn a_writers_command_starts_a_preview_of_the_newest_commit() {
    let fixture = Fixture::start().await;
    let answer = fixture.say(&comment("Let us see.\n\n/preview")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let preview = format!("octo-org/hello-world#12:{HEAD}");
    assert_eq!(answer.text, format!("started {preview}\n"));
    let [request] = fixture.durable.started().try_into().expect("one preview");
    assert_eq!(request.preview.to_string(), preview);
    assert_eq!(request.requested_by, "mona");
    assert_eq!(request.comment, CommentId(77));
}

#[tokio::test]
async fn a_delivery_that_comes_again_starts_nothing_more() {
    let fixture = Fixture::start().await;
    let first = fixture.say(&comment("/preview")).await;
    let second = fixture.say(&comment("/preview")).await;
    let another = fixture.say(&changed("/comment/id", json!(78))).await;
    for answer in [&first, &second, &another] {
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    assert!(second.text.contains("before"), "{second:?}");
    assert!(another.text.contains("running already"), "{another:?}");
    assert_eq!(fixture.durable.started().len(), 1);
}

#[tokio::test]
async fn who_may_not_write_starts_nothing_and_is_told_why() {
    let fixture = Fixture::start().await;
    for login in ["rita", "otto"] {
        let answer = fixture
            .say(&changed("/comment/user/login", json!(login)))
            .await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert_eq!(answer.text, "refused: no write access\n");
    }
    assert_eq!(fixture.durable.started(), []);
    let told: Vec<_> = fixture
        .durable
        .notices()
        .into_iter()
        .map(|notice| (notice.requested_by, notice.reason))
        .collect();
    assert_eq!(
        told,
        [
            ("rita".to_owned(), Refusal::NoWriteAccess),
            ("otto".to_owned(), Refusal::NoWriteAccess)
        ]
    );
}

#[tokio::test]
async fn a_commit_from_a_fork_is_refused() {
    let fixture = Fixture::start().await;
    fixture.github.model().from_fork = true;
    let answer = fixture.say(&comment("/preview")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(fixture.durable.started(), []);
    assert_eq!(fixture.durable.notices()[0].reason, Refusal::Fork);
}

#[tokio::test]
async fn a_pull_request_that_was_closed_meanwhile_is_refused() {
    let fixture = Fixture::start().await;
    fixture.github.model().state = "closed";
    let answer = fixture.say(&comment("/preview")).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(fixture.durable.started(), []);
    assert_eq!(fixture.durable.notices()[0].reason, Refusal::NotOpen);
}

#[tokio::test]
async fn what_github_does_not_show_or_has_locked_is_left_alone() {
    let fixture = Fixture::start().await;
    fixture.github.model().locked = true;
    let locked = fixture.say(&comment("/preview")).await;
    fixture.github.model().visible = false;
    let hidden = fixture.say(&comment("/preview")).await;
    assert_eq!(locked.status, StatusCode::NO_CONTENT);
    assert_eq!(hidden.status, StatusCode::NO_CONTENT);
    fixture.assert_untouched();
}

#[tokio::test]
async fn what_asks_for_nothing_is_passed_over_without_asking_github() {
    let fixture = Fixture::start().await;
    let mut on_an_issue = comment("/preview");
    on_an_issue["issue"]
        .as_object_mut()
        .expect("an object")
        .remove("pull_request");
    for payload in [
        comment("What a nice pull request"),
        comment("> /preview"),
        comment("/preview stop"),
        changed("/action", json!("edited")),
        changed("/action", json!("deleted")),
        changed("/issue/state", json!("closed")),
        changed("/comment/user", json!(null)),
        changed("/comment/user/type", json!("Bot")),
        changed("/sender/type", json!("Bot")),
        on_an_issue,
    ] {
        let answer = fixture.say(&payload).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{payload}");
        assert_eq!(answer.text, "");
    }
    fixture.assert_untouched();
    assert_eq!(fixture.github.model().requests, 0);
}

#[tokio::test]
async fn other_events_are_passed_over() {
    let fixture = Fixture::start().await;
    for event in ["ping", "push", "pull_request", "something_new"] {
        let answer = fixture
            .deliver(Delivery::new(event, &comment("/preview")))
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{event}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn what_is_not_signed_by_github_is_refused() {
    let fixture = Fixture::start().await;
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
    let fixture = Fixture::start().await;
    let payload = comment("/preview");
    let signature =
        Secrets::new("the secret before".into(), None).sign(payload.to_string().as_bytes());
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
    let fixture = Fixture::start().await;
    let mut request = Delivery::new("issue_comment", &comment("/preview")).into_request();
    let signature = request.headers()["x-hub-signature-256"].clone();
    request
        .headers_mut()
        .append("x-hub-signature-256", signature);
    assert_eq!(fixture.send(request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_of_githubs_largest_size_is_read_and_a_larger_one_is_not() {
    let fixture = Fixture::start().await;
    let body = |length: usize| {
        let mut body = b"{}".to_vec();
        body.resize(length, b' ');
        body
    };
    let push = |body: Vec<u8>| Delivery {
        body,
        ..Delivery::new("push", &json!({}))
    };
    let largest = fixture.deliver(push(body(BODY_MAX))).await;
    assert_eq!(largest.status, StatusCode::NO_CONTENT);

    let announced = {
        let mut request = push(body(2)).into_request();
        request.headers_mut().insert(
            "content-length",
            (BODY_MAX + 1).to_string().parse().expect("a number"),
        );
        request
    };
    assert_eq!(
        fixture.send(announced).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );

    let streamed = {
        let (parts, whole) = push(body(BODY_MAX + 1)).into_request().into_parts();
        let whole = axum::body::to_bytes(whole, usize::MAX)
            .await
            .expect("a body");
        let chunks = whole
            .chunks(1 << 20)
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
            .collect::<Vec<_>>();
        Request::from_parts(parts, Body::from_stream(futures::stream::iter(chunks)))
    };
    assert_eq!(
        fixture.send(streamed).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    fixture.assert_untouched();
}

#[tokio::test]
async fn a_sender_that_listens_only_after_it_has_sent_everything_gets_its_answer() {
    let fixture = Fixture::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = fixture.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
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
             x-hub-signature-256: {signature}\r\n{framing}"
        );
        for part in [head.as_bytes(), &vec![b' '; length], end.as_bytes()] {
            connection.write_all(part).await.expect("not cut off");
        }
        let mut answer = String::new();
        connection
            .read_to_string(&mut answer)
            .await
            .expect("an answer");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let fixture = Fixture::start().await;
    let (parts, _) = Delivery::new("push", &json!({}))
        .into_request()
        .into_parts();
    let broken = [Ok(Bytes::from_static(b"{")), Err("connection lost")];
    let body = Body::from_stream(futures::stream::iter(broken));
    let answer = fixture.send(Request::from_parts(parts, body)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_form_is_an_unsupported_media_type() {
    let fixture = Fixture::start().await;
    for (content_type, status) in [
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("text/json"), 415),
        (None, 415),
        (Some("application/json; charset=utf-8"), 204),
        (Some("Application/JSON"), 204),
    ] {
        let answer = fixture
            .deliver(Delivery {
                content_type,
                ..Delivery::new("push", &json!({}))
            })
            .await;
        assert_eq!(answer.status.as_u16(), status, "{content_type:?}");
    }
}

#[tokio::test]
async fn githubs_headers_are_required() {
    let fixture = Fixture::start().await;
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
            .deliver(Delivery {
                event,
                id,
                ..Delivery::new("push", &json!({}))
            })
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{event:?} {id:?}");
    }
}

#[tokio::test]
async fn what_is_not_the_documented_json_is_a_bad_request_that_names_the_place() {
    let fixture = Fixture::start().await;
    for (event, body) in [
        ("issue_comment", ""),
        ("issue_comment", "payload=%7B%7D"),
        ("issue_comment", "[]"),
        ("push", "{"),
        ("ping", "{} x"),
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
        ("/comment/body", json!(null), "comment.body"),
        ("/issue/number", json!(0), "issue.number"),
        (
            "/repository/full_name",
            json!("../s3cret"),
            "repository.full_name",
        ),
        (
            "/comment/user/login",
            json!("s3cret\n[x](y)"),
            "comment.user",
        ),
        ("/installation", json!(null), "installation"),
    ] {
        let answer = fixture.say(&changed(pointer, value)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{pointer}");
        assert!(answer.text.contains(place), "{answer:?}");
        assert!(!answer.text.contains("s3cret"), "{answer:?}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn only_posts_to_the_one_address_are_deliveries() {
    let fixture = Fixture::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = fixture
            .deliver(Delivery {
                method,
                ..Delivery::new("push", &json!({}))
            })
            .await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let elsewhere = format!("{WEBHOOK_PATH}/x");
    assert_eq!(fixture.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn when_github_or_temporal_is_down_the_delivery_may_come_again() {
    let fixture = Fixture::start().await;
    fixture.github.model().broken = true;
    let without_github = fixture.say(&comment("/preview")).await;
    fixture.github.model().broken = false;
    fixture.durable.set_down(true);
    let without_temporal = fixture.say(&comment("/preview")).await;
    let refusal = fixture
        .say(&changed("/comment/user/login", json!("rita")))
        .await;
    for answer in [&without_github, &without_temporal, &refusal] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.retry_after(), Some("30"));
    }
    fixture.assert_untouched();

    fixture.durable.set_down(false);
    let again = fixture.say(&comment("/preview")).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!(fixture.durable.started().len(), 1);
}

#[tokio::test]
async fn github_gets_its_answer_before_it_gives_up() {
    let fixture = Fixture::start().await;
    // Warm: the time that is stopped below shall not count against a connection being opened.
    assert_eq!(fixture.say(&comment("/preview")).await.status, 202);
    fixture.durable.fall_silent();
    tokio::time::pause();
    let asked_at = tokio::time::Instant::now();
    let answer = fixture.say(&changed("/comment/id", json!(78))).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked_at.elapsed() >= DEADLINE && asked_at.elapsed().as_secs() < 10);
}

#[tokio::test]
async fn real_payloads_of_all_kinds_are_understood() {
    let fixture = Fixture::start().await;
    let recorded = include_str!("../fixtures/octokit-webhooks-examples.json");
    let recorded: Vec<Value> = serde_json::from_str(recorded).expect("the fixture");
    assert_eq!(recorded.len(), 13);
    for example in recorded {
        let event = match example["event"].as_str() {
            Some("issue_comment") => "issue_comment",
            Some("ping") => "ping",
            other => panic!("{other:?}"),
        };
        let answer = fixture
            .deliver(Delivery::new(event, &example["payload"]))
            .await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");

        // The same payload, had the comment been a command on a pull request.
        if event == "issue_comment" && example["payload"]["action"] == "created" {
            let mut payload = example["payload"].clone();
            payload["issue"]["pull_request"] = json!({ "url": "x" });
            payload["issue"]["state"] = json!("open");
            payload["comment"]["body"] = json!("/preview");
            payload["comment"]["user"] = json!({ "login": "mona", "type": "User" });
            payload["installation"] = json!({ "id": 5 });
            let answer = fixture.deliver(Delivery::new(event, &payload)).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn every_delivery_is_counted() {
    let fixture = Fixture::start().await;
    fixture.say(&comment("/preview")).await;
    fixture.say(&comment("nothing")).await;
    let metrics = fixture.get("/metrics").await.text;
    for line in [
        r#"preview_webhook_deliveries_total{outcome="started"} 1"#,
        r#"preview_webhook_deliveries_total{outcome="ignored"} 1"#,
        r#"preview_webhook_github_requests_total{request="role",outcome="ok"} 1"#,
        r#"preview_webhook_starts_total{result="started"} 1"#,
        "preview_webhook_delivery_duration_seconds_count 2",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}
