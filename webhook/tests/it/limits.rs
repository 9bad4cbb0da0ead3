//! What can be done to the service by someone who does not know its secret: next to nothing.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode},
};
use futures::{StreamExt, channel::mpsc, future::join_all};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::yield_now,
    time::{Instant, sleep, timeout},
};
use webhook::{
    delivery::{BODY_MAX, READ_MAX},
    limit::Limits,
};

use crate::{
    service::{Delivery, Fixture, LIMITS, comment},
    wire::{self, exchange, read_all, stall},
};

/// Much longer than what is "at once", even on a busy machine, and less than any time-out of the service.
const AT_ONCE: Duration = Duration::from_secs(4);
const BYTES: &str = r#"preview_webhook_held{limit="unverified_bytes"}"#;
const CONNECTIONS: &str = r#"preview_webhook_held{limit="connections"}"#;
const MIB: usize = 1 << 20;

fn ping() -> Delivery {
    Delivery::new("ping", &json!({ "zen": "Speak like a human." }))
}

/// Signed with a guess. Its body would be kept if it were GitHub's.
fn unsigned() -> Delivery {
    Delivery {
        signature: Some(format!("sha256={}", "0".repeat(64))),
        ..Delivery::new("issue_comment", &comment("/preview"))
    }
}

/// Nothing times out while a test runs.
fn endless(limits: Limits) -> Limits {
    Limits { receive_timeout: Duration::from_secs(3600), ..limits }
}

#[tokio::test]
async fn forty_stalled_callers_do_not_keep_github_waiting() {
    let fixture = Fixture::with(endless(Limits { concurrent: 32, ..LIMITS }));
    let (address, _) = fixture.listen().await;
    let stalled = join_all((0..40).map(|_| stall(address, unsigned()))).await;
    let answer = timeout(AT_ONCE, exchange(address, ping())).await;
    let answer = answer.expect("it is answered at once");
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    drop(stalled);
}

#[tokio::test]
async fn callers_that_stall_on_every_connection_there_may_be_are_cut_off_and_github_is_not() {
    let fixture = Fixture::with(endless(Limits { connections: 8, concurrent: 4, ..LIMITS }));
    let (address, _) = fixture.listen().await;
    let mut stalled = Vec::new();
    for _ in 0..40 {
        stalled.push(stall(address, unsigned()).await);
    }
    for delivery in [ping(), Delivery::new("issue_comment", &comment("/preview"))] {
        let answer = timeout(AT_ONCE, exchange(address, delivery)).await;
        let answer = answer.expect("it is answered at once");
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }
    // Those that were there first are gone; that may show as an error, as what they sent was not read.
    for connection in &mut stalled[..30] {
        let end = timeout(AT_ONCE, read_all(connection)).await;
        assert_eq!(end.expect("it is cut off").unwrap_or_default(), "");
    }
    assert!(fixture.measured(CONNECTIONS).await <= Some(8));
}

#[tokio::test]
async fn a_delivery_that_is_verified_is_not_cut_off_by_others() {
    let fixture = Fixture::with(endless(Limits { connections: 2, concurrent: 1, ..LIMITS }));
    let (address, _) = fixture.listen().await;
    fixture.temporal.fall_silent();
    let delivery = Delivery::new("issue_comment", &comment("/preview"));
    let accepted = tokio::spawn(exchange(address, delivery));
    while fixture.temporal.waiting() == 0 {
        yield_now().await;
    }
    for _ in 0..10 {
        drop(stall(address, unsigned()).await);
    }
    assert!(!accepted.is_finished());
    fixture.temporal.speak_again();
    let answer = accepted.await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_never_comes_to_an_end_is_cut_off() {
    let fixture = Fixture::new();
    let (address, _) = fixture.listen().await;
    let head = "POST /api/github/webhooks HTTP/1.1\r\n";
    let body = format!("{head}host: x\r\ncontent-length: 1000000\r\nx-github-event: push\r\n");
    let signed = format!("{body}x-hub-signature-256: sha256={}\r\n\r\n", "0".repeat(64));
    let unsigned = format!("{body}\r\n");
    for (what, begin, dripping, answer) in [
        ("nothing", "", "", ""),
        ("headers", head, "x-header: x\r\n", ""),
        ("one header", head, "x", ""),
        ("a body", &signed, "x", "HTTP/1.1 408 "),
        ("a body without signature", &unsigned, "x", "HTTP/1.1 401 "),
    ] {
        let connected_at = Instant::now();
        let connection = TcpStream::connect(address).await.expect("a connection");
        let (mut reading, mut writing) = connection.into_split();
        let drip = async {
            // It fails when the connection is closed.
            let _ = writing.write_all(begin.as_bytes()).await;
            loop {
                sleep(Duration::from_millis(100)).await;
                let _ = writing.write_all(dripping.as_bytes()).await;
            }
        };
        let mut said = Vec::new();
        tokio::select! {
            () = drip => {}
            // An error is as good as an end.
            _ = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut said) => {}
        }
        let said = String::from_utf8(said).expect("text");
        assert!(said.starts_with(answer), "{what}: {said}");
        assert_eq!(said.is_empty(), answer.is_empty(), "{what}: {said}");
        let after = connected_at.elapsed();
        let twice = LIMITS.receive_timeout * 2;
        assert!(after < twice + Duration::from_secs(1), "{what}: {after:?}");
    }
    fixture.assert_untouched();
}

