//! What happens to a preview when the pull request goes on: new commits, and its end.

use anyhow::Result;
use checks::cookbook::configuration;
use domain::preview::Phase;
use github_stand_in::User;
use stack::eventually;
use temporalio_client::WorkflowExecutionStatus;
use tests::{ANOTHER_OWNER, Conversation, Preview, PullRequest, Setting, converse, timeouts::ANSWER};

/// An app that dies at its start.
pub(crate) const BROKEN: (&str, &str) = ("hello_world/__main__.py", "raise SystemExit(\"broken\")\n");

/// Waits until the pull request's own address leads to its head commit.
pub(crate) async fn address_follows(chat: &Conversation, pull: &PullRequest) -> Result<()> {
    let (url, head) = (pull.stable_url()?, pull.github.head_sha());
    let leads = async || match chat.stack.open(&url).await {
        Ok(page) if page.commit.as_deref() == Some(&head) => Ok(()),
        Ok(page) => Err(format!("{url} leads to {:?}, not {head}", page.commit)),
        Err(error) => Err(format!("{url}: {error:#}")),
    };
    eventually(ANSWER, leads).await.map_err(anyhow::Error::msg)
}

async fn is_live(preview: &Preview) -> Result<bool> {
    Ok(preview.open("/").await?.commit == Some(preview.id.commit.to_string()))
}

#[test]
fn the_older_commit_stays_live_until_the_newer_is_ready_and_the_address_follows() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let older = pull.previewed().await?;
        address_follows(chat, &pull).await?;
        pull.says(pull.stable_url()?.as_str()).await?;

        pull.github.push([PullRequest::content("A second thought")]).await?;
        let newer = pull.request_preview().await?;
        newer.reaches(Phase::WaitingForImage).await?;

        let both = pull
            .comes_to_say("both commits", |said| {
                said.contains(&older.id.commit.to_string()[..7])
                    && said.contains(&newer.id.commit.to_string()[..7])
                    && said.contains("image")
            })
            .await?;
        assert!(both.body.contains(older.url()?.as_str()), "it says which is live: {}", both.body);
        assert!(is_live(&older).await?);
        pull.build_image().await?;
        pull.shows_url().await?;
        older.is_over().await?;
        assert!(is_live(&newer).await?);
        address_follows(chat, &pull).await?;
        pull.comes_to_say("the newer commit only", |said| !said.contains(&older.id.commit.to_string()[..7]))
            .await?;
        pull.sticky()?;
        newer.stop().await
    });
}

#[test]
fn when_the_newer_commit_fails_the_older_stays_and_the_comment_says_which_is_live() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let older = pull.previewed().await?;
        let stable = pull.stable_url()?;
        pull.push(BROKEN.into()).await?;

        let newer = pull.request_preview().await?;

        assert_eq!(newer.closed().await?, WorkflowExecutionStatus::Failed);
        newer.gone().await?;
        pull.comes_to_say("which failed and which is live", |said| {
            said.contains("broken")
                && said.contains(&newer.id.commit.to_string()[..7])
                && said.contains(&older.id.commit.to_string()[..7])
                && older.url().is_ok_and(|url| said.contains(url.as_str()))
        })
        .await?;
        assert!(is_live(&older).await?);
        assert_eq!(
            chat.stack.open(&stable).await?.commit,
            Some(older.id.commit.to_string()),
            "its address leads there still"
        );

        // What is stopped is what is live.
        pull.asks(&User::writer(), "/preview stop").await?;
        older.is_over().await?;
        pull.comes_to_say("that nothing is live", |said| said.contains("broken") && !said.contains("is live"))
            .await
            .map(drop)
    });
}

#[test]
fn a_push_renews_the_preview_where_the_repository_wants_that() {
    converse(Setting::default(), async |chat| {
        chat.configure(&configuration("A preview for each push, for a day")).await?;
        let (pull, other) = (chat.pull_request().await?, chat.pull_request().await?);
        let older = pull.previewed().await?;

        pull.push(PullRequest::content("A second thought")).await?;
        other.push(PullRequest::content("Nobody asked for this")).await?;

        let newer = pull.shows_url().await?;
        older.is_over().await?;
        assert!(newer.open("/").await?.body.contains("A second thought"));
        assert!(other.preview()?.described().await?.is_none(), "no preview, no renewal");
        newer.stop().await
    });
}

