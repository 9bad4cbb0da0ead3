//! What an operator finds in the log when somebody asks why there was no answer.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::service::{Delivery, Fixture, comment};

/// Everything that was written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The log at the level that services have, after these payloads of this event.
async fn log_of(fixture: &Fixture, event: &'static str, payload: &Value) -> String {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let answer = fixture.deliver(Delivery::new(event, payload)).await;
    assert_eq!(answer.status.as_u16(), 204);
    drop(guard);
    let bytes = log.0.lock().expect("not poisoned").clone();
    String::from_utf8(bytes).expect("text")
}

/// A comment, changed.
fn but(text: &str, pointer: &str, value: Value) -> Value {
    let mut payload = comment(text);
    *payload.pointer_mut(pointer).expect("a field") = value;
    payload
}

#[tokio::test]
async fn why_something_like_a_command_got_no_answer_is_logged_and_counted() {
    let fixture = Fixture::new();
    for (reason, words, payload) in [
        ("no_command", "no command", comment("Type `/preview` to see it")),
        ("by_a_bot", "by a bot", but("/preview", "/comment/user/type", json!("Bot"))),
        ("no_author", "account was deleted", but("/preview", "/comment/user", json!(null))),
        ("other_action", "action not acted on", but("/preview", "/action", json!("edited"))),
        (
            "not_a_pull_request",
            "not on a pull request",
            but("/preview", "/issue/pull_request", json!(null)),
        ),
        (
            "no_installation",
            "`installation` is missing",
            but("/preview", "/installation", json!(null)),
        ),
    ] {
        let log = log_of(&fixture, "issue_comment", &payload).await;
        assert!(log.contains(words), "{reason}: {log:?}");
        assert!(!log.contains("/preview"), "{log}");
        let counted = format!("preview_webhook_ignored_total{{reason=\"{reason}\"}}");
        assert_eq!(fixture.measured(&counted).await, Some(1), "{reason}");
    }
}

#[tokio::test]
async fn everything_else_that_is_ignored_is_counted_and_leaves_no_line() {
    let fixture = Fixture::new();
    let talk = |pointer: &str, value: Value| but("What a nice pull request", pointer, value);
    for (event, payload) in [
        ("issue_comment", comment("What a nice pull request")),
        ("issue_comment", talk("/comment/user/type", json!("Bot"))),
        ("issue_comment", talk("/action", json!("deleted"))),
        ("issue_comment", talk("/comment/body", json!(null))),
        ("ping", json!({})),
        ("push", json!({})),
    ] {
        let log = log_of(&fixture, event, &payload).await;
        assert_eq!(log, "", "{payload}");
    }
    for (reason, times) in [("no_command", 2), ("ping", 1), ("other_event", 1)] {
        let counted = format!("preview_webhook_ignored_total{{reason=\"{reason}\"}}");
        assert_eq!(fixture.measured(&counted).await, Some(times), "{reason}");
    }
}
