//! What people can ask for in a comment, and what they are told.

use anyhow::{Context, Result};
use domain::preview::Phase;
use github_stand_in::{Comment, Role, User};
use jiff::{SignedDuration, Timestamp};
use stack::eventually;
use tests::{Preview, PullRequest, Setting, converse, timeouts::ANSWER};

use crate::words::{until, written};

/// When the preview will end, by its own account.
async fn end_of(preview: &Preview) -> Result<Timestamp> {
    let status = preview.status().await?;
    status.expires_at.context("a ready preview has an end")
}

/// The order in which texts come in another.
fn in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts
        .iter()
        .all(|part| rest.split_once(part).map(|(_, behind)| rest = behind).is_some())
}

#[test]
fn a_preview_is_extended_and_stopped_from_the_pull_request_and_one_comment_says_it_all() {
    converse(Setting::default(), async |chat| {
        let (pull, ada) = (chat.pull_request().await?, User::admin());
        let preview = pull.previewed().await?;
        let before = end_of(&preview).await?;

        pull.asks(&ada, "/preview extend 10m").await?;
        let after = before + SignedDuration::from_mins(10);
        pull.says(&until(after)).await?;
        assert_eq!(end_of(&preview).await?, after);
        pull.asks(&ada, "Thank you!\n\n/preview stop").await?;

        preview.is_over().await?;
        let last = pull
            .comes_to_say("stopped, and by whom", |said| said.contains("stopped") && said.contains("ada"))
            .await?;
        assert!(last.body.contains("`/preview`"), "{}", last.body);
        assert!(pull.replies().is_empty(), "{:#?}", pull.replies());
        assert!(pull.github.app_writes() <= 5, "{:#?}", pull.sticky_history()?);
        Ok(())
    });
}

#[test]
fn who_asked_for_a_preview_may_extend_and_stop_it_whatever_their_role_is_by_then() {
    converse(Setting::default(), async |chat| {
        let (pull, mona, rita) = (chat.pull_request().await?, User::writer(), User::reader());
        let preview = pull.previewed().await?;
        let before = end_of(&preview).await?;
        chat.repository.set_role(&mona, Role::Read)?;

        for command in ["/preview extend 10m", "/preview stop"] {
            let refusal = pull.asks(&rita, command).await?;
            if command.ends_with("10m") {
                assert!(pull.reply_to(&refusal).await?.body.contains("write access"));
            }
        }
        pull.asks(&mona, "/preview extend 10m").await?;
        pull.says(&until(before + SignedDuration::from_mins(10))).await?;
        let refusal = pull.hears(&mona, "/preview").await?;
        assert!(refusal.contains("write access"), "{refusal}");
        pull.asks(&mona, "/preview stop").await?;

        preview.is_over().await?;
        pull.says("stopped").await?;
        assert_eq!(pull.replies().len(), 2, "each was told once");
        Ok(())
    });
}

#[test]
fn a_preview_lives_as_long_as_was_asked_for_within_what_is_allowed() {
    converse(Setting::default().ttl("20m").max_lifetime("1h"), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());

        let refusal = pull.hears(&mona, "/preview --ttl 2h").await?;
        assert!(refusal.contains("2h") && refusal.contains("1h"), "{refusal}");
        assert!(pull.preview()?.described().await?.is_none());
        pull.asks(&mona, "/preview --ttl=5m").await?;
        let preview = pull.shows_url().await?;
        let left = Timestamp::now().duration_until(end_of(&preview).await?);
        assert!(left <= SignedDuration::from_mins(5) && left > SignedDuration::from_mins(3), "{left:#}");

        pull.asks(&mona, "/preview extend 30d").await?;
        let started: Timestamp = preview
            .described()
            .await?
            .and_then(|it| it.start_time())
            .context("it runs")?
            .try_into()?;
        let most = started + SignedDuration::from_hours(1);
        pull.says(&until(most)).await?;
        let refusal = pull.hears(&mona, "/preview extend 1m").await?;
        assert!(refusal.contains(&written(most)), "{refusal}");
        preview.stop().await
    });
}