#[test]
fn only_a_push_by_somebody_who_may_have_previews_is_followed() {
    converse(Setting::default(), async |chat| {
        chat.configure("who_may: [admin]\nredeploy_on_push: true\n").await?;
        let pull = chat.pull_request().await?;
        let (mona, ada) = (User::writer(), User::admin());
        pull.asks(&ada, "/preview").await?;
        let older = pull.shows_url().await?;

        pull.github.push_as(&mona, [PullRequest::content("Not vouched for")]).await?;
        pull.build_image().await?;
        let status = pull.hears(&ada, "/preview status").await?;
        assert!(status.contains(older.url()?.as_str()), "{status}");
        assert!(pull.preview()?.described().await?.is_none());

        pull.github.push_as(&ada, [PullRequest::content("Vouched for")]).await?;
        pull.build_image().await?;
        let newer = pull.shows_url().await?;
        older.is_over().await?;
        assert!(newer.open("/").await?.body.contains("Vouched for"));
        newer.stop().await
    });
}

#[test]
fn a_pull_request_that_is_closed_while_its_next_preview_is_being_started_gets_none() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let run = preview.run_id().await?;
        pull.asks(&User::writer(), "/preview stop\n/preview").await?;
        // In the moment in which the old one is gone, and the new one begins.
        preview.closed().await?;

        pull.github.close()?;

        pull.says("closed").await?;
        preview.is_over().await?;
        assert!(
            preview.run_id().await? == run || preview.namespace().await?.is_none(),
            "nothing is left of it"
        );
        Ok(())
    });
}

#[test]
fn a_push_alone_changes_nothing_elsewhere() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let said = pull.sticky()?.body;

        pull.push(PullRequest::content("A second thought")).await?;

        // Commands are carried out in order, and so are pushes: when this is
        // answered, the push was looked at.
        pull.hears(&User::writer(), "/preview status").await?;
        assert_eq!(chat.workflows.previews().await?.len(), 1);
        assert!(is_live(&preview).await?);
        assert_eq!(pull.sticky()?.body, said);
        preview.stop().await
    });
}

#[test]
fn closing_a_pull_request_removes_its_preview_and_reopening_it_allows_another() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        pull.github.close()?;

        preview.is_over().await?;
        pull.says("closed").await?;
        pull.github.reopen()?;
        let first = preview.run_id().await?;
        pull.previewed().await?;
        assert_ne!(preview.run_id().await?, first);
        preview.stop().await
    });
}

#[test]
fn merging_a_pull_request_removes_all_its_previews_whatever_they_are_doing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let older = pull.previewed().await?;
        pull.github.push([PullRequest::content("A second thought")]).await?;
        let newer = pull.request_preview().await?;
        newer.reaches(Phase::WaitingForImage).await?;

        pull.github.merge().await?;

        tokio::try_join!(older.is_over(), newer.is_over())?;
        pull.says("merged").await?;
        pull.sticky()?;
        Ok(())
    });
}

#[test]
fn repositories_of_the_same_name_have_addresses_of_their_own() {
    converse(Setting::default(), async |chat| {
        let namesake = chat.namesake(ANOTHER_OWNER).await?;
        let (one, other) = (chat.pull_request().await?, chat.pull_request_in(&namesake).await?);
        assert_eq!(one.github.number(), other.github.number());

        tokio::try_join!(one.previewed(), other.previewed())?;

        assert_ne!(one.stable_url()?, other.stable_url()?);
        for pull in [&one, &other] {
            address_follows(chat, pull).await?;
            assert!(is_live(&pull.preview()?).await?);
            pull.preview()?.stop().await?;
        }
        let tokens = chat.github.traffic().tokens_minted;
        assert!(tokens.len() == 2 && tokens.values().all(|minted| *minted == 1), "{tokens:?}");
        Ok(())
    });
}

#[test]
fn a_preview_that_never_came_up_does_not_take_the_address() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        preview.reaches(Phase::WaitingForImage).await?;
        let page = chat.stack.open(&pull.stable_url()?).await?;
        assert_eq!((page.status, page.commit), (404, None));
        preview.stop().await?;
        let after = chat.stack.open(&pull.stable_url()?).await?;
        assert_eq!((after.status, after.commit), (404, None));
        Ok(())
    });
}
