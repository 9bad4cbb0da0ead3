//! What an observer learns of the client's exchanges.

use std::sync::{Arc, Mutex};

use github::{Exchange, Limited, Observer};
use github_stand_in::{CannedAnswer, User};
use serde_json::json;

use crate::scene::Scene;

/// Writes down one line for each exchange.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn exchanged(&self, exchange: &Exchange<'_>) {
        let Exchange { installation, method, call, status, quota, limited } = exchange;
        let status = status.map_or("none".to_owned(), |status| status.as_u16().to_string());
        let whose = if installation.is_some() { "installation" } else { "app" };
        let left = quota.map_or_else(String::new, |quota| {
            format!(" {} of {} {}", quota.remaining, quota.limit, quota.resource)
        });
        let limited = match limited {
            Some(Limited::Primary) => " primary limit",
            Some(Limited::Secondary) => " secondary limit",
            None => "",
        };
        let note = format!("{method} {call} {status} {whose}{left}{limited}");
        self.0.lock().expect("nothing panics with it").push(note);
    }
}

impl Notes {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nothing panics with it"))
    }
}

#[tokio::test]
async fn every_exchange_is_told_with_what_is_left_of_the_limit() {
    let scene = Scene::start().await;
    let notes = Arc::new(Notes::default());
    let app = scene.observed_app(notes.clone());
    app.pull_request(&scene.reference()).await.expect("a pull request");
    app.create_comment(&scene.reference(), "hello").await.expect("a comment");
    app.role(&scene.reference(), "mona").await.expect("a role");
    assert_eq!(
        notes.taken(),
        [
            "POST access_tokens 201 app 4999 of 5000 core",
            "GET pulls 200 installation 4999 of 5000 core",
            "POST comments 201 installation 4998 of 5000 core",
            "GET permission 200 installation 4997 of 5000 core",
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_told_by_the_limit_that_was_reached() {
    let scene = Scene::start().await;
    for (headers, expected) in [
        ([("retry-after", "60"), ("x-ratelimit-remaining", "0")], "secondary limit"),
        ([("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795000000")], "primary limit"),
    ] {
        let notes = Arc::new(Notes::default());
        let app = scene.observed_app(notes.clone());
        let mut refusal = CannedAnswer::json(403, &json!({ "message": "no" }))
            .with_header("x-ratelimit-limit", "5000")
            .with_header("x-ratelimit-resource", "core");
        for (name, value) in headers {
            refusal = refusal.with_header(name, value);
        }
        scene.github.answer_next("pulls/get", refusal, 1);
        app.pull_request(&scene.reference()).await.expect_err("it is limited");
        let last = notes.taken().pop().expect("an exchange");
        assert!(last.starts_with("GET pulls 403") && last.ends_with(expected), "{last}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_told_too() {
    let scene = Scene::start().await;
    let notes = Arc::new(Notes::default());
    let app = scene.observed_app(notes.clone());
    scene.pull.comment(&User::writer(), "hello").expect("a comment");
    scene.github.stop().await;
    app.pull_request(&scene.reference()).await.expect_err("nobody is there");
    assert_eq!(notes.taken(), ["POST access_tokens none app"]);
}