#[test]
fn asking_again_for_what_exists_is_answered_with_a_link_to_the_one_comment() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        preview.reaches(Phase::WaitingForImage).await?;
        pull.asks(&User::admin(), "/preview").await?;
        pull.build_image().await?;
        pull.shows_url().await?;

        let answer = pull.hears(&User::maintainer(), "/preview").await?;

        assert!(
            answer.contains("already exists")
                && answer.contains("maia")
                && answer.contains(preview.url()?.as_str())
                && answer.contains(&written(end_of(&preview).await?))
                && answer.contains(&format!("#issuecomment-{}", pull.sticky()?.id)),
            "{answer}"
        );
        assert_eq!(pull.replies().len(), 1, "while it was being set up, the one comment said so");
        assert_eq!(chat.workflows.previews().await?.len(), 1);
        preview.stop().await
    });
}

#[test]
fn a_preview_that_is_asked_for_while_its_predecessor_is_removed_starts_when_that_is_gone() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let first = preview.run_id().await?;

        pull.asks(&User::admin(), "/preview stop\n/preview").await?;

        // Both runs have the same name, so the newer is the older until it exists.
        pull.comes_to_say("another requester and a URL", |said| {
            said.contains("Requested by ada") && said.contains("http") && said.contains("is ready")
        })
        .await?;
        assert_ne!(preview.run_id().await?, first);
        assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));
        preview.stop().await
    });
}

#[test]
fn the_state_of_every_preview_is_told_on_request() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        let none = pull.hears(&mona, "/preview status").await?;
        assert!(none.contains("no active preview") && none.contains("`/preview`"), "{none}");
        let preview = pull.previewed().await?;

        let one = pull.hears(&mona, "/PREVIEW Status").await?;

        assert!(
            one.contains(preview.url()?.as_str())
                && one.contains(&pull.github.head_sha()[..7])
                && one.contains(&written(end_of(&preview).await?)),
            "{one}"
        );
        preview.stop().await
    });
}

#[test]
fn every_command_is_explained_on_request() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        for question in ["/preview help", "/preview --help"] {
            let help = pull.hears(&User::writer(), question).await?;
            for usage in [
                "/preview [--ttl <duration>]",
                "/preview extend <duration>",
                "/preview stop",
                "/preview status",
                "/preview help",
            ] {
                assert!(help.contains(usage), "{usage} is missing: {help}");
            }
        }
        Ok(())
    });
}

#[test]
fn the_commands_of_one_comment_are_carried_out_in_their_order_and_answered_together() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        let several = "Let us see:\n\n/preview stop\n/preview status\n\n> /preview help\n\n/preview exten 5m";

        let answer = pull.hears(&mona, several).await?;

        assert!(
            in_order(&answer, &["no active preview to stop", "no active preview.", "`/preview extend`"]),
            "{answer}"
        );
        assert!(!answer.contains("Commands:"), "what was quoted was not asked: {answer}");
        assert_eq!(pull.replies().len(), 1);
        Ok(())
    });
}

#[test]
fn a_slip_is_answered_with_what_was_probably_meant_or_with_what_is_allowed() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        for (slip, hints) in [
            ("/preview exten 30m", &["exten", "/preview extend"][..]),
            ("/preview please", &["please", "/preview help"]),
            ("/preview extend", &["/preview extend <duration>"]),
            ("/preview extend soon", &["soon", "30m"]),
            ("/preview extend 1mo", &["1mo", "30m"]),
            ("/preview stop now", &["now", "/preview stop"]),
            ("/preview --ttl", &["/preview [--ttl <duration>]"]),
            ("/preview <b>@mona</b>", &["/preview help"]),
        ] {
            let answer = pull.hears(&mona, slip).await?;
            for hint in hints {
                assert!(answer.contains(hint), "{slip}: {hint} is missing: {answer}");
            }
        }
        assert!(pull.preview()?.described().await?.is_none());
        Ok(())
    });
}

#[test]
fn what_everybody_sees_as_a_line_of_its_own_is_heard_however_it_came_there() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        for comment in [
            "/preview status\r\n-- \r\nSent from a phone",
            "<img src=\"https://example.com/screenshot.png\">\n/preview status",
            "- [ ] docs\n/preview status",
            "\u{200b}/preview status",
            "<details><summary>Log</summary>\n\n/preview help\n\n</details>\n/preview status",
        ] {
            let answer = pull.hears(&mona, comment).await?;
            assert!(answer.contains("no active preview"), "{comment:?}: {answer}");
            assert!(!answer.contains("Commands:"), "{comment:?}: {answer}");
        }
        Ok(())
    });
}

