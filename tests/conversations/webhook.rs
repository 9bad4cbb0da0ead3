//! What the webhook answers to whatever knocks at its door.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use github_stand_in::{RawAnswer, User, sign};
use stack::eventually;
use tests::{Conversation, PullRequest, Setting, converse, timeouts::ANSWER};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The largest body of an event that the webhook reads.
const LARGEST: usize = 4 << 20;

/// A delivery that asks for a preview as GitHub would make it, but was never sent.
async fn request(chat: &Conversation, pull: &PullRequest) -> Result<Vec<u8>> {
    let (comment, _) = pull.comment(&User::writer(), "A remark.").await?;
    let guid = comment.delivery.context("GitHub told of the comment")?;
    let mut payload = chat.github.wait_for_delivery(&guid, ANSWER).await?.payload;
    payload["comment"]["body"] = "/preview".into();
    Ok(serde_json::to_vec(&payload)?)
}

/// The headers of a proper delivery.
fn headers(chat: &Conversation, event: &str, body: &[u8]) -> BTreeMap<String, String> {
    [
        ("content-type", "application/json".to_owned()),
        ("x-github-event", event.to_owned()),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
        ("x-hub-signature-256", chat.github.sign(body)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

async fn deliver(chat: &Conversation, headers: &BTreeMap<String, String>, body: &[u8]) -> Result<RawAnswer> {
    chat.github.deliver_raw(headers, body).await.map_err(anyhow::Error::from_boxed)
}

#[test]
fn a_delivery_that_is_not_what_it_should_be_gets_its_exact_status_and_starts_nothing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let body = request(chat, &pull).await?;
        let good = headers(chat, "issue_comment", &body);
        let without = |name: &str| {
            good.clone()
                .into_iter()
                .filter(|(header, _)| header != name)
                .collect::<BTreeMap<_, _>>()
        };
        let with = |name: &str, value: &str| {
            good.clone()
                .into_iter()
                .chain([(name.to_owned(), value.to_owned())])
                .collect::<BTreeMap<_, _>>()
        };

        for (what, status, headers, body) in [
            ("unsigned", 401, without("x-hub-signature-256"), body.clone()),
            (
                "signed with SHA-1 only",
                401,
                with("x-hub-signature-256", "sha1=757107ea0eb2509fc211221cce984b8a37570b6d"),
                body.clone(),
            ),
            ("malformed signature", 401, with("x-hub-signature-256", "sha256=zz"), body.clone()),
            (
                "signed with another secret",
                401,
                with("x-hub-signature-256", &sign("not the secret", &body)),
                body.clone(),
            ),
            (
                "changed after it was signed",
                401,
                good.clone(),
                [&body[..body.len() - 1], b" }"].concat(),
            ),
            ("no event", 400, without("x-github-event"), body.clone()),
            ("no delivery ID", 400, without("x-github-delivery"), body.clone()),
            (
                "form-encoded",
                415,
                with("content-type", "application/x-www-form-urlencoded"),
                body.clone(),
            ),
            ("not JSON", 400, headers(chat, "issue_comment", b"/preview"), b"/preview".to_vec()),
            ("JSON of another shape", 400, headers(chat, "issue_comment", b"[]"), b"[]".to_vec()),
            ("an event that we do not know", 204, headers(chat, "watch", &body), body.clone()),
            (
                "a ping",
                204,
                headers(chat, "ping", b"{\"zen\":\"Speak like a human.\"}"),
                b"{\"zen\":\"Speak like a human.\"}".to_vec(),
            ),
        ] {
            let answer = deliver(chat, &headers, &body).await.with_context(|| what.to_owned())?;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
        }
        let huge = vec![b' '; LARGEST + 1];
        assert_eq!(
            deliver(chat, &headers(chat, "issue_comment", &huge), &huge).await?.status,
            413,
            "oversized"
        );

        assert!(pull.preview()?.described().await?.is_none(), "nothing was started");
        // The same delivery, whole and signed, is accepted: so each refusal had
        // the reason that it was meant to have.
        assert_eq!(deliver(chat, &good, &body).await?.status, 202);
        pull.shows_url().await?.stop().await?;
        assert_eq!(chat.workflows.previews().await?.len(), 1);
        Ok(())
    });
}

#[test]
fn a_pull_request_that_nobody_talks_to_us_on_may_change_without_our_noticing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.github.push([("notes.txt", "A second thought")]).await?;
        pull.github.close()?;
        pull.github.reopen()?;
        pull.github.convert_to_draft()?;
        chat.github
            .wait_for("the outcome of every delivery", ANSWER, || {
                let deliveries = chat.github.deliveries();
                let are_done = deliveries.iter().all(|one| one.outcome.is_some());
                (deliveries.len() == 5 && are_done).then_some(())
            })
            .await?;
        for delivery in chat.github.deliveries() {
            let status = delivery.outcome.map(|outcome| outcome.status_code);
            assert_eq!(status, Some(204), "{:?}", delivery.action);
        }
        assert!(chat.workflows.all().await?.is_empty());
        Ok(())
    });
}

