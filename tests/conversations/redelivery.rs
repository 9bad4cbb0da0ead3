//! GitHub delivers at least once, and people press "Redeliver".

use anyhow::{Context, Result};
use github_stand_in::User;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Conversation, PullRequest, Setting, converse};

/// Delivers an earlier event again, and returns when it was looked at.
async fn redeliver(chat: &Conversation, pull: &PullRequest, guid: &str) -> Result<()> {
    assert!(chat.github.redeliver(guid), "GitHub knows the delivery {guid}");
    let outcome = pull.outcome_of(guid).await?;
    assert_eq!(outcome.status_code, 202, "{outcome:?}");
    // What is asked is answered in order.
    pull.hears(&User::writer(), "/preview status").await?;
    Ok(())
}

#[test]
fn the_same_delivery_again_starts_nothing_and_a_new_comment_starts_a_new_preview() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let (first, _) = pull.comment(&User::writer(), "/preview").await?;
        let first = first.delivery.context("GitHub told of the comment")?;
        let preview = pull.shows_url().await?;
        let first_run = preview.run_id().await?;

        redeliver(chat, &pull, &first).await?;
        assert_eq!(preview.run_id().await?, first_run, "during the preview");
        preview.stop().await?;
        pull.says("stopped").await?;
        redeliver(chat, &pull, &first).await?;
        assert_eq!(preview.run_id().await?, first_run, "after its end");

        let (second, _) = pull.comment(&User::writer(), "/preview").await?;
        let second = second.delivery.context("GitHub told of the comment")?;
        pull.shows_url().await?;
        let second_run = preview.run_id().await?;
        assert_ne!(second_run, first_run, "a new comment is a new request");
        assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));
        redeliver(chat, &pull, &first).await?;
        assert_eq!(preview.run_id().await?, second_run, "an older comment, during the newer preview");

        preview.stop().await?;
        for guid in [&first, &second] {
            redeliver(chat, &pull, guid).await?;
        }
        assert_eq!(preview.run_id().await?, second_run, "older comments, after the newer preview's end");
        assert_eq!(
            preview.described().await?.map(|it| it.status()),
            Some(WorkflowExecutionStatus::Completed)
        );
        pull.sticky()?;
        Ok(())
    });
}

#[test]
fn a_comment_that_joined_a_running_preview_starts_nothing_when_it_is_delivered_again_after_the_end() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let run = preview.run_id().await?;

        let joined = pull.asks(&User::admin(), "/preview").await?;
        pull.reply_to(&joined).await?;
        preview.stop().await?;
        redeliver(chat, &pull, &joined.delivery.context("GitHub told of the comment")?).await?;

        assert_eq!(preview.run_id().await?, run);
        Ok(())
    });
}