#[test]
fn what_nobody_sees_is_not_done_and_what_is_nearly_a_command_gets_a_hint() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        for comment in [
            "Looks good!\n\n> <!--\n/preview stop\n> -->",
            "- <!--\n\n/preview stop\n\n-->",
            "<blockquote>\n\n/preview stop\n\n</blockquote>",
            "<details>\n\n/preview stop\n\n</details>",
            "@mona /preview is slow",
        ] {
            let (_, outcome) = pull.comment(&mona, comment).await?;
            assert_eq!(outcome.status_code, 204, "{comment:?}: {outcome:?}");
        }
        for (comment, hint) in [
            ("/preview, please", "`/preview`"),
            ("/preview.", "`/preview`"),
            ("**/preview**", "`/preview`"),
            ("@deploy-previews /preview stop", "`/preview stop`"),
            ("/preveiw\n\n/preview!", "`/preview`"),
        ] {
            let answer = pull.hears(&mona, comment).await?;
            assert_eq!(answer.matches("Did you mean").count(), 1, "{answer}");
            assert!(answer.contains(&format!("Did you mean {hint}?")), "{comment:?}: {answer}");
        }
        assert_eq!(pull.replies().len(), 5, "{:#?}", pull.replies());
        assert!(pull.preview()?.described().await?.is_none());
        Ok(())
    });
}

/// Comments while the webhook is down, and has the delivery made again after `meanwhile`.
async fn heard_late(
    chat: &mut tests::Conversation,
    pull: &PullRequest,
    text: &str,
    meanwhile: impl AsyncFnOnce(&PullRequest) -> Result<()>,
) -> Result<Comment> {
    chat.webhook.stop().await?;
    let (comment, _) = pull.comment(&User::writer(), text).await?;
    meanwhile(pull).await?;
    chat.webhook.start().await?;
    let guid = comment.delivery.clone().context("GitHub tried to tell of the comment")?;
    assert!(chat.github.redeliver(&guid));
    assert_eq!(pull.outcome_of(&guid).await?.status_code, 202);
    Ok(comment)
}

#[test]
fn a_command_is_carried_out_for_the_commit_that_is_newest_then() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let before = pull.preview()?;

        heard_late(chat, &pull, "/preview", async |pull| {
            pull.push(PullRequest::content("A second thought")).await
        })
        .await?;

        let preview = pull.shows_url().await?;
        assert!(pull.sticky()?.body.contains(&pull.github.head_sha()[..7]), "{}", pull.sticky()?.body);
        assert!(preview.open("/").await?.body.contains("A second thought"));
        assert!(before.described().await?.is_none());
        preview.stop().await
    });
}

#[test]
fn a_pull_request_that_was_decided_on_meanwhile_gets_no_preview_and_says_why() {
    converse(Setting::default(), async |chat| {
        let (closed, merged) = (chat.pull_request().await?, chat.pull_request().await?);
        let late =
            heard_late(chat, &closed, "/preview", async |pull| Ok(pull.github.close().map(drop)?)).await?;
        assert!(closed.reply_to(&late).await?.body.contains("closed"));
        let late =
            heard_late(chat, &merged, "/preview", async |pull| Ok(pull.github.merge().await.map(drop)?))
                .await?;
        assert!(merged.reply_to(&late).await?.body.contains("merged"));

        // Asked after the decision, and once more: said once is enough.
        closed.asks(&User::writer(), "/preview").await?;
        let status = closed.hears(&User::writer(), "/preview status").await?;
        assert!(status.contains("no active preview"), "{status}");
        assert_eq!(closed.replies().len(), 2);
        for pull in [closed, merged] {
            assert!(pull.preview()?.described().await?.is_none());
        }
        Ok(())
    });
}

#[test]
fn a_draft_is_previewed_like_any_other() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.github.convert_to_draft()?;
        let preview = pull.previewed().await?;
        pull.github.mark_ready_for_review()?;
        assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));
        preview.stop().await
    });
}

#[test]
fn where_the_conversation_is_locked_nothing_starts_and_a_later_command_is_heard() {
    converse(Setting::default(), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        pull.github.lock()?;
        pull.asks(&mona, "/preview").await?;
        // GitHub lets no App comment there, so nobody can be told.
        let refused = async || match chat.github.traffic().answers.get(&403) {
            Some(_) => Ok(()),
            None => Err("nobody was to be told".to_owned()),
        };
        eventually(ANSWER, refused).await.map_err(anyhow::Error::msg)?;
        pull.github.unlock()?;

        let status = pull.hears(&mona, "/preview status").await?;

        assert!(status.contains("no active preview"), "{status}");
        assert!(pull.preview()?.described().await?.is_none());
        pull.previewed().await?.stop().await
    });
}
