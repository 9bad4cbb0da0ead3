//! Who may ask for what, and how the others are told.

use anyhow::{Context, Result};
use github_stand_in::User;
use jiff::Timestamp;
use stack::eventually;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Conversation, PullRequest, Setting, converse, timeouts::ANSWER};

use crate::ending::start_by_hand;

#[test]
fn someone_without_write_access_is_told_why_once_and_nothing_starts() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let people = [User::reader(), User::outsider(), User::triager()];
        for who in &people {
            let notice = pull.hears(who, "/preview").await?;
            assert!(notice.contains("write access") && notice.contains(who.login()), "{notice}");
        }

        // Again, and with something else: said once is enough.
        for who in &people {
            pull.asks(who, "/preview").await?;
            pull.asks(who, "/preview help").await?;
            pull.asks(who, "/preview nonsense").await?;
        }
        // What is asked is answered in order, so all of that has been looked at when this is.
        let preview = pull.previewed().await?;
        assert_eq!(pull.replies().len(), 3, "{:#?}", pull.replies());
        assert_eq!(chat.workflows.previews().await?.len(), 1);
        preview.stop().await
    });
}

#[test]
fn strangers_are_not_answered_where_nothing_is_left_to_decide() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        pull.github.close()?;
        let strangers = [User::reader(), User::outsider(), User::triager()];
        for (who, text) in strangers.iter().zip(["/preview", "/preview help", "/preview nonsense"]) {
            pull.asks(who, text).await?;
        }
        // What is asked is answered in order, so all of that has been looked at when this is.
        let refusal = pull.hears(&User::writer(), "/preview").await?;
        assert!(refusal.contains("closed"), "{refusal}");
        assert_eq!(pull.github.app_comments().len(), 1, "{:#?}", pull.replies());
        Ok(())
    });
}

#[test]
fn those_who_may_write_may_preview() {
    converse(Setting::default(), async |chat| {
        for who in [User::writer(), User::maintainer(), User::admin()] {
            let pull = chat.pull_request().await?;
            pull.asks(&who, "/preview").await?;
            let preview = pull.shows_url().await?;
            assert!(pull.sticky()?.body.contains(who.login()), "{}", pull.sticky()?.body);
            preview.stop().await?;
        }
        Ok(())
    });
}

#[test]
fn talk_about_previews_starts_none() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());

        for (who, body) in [
            (&mona, "Shall I write /preview now?"),
            (&mona, "> /preview"),
            (&mona, "    /preview"),
            (&mona, "```\n/preview\n```"),
            (&mona, "`/preview`"),
            (&mona, "<!-- /preview -->"),
            (&mona, "/previews"),
            (&User::other_bot(), "/preview"),
        ] {
            let (_, outcome) = pull.comment(who, body).await?;
            assert_eq!(outcome.status_code, 204, "{body:?}: {outcome:?}");
        }
        let (remark, _) = pull.comment(&mona, "Looks good.").await?;
        let edit = remark.edit(&mona, "/preview")?.context("GitHub tells of edits")?;
        assert_eq!(pull.outcome_of(&edit).await?.status_code, 204, "an edit is no request");
        let issue = chat.around(chat.repository.open_issue(&mona, "The greeting is only in English")?);
        assert_eq!(issue.comment(&mona, "/preview").await?.1.status_code, 204, "an issue has no commit");

        assert!(pull.preview()?.described().await?.is_none());
        for place in [&pull, &issue] {
            assert!(place.github.app_comments().is_empty());
        }
        Ok(())
    });
}