#[tokio::test]
async fn endless_headers_are_refused_before_they_fill_the_memory() {
    let fixture = Fixture::with(endless(LIMITS));
    let (address, _) = fixture.listen().await;
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let mut sent = 0;
    let line = format!("x-header: {}\r\n", "x".repeat(1000));
    let begin = "POST /api/github/webhooks HTTP/1.1\r\n";
    let mut next = begin.as_bytes();
    while sent < 64 * MIB && connection.write_all(next).await.is_ok() {
        sent += next.len();
        next = line.as_bytes();
    }
    // More than that is only in the buffers of the two sockets.
    assert!(sent < 16 * MIB, "{sent} bytes were taken");
}

#[tokio::test]
async fn a_connection_carries_one_request() {
    let fixture = Fixture::with(endless(LIMITS));
    let (address, _) = fixture.listen().await;
    for delivery in [ping(), unsigned()] {
        let answer = timeout(AT_ONCE, exchange(address, delivery)).await;
        let answer = answer.expect("the connection is closed");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    while fixture.measured(CONNECTIONS).await != Some(0) {
        yield_now().await;
    }
}

/// A delivery whose body is sent by hand.
fn streamed(delivery: Delivery) -> (Request<Body>, mpsc::UnboundedSender<Bytes>) {
    let (parts, _) = delivery.into_request().into_parts();
    let (sender, receiver) = mpsc::unbounded();
    let body = Body::from_stream(receiver.map(Ok::<_, Infallible>));
    (Request::from_parts(parts, body), sender)
}

fn of_size(event: &'static str, length: usize) -> Delivery {
    let mut body = b"{}".to_vec();
    body.resize(length, b' ');
    Delivery { body, ..Delivery::new(event, &json!({})) }
}

#[tokio::test]
async fn unverified_bodies_take_no_more_memory_than_they_may_and_the_oldest_makes_room() {
    let fixture = Fixture::with(endless(Limits { unverified_bytes: 2 * READ_MAX, ..LIMITS }));
    let fixture = std::sync::Arc::new(fixture);
    let mut requests = Vec::new();
    for _ in 0..5 {
        let delivery = of_size("issue_comment", 3 * MIB);
        let whole = Bytes::from(delivery.body.clone());
        let (request, sender) = streamed(delivery);
        let served = tokio::spawn({
            let fixture = fixture.clone();
            async move { fixture.send(request).await }
        });
        for part in whole.chunks(MIB) {
            let part = whole.slice_ref(part);
            sender.unbounded_send(part).expect("it is being read");
            for _ in 0..10 {
                yield_now().await;
            }
            let held = fixture.measured(BYTES).await.expect("a number");
            assert!(held <= 2 * READ_MAX as u64, "{held}");
        }
        requests.push((served, sender));
    }
    assert_eq!(fixture.measured(BYTES).await, Some(2 * READ_MAX as u64));
    for (index, (served, sender)) in requests.into_iter().enumerate() {
        drop(sender);
        let answer = served.await.expect("no panic");
        if index < 3 {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{index}");
            assert_eq!(answer.retry_after(), Some("30"));
        } else {
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{index}");
        }
    }
    assert_eq!(fixture.measured(BYTES).await, Some(0));
    let overloaded = r#"preview_webhook_deliveries_total{outcome="overloaded"}"#;
    assert_eq!(fixture.measured(overloaded).await, Some(3));
}

#[tokio::test]
async fn of_events_that_nobody_reads_nothing_is_kept() {
    let fixture = std::sync::Arc::new(Fixture::with(endless(Limits { unverified_bytes: 0, ..LIMITS })));
    let delivery = of_size("push", BODY_MAX);
    let whole = Bytes::from(delivery.body.clone());
    let (request, sender) = streamed(delivery);
    for part in whole.chunks(MIB) {
        let part = whole.slice_ref(part);
        sender.unbounded_send(part).expect("it will be read");
    }
    drop(sender);
    assert_eq!(fixture.send(request).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(start_paused = true)]
async fn what_temporal_does_not_take_is_shed_at_once_and_everything_else_is_answered() {
    let fixture = std::sync::Arc::new(Fixture::with(Limits { concurrent: 2, ..LIMITS }));
    fixture.temporal.fall_silent();
    let under_way: Vec<_> = (0..2)
        .map(|_| {
            let fixture = fixture.clone();
            tokio::spawn(async move { fixture.say(&comment("/preview")).await })
        })
        .collect();
    while fixture.temporal.waiting() < 2 {
        yield_now().await;
    }
    let asked_at = Instant::now();
    let shed = fixture.say(&comment("/preview")).await;
    assert_eq!(shed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shed.retry_after(), Some("30"));
    for (delivery, status) in [(ping(), 204), (unsigned(), 401)] {
        let answer = fixture.deliver(delivery).await;
        assert_eq!(answer.status.as_u16(), status);
    }
    let no_command = fixture.say(&comment("What a nice pull request")).await;
    assert_eq!(no_command.status, StatusCode::NO_CONTENT);
    assert_eq!(asked_at.elapsed(), Duration::ZERO, "nothing was waited for");

    fixture.temporal.speak_again();
    for accepted in under_way {
        let answer = accepted.await.expect("no panic");
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    let again = fixture.say(&comment("/preview")).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_unsigned_caller_takes_no_turn() {
    let fixture = Fixture::with(endless(Limits { concurrent: 1, ..LIMITS }));
    let (address, _) = fixture.listen().await;
    let mut stalled = Vec::new();
    for _ in 0..10 {
        stalled.push(stall(address, unsigned()).await);
    }
    let (head, body) = wire::bytes(Delivery::new("issue_comment", &comment("/preview"))).await;
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(&head).await.expect("a head");
    connection.write_all(&body).await.expect("a body");
    // Before the callers that stall reach the deadline of a delivery.
    let answer = timeout(AT_ONCE, read_all(&mut connection))
        .await
        .expect("at once")
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}
