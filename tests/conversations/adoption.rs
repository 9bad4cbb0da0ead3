//! The workflow of a pull request can be lost: the next one takes in what is there.

use anyhow::{Context, Result};
use github_stand_in::User;
use tests::{Conversation, Preview, PullRequest, Setting, converse};

/// A preview that is ready, and whose pull request's workflow somebody has terminated.
async fn left_alone(chat: &Conversation) -> Result<(PullRequest, Preview)> {
    let pull = chat.pull_request().await?;
    let preview = pull.previewed().await?;
    chat.stack.terminate(&pull.github.to_string()).await?;
    Ok((pull, preview))
}

#[test]
fn a_preview_is_known_again_after_its_pull_requests_workflow_was_terminated() {
    converse(Setting::default(), async |chat| {
        let (pull, preview) = left_alone(chat).await?;
        let (mona, run) = (User::writer(), preview.run_id().await?);

        let answer = pull.hears(&mona, "/preview").await?;
        assert!(answer.contains("already exists"), "{answer}");
        pull.sticky()?;

        let before = preview.status().await?.expires_at;
        pull.asks(&mona, "/preview extend 5m").await?;
        let status = pull.hears(&mona, "/preview status").await?;
        assert!(status.contains(preview.url()?.as_str()), "{status}");
        assert_ne!(preview.status().await?.expires_at, before);

        pull.asks(&mona, "/preview stop").await?;
        preview.is_over().await?;
        pull.says("stopped").await?;
        assert_eq!(preview.run_id().await?, run, "nothing was started anew");
        Ok(())
    });
}

#[test]
fn a_stop_that_is_all_that_is_said_after_that_finds_the_preview() {
    converse(Setting::default(), async |chat| {
        let (pull, preview) = left_alone(chat).await?;
        pull.asks(&User::writer(), "/preview stop").await?;
        preview.is_over().await?;
        pull.says("stopped").await?;
        Ok(())
    });
}

#[test]
fn a_pull_request_that_is_closed_after_that_loses_its_preview_all_the_same() {
    converse(Setting::default(), async |chat| {
        let (pull, preview) = left_alone(chat).await?;
        let delivery = pull.github.close()?.context("GitHub told of the end")?;
        assert_eq!(pull.outcome_of(&delivery).await?.status_code, 202);
        preview.is_over().await?;
        pull.says("closed").await?;
        Ok(())
    });
}

#[test]
fn a_repository_that_is_called_something_else_keeps_its_conversations() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let renamed = chat.repository.rename(&format!("{}-renamed", chat.repository.name()))?;
        let pull = chat.around_in(&renamed, renamed.pull_request(pull.github.number()));

        let status = pull.hears(&User::writer(), "/preview status").await?;
        assert!(status.contains(preview.url()?.as_str()), "{status}");
        let sticky = pull.sticky()?.id;
        pull.github.close()?;
        preview.is_over().await?;
        pull.says("closed").await?;
        assert_eq!(pull.sticky()?.id, sticky);
        Ok(())
    });
}

#[test]
fn a_preview_of_a_repository_that_is_called_something_else_is_found_by_a_new_workflow() {
    converse(Setting::default(), async |chat| {
        let (pull, preview) = left_alone(chat).await?;
        let renamed = chat.repository.rename(&format!("{}-renamed", chat.repository.name()))?;
        let pull = chat.around_in(&renamed, renamed.pull_request(pull.github.number()));

        pull.github.close()?;

        preview.is_over().await?;
        pull.says("closed").await?;
        Ok(())
    });
}
