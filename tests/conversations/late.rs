//! Old news is not obeyed: GitHub promises no order, and everything can be delivered again.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use github_stand_in::{Comment, User};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{Conversation, Setting, converse};

/// What GitHub has told of a comment, with another number, text and time.
async fn comment(
    chat: &Conversation,
    like: &Comment,
    id: u64,
    text: &str,
    written: SignedDuration,
) -> Result<u16> {
    let deliveries = chat.github.deliveries();
    let known = deliveries.iter().find(|it| Some(&it.guid) == like.delivery.as_ref());
    let mut payload: Value = known.context("a delivery")?.payload.clone();
    payload["comment"]["id"] = json!(id);
    payload["comment"]["body"] = json!(text);
    payload["comment"]["created_at"] = json!(Timestamp::now() - written);
    let body = payload.to_string().into_bytes();
    let headers = BTreeMap::from(
        [
            ("content-type", "application/json".to_owned()),
            ("x-github-event", "issue_comment".to_owned()),
            ("x-github-delivery", uuid(id)),
            ("x-hub-signature-256", chat.github.sign(&body)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let answer = chat
        .github
        .deliver_raw(&headers, body)
        .await
        .map_err(anyhow::Error::from_boxed)?;
    Ok(answer.status)
}

fn uuid(id: u64) -> String {
    format!("0b989ba4-242f-11e5-81e1-{id:012}")
}

#[test]
fn an_end_that_is_told_of_after_the_pull_request_was_reopened_ends_nothing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.hears(&User::writer(), "/preview status").await?;
        chat.webhook.stop().await?;
        let closed = pull.github.close()?.context("GitHub told of the end")?;
        pull.outcome_of(&closed).await?;
        chat.webhook.start().await?;
        pull.github.reopen()?;
        let preview = pull.previewed().await?;

        assert!(chat.github.redeliver(&closed));
        assert_eq!(pull.outcome_of(&closed).await?.status_code, 202);

        let status = pull.hears(&User::writer(), "/preview status").await?;
        assert!(status.contains(preview.url()?.as_str()), "{status}");
        preview.stop().await
    });
}

#[test]
fn what_was_written_long_ago_is_answered_and_not_obeyed() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let asked = pull.asks(&User::writer(), "/preview status").await?;
        pull.reply_to(&asked).await?;
        let hours = SignedDuration::from_hours(2);

        assert_eq!(comment(chat, &asked, asked.id - 1, "/preview", hours).await?, 202);

        let answer = chat
            .github
            .wait_for("an answer", Duration::from_secs(60), || {
                let replies = pull.replies();
                replies.into_iter().find(|reply| reply.body.contains("more than an hour"))
            })
            .await?;
        assert!(answer.body.contains("Nothing was done"), "{}", answer.body);
        assert!(pull.preview()?.described().await?.is_none());

        // A stop of before the request ends nothing.
        let preview = pull.previewed().await?;
        assert_eq!(
            comment(chat, &asked, asked.id - 2, "/preview stop", SignedDuration::from_mins(5)).await?,
            202
        );
        chat.github
            .wait_for("an answer", Duration::from_secs(60), || {
                let replies = pull.replies();
                replies.into_iter().find(|reply| reply.body.contains("Nothing was stopped"))
            })
            .await?;
        assert_eq!(preview.open("/").await?.status, 200);
        preview.stop().await
    });
}
