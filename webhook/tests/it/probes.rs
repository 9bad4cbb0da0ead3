//! Probes, and the drain at shutdown.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    service::{Delivery, Fixture, comment},
    wire,
};
use axum::http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

#[tokio::test]
async fn it_is_ready_while_temporal_answers_and_says_why_it_is_not() {
    let fixture = Fixture::new();
    assert_eq!(fixture.probe("/readyz").await.status, StatusCode::OK);
    assert_eq!(fixture.probe("/livez").await.status, StatusCode::OK);
    for _ in 0..5 {
        fixture.probe("/readyz").await;
    }
    assert_eq!(fixture.temporal.checks(), 1, "an answer is true for a second");

    let fixture = Fixture::new();
    fixture.temporal.set_down(true);
    let answer = fixture.probe("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text.contains("connection refused"), "{answer:?}");
    assert_eq!(fixture.probe("/livez").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_temporal_that_says_nothing_is_not_waited_for() {
    let fixture = Fixture::new();
    fixture.temporal.fall_silent();
    let answer = fixture.probe("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text.contains("did not answer"), "{answer:?}");
}

#[tokio::test]
async fn it_is_not_ready_from_the_moment_it_is_told_to_stop() {
    let fixture = Fixture::new();
    assert_eq!(fixture.probe("/readyz").await.status, StatusCode::OK);
    fixture.shutdown.cancel();
    let answer = fixture.probe("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.text, "shutting down\n");
}

#[tokio::test]
async fn while_whoever_distributes_deliveries_has_not_noticed_yet_they_are_accepted() {
    let drain = Duration::from_secs(600);
    let fixture = Fixture::new();
    let (address, service) = fixture.listen_with(fixture.router(), drain).await;
    fixture.shutdown.cancel();
    let answer = fixture.probe("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    for delivery in [
        Delivery::new("issue_comment", &comment("/preview")),
        Delivery::new("issue_comment", &comment("/preview stop")),
    ] {
        let answer = wire::exchange(address, delivery).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
    assert_eq!(fixture.temporal.signals().len(), 2);
    assert!(!service.is_finished());

    tokio::time::pause();
    tokio::time::advance(drain).await;
    service.await.expect("a clean end");
    TcpStream::connect(address).await.expect_err("it is closed");
}

#[tokio::test]
async fn the_public_port_says_nothing_about_health_and_load() {
    let fixture = Fixture::new();
    for path in ["/livez", "/readyz", "/metrics", "/"] {
        assert_eq!(fixture.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let answer = fixture.probe(webhook::router::WEBHOOK_PATH).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_accepted_is_finished_and_nothing_more_is_accepted() {
    let fixture = Fixture::new();
    let (entered, has_entered) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let gate = Arc::new(Mutex::new(Some((entered, released))));
    let slow = fixture.router().route(
        "/slow",
        axum::routing::get(move || {
            let gate = gate.lock().expect("not poisoned").take();
            async move {
                let (entered, released) = gate.expect("asked once");
                entered.send(()).expect("the test waits for it");
                released.await.expect("the test lets it go");
                "finished"
            }
        }),
    );
    let (address, service) = fixture.listen_with(slow, Duration::ZERO).await;

    let mut accepted = TcpStream::connect(address).await.expect("a connection");
    accepted
        .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("a request");
    has_entered.await.expect("the handler runs");
    fixture.shutdown.cancel();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    release.send(()).expect("the handler waits for it");
    let mut answer = String::new();
    accepted.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
    service.await.expect("a clean end");
}

#[tokio::test]
async fn who_never_finishes_does_not_hold_it_up_for_ever() {
    let fixture = Fixture::new();
    let (entered, has_entered) = oneshot::channel();
    let gate = Arc::new(Mutex::new(Some(entered)));
    let stuck = fixture.router().route(
        "/stuck",
        axum::routing::get(move || {
            let entered = gate.lock().expect("not poisoned").take();
            async move {
                entered.expect("asked once").send(()).expect("the test waits for it");
                std::future::pending::<&'static str>().await
            }
        }),
    );
    let (address, service) = fixture.listen_with(stuck, Duration::ZERO).await;
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection
        .write_all(b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("a request");
    has_entered.await.expect("the handler runs");
    tokio::time::pause();
    fixture.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(30), service)
        .await
        .expect("it stops in time")
        .expect("a clean end");
}
