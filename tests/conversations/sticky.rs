//! One comment on each pull request says what is true.

use anyhow::Context;
use futures::future::try_join_all;
use github_stand_in::User;
use jiff::SignedDuration;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Setting, converse, timeouts::RECOVERY};

use crate::words::written;

#[test]
fn a_comment_that_somebody_deletes_is_written_anew() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let first = pull.sticky()?;
        first.delete(&User::admin())?;

        pull.asks(&User::writer(), "/preview extend 10m").await?;

        let end = pull.comes_to_say("the new end", |said| said.contains("is ready")).await?;
        assert_ne!(end.id, first.id);
        let expires_at = preview.status().await?.expires_at.context("it is ready")?;
        assert!(end.body.contains(&written(expires_at)), "{}", end.body);
        preview.stop().await?;
        pull.says("stopped").await?;
        assert_eq!(pull.sticky()?.id, end.id);
        Ok(())
    });
}

#[test]
fn a_comment_that_github_does_not_find_for_a_moment_is_not_written_a_second_time() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let first = pull.sticky()?;
        chat.github.fail_next("issues/update-comment", 404, 1);

        preview.stop().await?;

        pull.says("stopped").await?;
        assert_eq!(pull.sticky()?.id, first.id);
        Ok(())
    });
}

#[test]
fn there_are_never_two_whoever_asks_for_what_at_the_same_moment() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let people = [User::writer(), User::maintainer(), User::admin()];
        let commands = ["/preview", "/preview status", "/preview extend 1m"];

        let asked = (0..18).map(|n| pull.asks(&people[n % 3], commands[n / 3 % 3]));
        try_join_all(asked).await?;

        let preview = pull.shows_url().await?;
        // What is asked is answered in order: a request that is looked at after
        // the stop would be carried out.
        pull.hears(&User::writer(), "/preview status").await?;
        pull.sticky()?;
        assert_eq!(chat.workflows.previews().await?.len(), 1);
        preview.stop().await?;
        pull.says("stopped").await?;
        pull.sticky()?;
        Ok(())
    });
}

#[test]
fn a_worker_killed_just_after_it_wrote_the_comment_writes_no_second_one() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        pull.says("Deployment requested!").await?;

        chat.worker.kill().await?;
        chat.worker.start().await?;

        let url = preview.url()?;
        pull.github
            .wait_for_comment(|comment| comment.body.contains(url.as_str()), RECOVERY)
            .await?;
        pull.sticky()?;
        preview.stop().await?;
        pull.says("stopped").await?;
        pull.sticky()?;
        Ok(())
    });
}

#[test]
fn the_comment_says_what_can_be_typed_next_and_warns_before_the_end() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.asks(&User::writer(), "/preview --ttl 1m").await?;
        let preview = pull.shows_url().await?;
        let end = preview.status().await?.expires_at.context("it is ready")?;

        preview.is_over().await?;
        pull.says("expired").await?;

        let versions = pull.sticky()?.history();
        let [requested, ready, warning, expired] = versions.as_slice() else {
            panic!("the comment should have said four things: {versions:#?}")
        };
        assert!(requested.body.contains("Deployment requested!"), "{}", requested.body);
        for (version, holds) in [
            (ready, &["is ready", "`/preview extend", "`/preview stop`", "mona"][..]),
            (warning, &["`/preview extend", "That is soon"]),
            (expired, &["`/preview`", "gone"]),
        ] {
            for part in holds {
                assert!(version.body.contains(part), "{part} is missing: {}", version.body);
            }
        }
        assert!(
            ready.body.contains(&written(end)) && warning.body.contains(&written(end)),
            "{}",
            warning.body
        );
        let ahead = warning.at.duration_until(end);
        assert!(
            ahead > SignedDuration::ZERO && ahead <= SignedDuration::from_secs(10),
            "it warned {ahead:#} before the end"
        );
        Ok(())
    });
}

#[test]
fn a_preview_that_is_extended_after_the_warning_is_no_longer_said_to_end_soon() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.asks(&User::writer(), "/preview --ttl 1m").await?;
        let preview = pull.shows_url().await?;
        pull.says("That is soon").await?;

        pull.asks(&User::writer(), "/preview extend 10m").await?;

        pull.comes_to_say("no warning", |said| said.contains("is ready") && !said.contains("That is soon"))
            .await?;
        assert_eq!(preview.open("/").await?.status, 200);
        preview.stop().await
    });
}

#[test]
fn the_comment_links_to_the_workflow() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        // What an address would take for its own is encoded.
        let id = preview.id.to_string().replace('/', "%2F").replace('#', "%23");
        let link = format!(
            "{}/namespaces/{}/workflows/{id}/{}",
            chat.stack.env.temporal_ui_url,
            chat.stack.env.temporal_namespace,
            preview.run_id().await?
        );
        let body = pull.sticky()?.body;
        assert!(body.contains(&link), "{link} is missing: {body}");
        preview.stop().await
    });
}

#[test]
fn of_a_terminated_preview_the_comment_does_not_say_that_it_is_ready() {
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        chat.stack.terminate(&preview.id.to_string()).await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Terminated);
        pull.comes_to_say("terminated, and no URL", |said| {
            said.contains("terminated") && !said.contains("is ready")
        })
        .await?;
        // Nobody looks after it any more but the sweep: the first marks, the second removes.
        crate::sweep::remove_orphans(chat).await?;
        preview.gone().await
    });
}

#[test]
fn a_preview_whose_pull_requests_workflow_was_terminated_is_still_told_of() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        chat.stack.terminate(&pull.github.to_string()).await?;

        preview.stop().await?;

        pull.says("stopped").await?;
        pull.sticky()?;
        Ok(())
    });
}

#[test]
fn the_last_word_is_said_although_github_failed_in_between() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        chat.github.fail_next("issues/create-comment", 502, 2);
        chat.github.fail_next("pulls/get", 500, 1);
        let preview = pull.previewed().await?;
        chat.github.fail_next("issues/update-comment", 503, 3);

        preview.stop().await?;

        pull.says("stopped").await?;
        pull.sticky()?;
        Ok(())
    });
}