/// What somebody who may start workflows, or knows the webhook's secret, could
/// have a pull request's workflow hear.
async fn signal_by_hand(chat: &Conversation, pull: &PullRequest) -> Result<String> {
    let repository = pull.preview()?.id.repository;
    let id = format!("{repository}#{}", pull.github.number());
    let input = serde_json::json!({
        "installation": chat.github.installation_id(repository.owner()),
        "repository": repository,
        "number": pull.github.number(),
    });
    let heard = serde_json::json!({
        "comment": 1,
        "author": "mona",
        "commands": [{ "Ok": { "preview": { "ttl": null } } }],
        "origin": {
            "installation": chat.github.installation_id(repository.owner()),
            "repository_id": 1,
            "happened_at": Timestamp::now(),
            "received_at": Timestamp::now(),
        },
    });
    let (input, heard) = (input.to_string(), heard.to_string());
    let words = ["workflow", "signal-with-start"].into_iter();
    let words = words.chain(["--type", "PullRequestWorkflow", "--workflow-id", &id]);
    let words = words.chain(["--task-queue", chat.workflows.task_queue()]);
    let words = words.chain(["--input", &input, "--signal-name", "commented"]);
    let words = words.chain(["--signal-input", &heard]);
    chat.stack.temporal_cli(&words.collect::<Vec<_>>()).await?;
    Ok(id)
}

#[test]
fn only_those_whom_the_operators_name_are_served() {
    converse(Setting::default(), async |chat| {
        // They have installed the App, and may do everything in their own repository.
        let strange = chat.namesake("Stranger").await?;
        let pull = chat.pull_request_in(&strange).await?;

        let (_, outcome) = pull.comment(&User::admin(), "/preview").await?;

        assert_eq!(outcome.status_code, 204, "{outcome:?}");
        assert!(chat.workflows.all().await?.is_empty());

        // Nor does the worker, whoever asks.
        let id = signal_by_hand(chat, &pull).await?;
        eventually(ANSWER, async || {
            let show = ["workflow", "show", "--output", "json", "--workflow-id", &id];
            match chat.stack.temporal_cli(&show).await {
                Ok(history) if history.contains("NotServed") => Ok(()),
                Ok(_) => Err("the worker has not looked yet".to_owned()),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await
        .map_err(anyhow::Error::msg)?;
        let preview = start_by_hand(chat, &pull).await?;
        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        let id = preview.id.to_string();
        let show = ["workflow", "show", "--output", "json", "--workflow-id", &id];
        let history = chat.stack.temporal_cli(&show).await?;
        assert!(history.contains("does not serve Stranger/"), "{history}");

        assert_eq!(chat.workflows.previews().await?.len(), 1, "only the one by hand");
        assert!(preview.namespace().await?.is_none());
        assert!(pull.github.app_comments().is_empty());
        Ok(())
    });
}

#[test]
fn neither_program_starts_without_being_told_whom_to_serve() {
    converse(Setting::default(), async |chat| {
        for owners in ["", "*"] {
            for service in [&mut chat.webhook, &mut chat.worker] {
                if service.is_running() {
                    service.stop().await?;
                }
                service.set("PREVIEW_ALLOWED_OWNERS", owners);
                let refusal = service.start().await.expect_err("whom?").to_string();
                assert!(refusal.contains("PREVIEW_ALLOWED_OWNERS"), "{refusal}");
            }
        }
        Ok(())
    });
}

#[test]
fn commits_from_a_fork_are_refused_with_the_reason() {
    converse(Setting::default(), async |chat| {
        let pull = chat
            .repository
            .open_from_fork(&User::outsider(), "Mine", [PullRequest::content("From outside")])
            .await?;
        let pull = chat.around(pull);

        let refusal = pull.hears(&User::maintainer(), "/preview").await?;

        assert!(refusal.contains("fork"), "{refusal}");
        assert!(pull.preview()?.described().await?.is_none());
        Ok(())
    });
}

#[test]
fn nobody_can_plant_the_comment_that_we_edit() {
    converse(Setting::default(), async |chat| {
        // A copy of our comment, hidden marker and all, by somebody else.
        let model = chat.pull_request().await?;
        model.previewed().await?.stop().await?;
        let pull = chat.pull_request().await?;
        let (planted, _) = pull.comment(&User::outsider(), &model.sticky()?.body).await?;

        let preview = pull.previewed().await?;

        assert_eq!(planted.history().len(), 1, "it was left alone");
        pull.sticky()?;
        preview.stop().await
    });
}