#[test]
fn while_the_secret_is_being_changed_both_are_good_and_afterwards_only_the_new_one() {
    converse(Setting::default().webhook("WEBHOOK_SECRET_PREVIOUS", "the old one"), async |chat| {
        let pull = chat.pull_request().await?;
        let body = request(chat, &pull).await?;
        let ping = |secret: &str| {
            let mut headers = headers(chat, "watch", &body);
            headers.insert("x-hub-signature-256".to_owned(), sign(secret, &body));
            headers
        };
        let new = headers(chat, "watch", &body);
        assert_eq!(deliver(chat, &new, &body).await?.status, 204, "the new one");
        assert_eq!(deliver(chat, &ping("the old one"), &body).await?.status, 204, "the old one");
        assert_eq!(deliver(chat, &ping(""), &body).await?.status, 401, "none");
        let old = ping("the old one");

        chat.webhook.stop().await?;
        chat.webhook.set("WEBHOOK_SECRET_PREVIOUS", "");
        chat.webhook.start().await?;

        assert_eq!(deliver(chat, &old, &body).await?.status, 401, "the old one, afterwards");
        assert_eq!(deliver(chat, &new, &body).await?.status, 204, "the new one, afterwards");
        Ok(())
    });
}

#[test]
fn a_webhook_that_is_told_to_stop_finishes_what_it_has_accepted() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let body = request(chat, &pull).await?;
        let address = chat.webhook_address.clone();

        // A delivery of which the first half has arrived; the webhook says "100
        // Continue" when it begins to read.
        let mut connection = TcpStream::connect(&address).await?;
        let lines: String = headers(chat, "issue_comment", &body)
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "POST /api/github/webhooks HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n{lines}\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await?;
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        connection.read_exact(&mut go_on).await?;
        assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));
        let (first, second) = body.split_at(body.len() / 2);
        connection.write_all(first).await?;

        chat.webhook.ask_to_stop()?;
        let closed = async || {
            if TcpStream::connect(&address).await.is_err() {
                Ok(())
            } else {
                Err("it still accepts".to_owned())
            }
        };
        eventually(ANSWER, closed).await.map_err(anyhow::Error::msg)?;
        connection.write_all(second).await?;

        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        assert!(chat.webhook.stopped().await?.success());
        pull.shows_url().await?.stop().await
    });
}

#[test]
fn a_webhook_that_is_replaced_accepts_what_is_said_until_nobody_sends_it_anything() {
    let setting = Setting::default().webhook("WEBHOOK_DRAIN", "1h");
    converse(setting, async |chat| {
        let pull = chat.pull_request().await?;
        chat.webhook.ask_to_stop()?;
        let readyz = format!("http://{}/readyz", chat.webhook.address());
        let not_ready = async || {
            let answer = reqwest::get(&readyz).await.map_err(|error| error.to_string())?;
            match answer.status().as_u16() {
                503 => Ok(()),
                other => Err(format!("it says {other}")),
            }
        };
        eventually(ANSWER, not_ready).await.map_err(anyhow::Error::msg)?;

        pull.comment(&User::writer(), "/preview").await?;
        pull.shows_url().await?.stop().await?;
        // An hour is longer than anybody waits for a test.
        chat.webhook.kill().await
    });
}

#[test]
fn a_crowd_that_stalls_unsigned_deliveries_keeps_nobody_from_a_preview() {
    let setting = Setting::default().webhook("WEBHOOK_RECEIVE_TIMEOUT", "1h");
    converse(setting, async |chat| {
        let pull = chat.pull_request().await?;
        let mut stalled = Vec::new();
        // More than there may be connections.
        for _ in 0..600 {
            let mut connection = TcpStream::connect(&chat.webhook_address).await?;
            let head = "POST /api/github/webhooks HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
            connection.write_all(head.as_bytes()).await?;
            stalled.push(connection);
        }
        pull.comment(&User::writer(), "/preview").await?;
        let preview = pull.shows_url().await?;
        // Not only when the crowd's deliveries have reached their deadline.
        let outcomes = chat.github.deliveries().into_iter().filter_map(|delivery| delivery.outcome);
        let slowest = outcomes.map(|outcome| outcome.duration).max();
        assert!(slowest < Some(Duration::from_secs(4)), "{slowest:?}");
        preview.stop().await
    });
}

#[test]
fn a_comment_that_has_lost_its_words_or_its_author_is_no_failed_delivery() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let body = request(chat, &pull).await?;
        let whole: serde_json::Value = serde_json::from_slice(&body)?;
        for (action, lost) in [
            ("deleted", "/comment/body"),
            ("created", "/comment/body"),
            ("created", "/comment/user"),
            // Last, as nothing is missing for a preview then.
            ("created", "/sender"),
        ] {
            let mut payload = whole.clone();
            payload["action"] = action.into();
            *payload.pointer_mut(lost).context("a field")? = serde_json::Value::Null;
            let body = serde_json::to_vec(&payload)?;
            let answer = deliver(chat, &headers(chat, "issue_comment", &body), &body).await?;
            let expected = if lost == "/sender" { 202 } else { 204 };
            assert_eq!(answer.status, expected, "{action} without {lost}: {answer:?}");
        }
        pull.shows_url().await?.stop().await
    });
}

#[test]
fn a_webhook_without_a_secret_does_not_start() {
    converse(Setting::default(), async |chat| {
        chat.webhook.stop().await?;
        chat.webhook.set("WEBHOOK_SECRET", "");
        let refusal = chat
            .webhook
            .start()
            .await
            .expect_err("anyone could sign with nothing")
            .to_string();
        assert!(refusal.to_ascii_uppercase().replace('-', "_").contains("WEBHOOK_SECRET"), "{refusal}");
        Ok(())
    });
}
