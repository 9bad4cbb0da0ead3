//! Who may ask for what, and how the others are told.

use anyhow::Context;
use dev::github::User;
use tests::{PullRequest, Setting, converse, patience::ANSWER};

/// The texts of all our comments.
fn told(pull: &PullRequest) -> Vec<String> {
    pull.github
        .app_comments()
        .into_iter()
        .map(|comment| comment.body)
        .collect()
}

#[test]
fn someone_without_write_access_is_told_why_once_and_nothing_starts() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        for who in [User::reader(), User::outsider(), User::triager()] {
            let before = told(&pull).len();
            let (_, outcome) = pull.comment(&who, "/preview").await?;
            assert_eq!(outcome.status_code, 202, "{outcome:?}");
            let addressed = |comment: &dev::github::Comment| comment.body.contains(who.login());
            let notice = pull.github.wait_for_comment(addressed, ANSWER).await?;
            assert!(notice.body.contains("write access"), "{}", notice.body);
            assert_eq!(told(&pull).len(), before + 1);
        }

        // Again, and again: said once is enough.
        for who in [User::reader(), User::outsider(), User::triager()] {
            assert_eq!(pull.comment(&who, "/preview").await?.1.status_code, 202);
        }
        // A preview that does start proves that whatever the others could have started would be visible by now.
        let preview = pull.previewed().await?;
        preview.stop().await?;
        assert_eq!(
            told(&pull).len(),
            4,
            "three notices and the preview's comment: {:#?}",
            told(&pull)
        );
        let previews = chat
            .workflows
            .such_that("WorkflowType = 'PreviewWorkflow'")
            .await?;
        assert_eq!(previews.len(), 1, "{previews:#?}");
        Ok(())
    });
}

#[test]
fn those_who_may_write_may_preview() {
    converse(Setting::default(), async |chat| {
        for who in [User::writer(), User::maintainer(), User::admin()] {
            let pull = chat.pull_request().await?;
            assert_eq!(pull.comment(&who, "/preview").await?.1.status_code, 202);
            let preview = pull.shows_url().await?;
            assert!(
                pull.sticky()?.body.contains(who.login()),
                "{}",
                pull.sticky()?.body
            );
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
            (&mona, "/preview please"),
            (&mona, "/previews"),
            (&User::other_bot(), "/preview"),
        ] {
            let (_, outcome) = pull.comment(who, body).await?;
            assert_eq!(outcome.status_code, 204, "{body:?}: {outcome:?}");
        }
        let (remark, _) = pull.comment(&mona, "Looks good.").await?;
        let edit = remark
            .edit(&mona, "/preview")?
            .context("GitHub tells of edits")?;
        assert_eq!(
            pull.outcome_of(&edit).await?.status_code,
            204,
            "an edit is no request"
        );
        let issue = chat.around(
            chat.repository
                .open_issue(&mona, "The greeting is only in English")?,
        );
        assert_eq!(
            issue.comment(&mona, "/preview").await?.1.status_code,
            204,
            "an issue has no commit"
        );

        assert!(pull.preview()?.described().await?.is_none());
        assert!(told(&pull).is_empty() && told(&issue).is_empty());
        Ok(())
    });
}

#[test]
fn commits_from_a_fork_are_refused_with_the_reason() {
    converse(Setting::default(), async |chat| {
        let pull = chat
            .repository
            .open_from_fork(
                &User::outsider(),
                "Mine",
                [PullRequest::content("From outside")],
            )
            .await?;
        let pull = chat.around(pull);

        let (_, outcome) = pull.comment(&User::maintainer(), "/preview").await?;

        assert_eq!(outcome.status_code, 202, "{outcome:?}");
        pull.says("fork").await?;
        assert!(pull.preview()?.described().await?.is_none());
        Ok(())
    });
}

#[test]
fn a_closed_pull_request_gets_no_preview() {
    converse(Setting::default(), async |chat| {
        let (closed, late) = (chat.pull_request().await?, chat.pull_request().await?);
        closed.github.close()?;
        assert_eq!(
            closed
                .comment(&User::writer(), "/preview")
                .await?
                .1
                .status_code,
            204
        );

        // Asked for while it was open, but closed before we heard of it.
        chat.webhook.stop().await?;
        let (comment, _) = late.comment(&User::writer(), "/preview").await?;
        late.github.close()?;
        chat.webhook.start().await?;
        let guid = comment
            .delivery
            .context("GitHub tried to tell of the comment")?;
        assert!(chat.github.redeliver(&guid));
        assert_eq!(late.outcome_of(&guid).await?.status_code, 202);
        late.says("not open").await?;

        for pull in [closed, late] {
            assert!(pull.preview()?.described().await?.is_none());
        }
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
        let (planted, _) = pull
            .comment(&User::outsider(), &model.sticky()?.body)
            .await?;

        let preview = pull.previewed().await?;

        assert_eq!(planted.history().len(), 1, "it was left alone");
        pull.sticky()?;
        preview.stop().await
    });
}
