//! What GitHub refuses, for a moment or for long, is not lost.

use std::time::{Duration, Instant};

use anyhow::Result;
use github_stand_in::User;
use stack::eventually;
use tests::{Conversation, PullRequest, Setting, converse, timeouts::ANSWER};

/// As good as for ever.
const ALWAYS: usize = 1_000_000;

/// What Temporal's UI shows of the pull request's workflow.
async fn details(chat: &Conversation, pull: &PullRequest) -> Result<String> {
    let id = pull.github.to_string();
    chat.stack
        .temporal_cli(&["workflow", "metadata", "--workflow-id", &id, "--output", "json"])
        .await
}

#[test]
fn a_request_survives_every_refusal_of_a_moment() {
    converse(Setting::default(), async |chat| {
        // A rotated key, a clock; a permission; a pull request that GitHub does
        // not find yet; a proxy in between.
        for (operation, status) in [
            ("apps/create-installation-access-token", 401),
            ("repos/get-collaborator-permission-level", 403),
            ("pulls/get", 404),
            ("repos/get-content", 422),
            ("issues/create-comment", 403),
        ] {
            let pull = chat.pull_request().await?;
            chat.github.expire_tokens();
            chat.github.fail_next(operation, status, 2);

            let preview = pull.previewed().await?;

            chat.github.fail_next(operation, status, 2);
            pull.asks(&User::writer(), "/preview stop").await?;
            preview.is_over().await?;
            pull.says("stopped").await?;
        }
        Ok(())
    });
}

#[test]
fn hours_without_requests_are_waited_for_and_the_workflow_says_so() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        // Longer than every time-out of one attempt on the way.
        let wait = Duration::from_secs(45);
        chat.github.use_up_requests(chat.repository.owner(), wait);
        let asked_at = Instant::now();
        pull.request_preview().await?;
        eventually(ANSWER, async || {
            let shown = details(chat, &pull).await.map_err(|error| error.to_string())?;
            if shown.contains("Waiting for GitHub to look up 1") {
                Ok(())
            } else {
                Err(shown)
            }
        })
        .await
        .map_err(anyhow::Error::msg)?;

        let preview = pull.shows_url().await?;

        assert!(asked_at.elapsed() >= wait);
        let labels = [r#"asked="pull_request""#, r#"reason="rate_limited""#];
        let counted = chat.worker.counted("preview_github_failed_attempts_total", &labels);
        assert!(counted.await? >= 1, "a metric says why");
        let shown = details(chat, &pull).await?;
        assert!(!shown.contains("to look up"), "{shown}");
        preview.stop().await
    });
}

#[test]
fn a_stop_overtakes_what_waits_and_is_obeyed_although_github_says_nothing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        pull.push(PullRequest::content("A second thought")).await?;
        chat.github.fail_next("pulls/get", 503, ALWAYS);
        let (mona, ada) = (User::writer(), User::admin());
        let request = pull.asks(&mona, "/preview").await?;

        pull.asks(&ada, "/preview stop").await?;

        preview.is_over().await?;
        pull.says("stopped").await?;
        chat.github.fail_next("pulls/get", 503, 0);
        let answer = pull.reply_to(&request).await?.body;
        assert!(answer.contains("stopped after this was written"), "{answer}");
        assert!(
            pull.preview()?.described().await?.is_none(),
            "what was asked before the stop does not begin after it"
        );
        Ok(())
    });
}

#[test]
fn an_end_is_obeyed_although_github_says_nothing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        chat.github.fail_next("pulls/get", 503, ALWAYS);

        pull.github.close()?;

        preview.is_over().await?;
        pull.says("closed").await?;
        Ok(())
    });
}

#[test]
fn an_app_that_was_installed_anew_is_heard_on_pull_requests_it_attended_to_before() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        chat.github.reinstall(chat.repository.owner());

        let status = pull.hears(&User::writer(), "/preview status").await?;

        assert!(status.contains(preview.url()?.as_str()), "{status}");
        pull.asks(&User::writer(), "/preview stop").await?;
        preview.is_over().await?;
        pull.says("stopped").await?;
        Ok(())
    });
}
