//! When is the service ready, and what does it do when it is told to stop?

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use webhook::shutdown;

use crate::service::Fixture;

#[tokio::test]
async fn it_is_ready_while_temporal_answers_and_says_why_it_is_not() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("/readyz").await.status, StatusCode::OK);
    assert_eq!(fixture.get("/livez").await.status, StatusCode::OK);
    for _ in 0..5 {
        fixture.get("/readyz").await;
    }
    assert_eq!(fixture.inbox.checks(), 1, "an answer is true for a second");

    let fixture = Fixture::new();
    fixture.inbox.set_down(true);
    let answer = fixture.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text.contains("connection refused"), "{answer:?}");
    assert_eq!(fixture.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_temporal_that_says_nothing_is_not_waited_for() {
    let fixture = Fixture::new();
    fixture.inbox.fall_silent();
    let answer = fixture.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text.contains("did not answer"), "{answer:?}");
}

#[tokio::test]
async fn it_is_not_ready_from_the_moment_it_is_told_to_stop() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("/readyz").await.status, StatusCode::OK);
    fixture.shutdown.cancel();
    let answer = fixture.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.text, "shutting down\n");
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
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = tokio::spawn(shutdown::serve(listener, slow, fixture.shutdown.clone()));

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
    accepted
        .read_to_string(&mut answer)
        .await
        .expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"),
        "{answer}"
    );
    service.await.expect("no panic").expect("a clean end");
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
                entered
                    .expect("asked once")
                    .send(())
                    .expect("the test waits for it");
                std::future::pending::<&'static str>().await
            }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = tokio::spawn(shutdown::serve(listener, stuck, fixture.shutdown.clone()));
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
        .expect("no panic")
        .expect("a clean end");
}
