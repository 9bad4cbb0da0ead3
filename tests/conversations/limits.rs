//! How many previews there may be: of a pull request, a repository, a person; at once, and in an hour.

use anyhow::{Context, Result};
use domain::preview::Phase;
use futures::future::{join_all, try_join_all};
use github_stand_in::User;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Preview, PullRequest, Setting, converse};

/// What is said where there is no room.
const NO_MORE: &str = "which is the limit";

#[test]
fn whoever_asks_for_more_than_there_is_room_for_is_told_what_makes_room() {
    converse(Setting::default().worker("PREVIEW_LIVE_PER_REPOSITORY", "1"), async |chat| {
        let (first, second) = tokio::try_join!(chat.pull_request(), chat.pull_request())?;
        let live = first.previewed().await?;

        let refused = second.request_preview().await?;
        let told = second
            .comes_to_say("that there is no room", |said| said.contains(NO_MORE))
            .await?;
        assert!(told.body.contains("/preview stop"), "what makes room: {}", told.body);
        assert_eq!(refused.closed().await?, WorkflowExecutionStatus::Failed);
        refused.gone().await?;
        assert_eq!(live.status().await?.phase, Phase::Ready, "what lives is not touched");

        first.asks(&User::writer(), "/preview stop").await?;
        live.is_over().await?;
        second.previewed().await?.stop().await
    });
}

#[test]
fn of_many_that_are_asked_for_at_once_as_many_live_as_there_is_room_for() {
    converse(Setting::default().worker("PREVIEW_LIVE_PER_PERSON", "3"), async |chat| {
        let pulls = chat.pull_requests(8).await?;
        let mona = User::writer();
        try_join_all(pulls.iter().map(|pull| pull.asks(&mona, "/preview"))).await?;

        let outcomes = join_all(pulls.iter().map(async |pull| {
            let url = pull.preview()?.url()?;
            let said = pull
                .comes_to_say("its URL, or that there is no room", |said| {
                    said.contains(url.as_str()) || said.contains(NO_MORE)
                })
                .await?;
            Ok::<bool, anyhow::Error>(said.body.contains(url.as_str()))
        }))
        .await;
        let live: Vec<bool> = outcomes.into_iter().collect::<Result<_>>()?;
        assert_eq!(live.iter().filter(|is_live| **is_live).count(), 3);
        for (pull, is_live) in pulls.iter().zip(live) {
            if is_live {
                pull.preview()?.stop().await?;
            }
        }
        Ok(())
    });
}

#[test]
fn thirty_pushes_keep_the_first_and_the_newest() {
    converse(Setting::default(), async |chat| {
        chat.configure("redeploy_on_push: true\n").await?;
        let pull = chat.pull_request_without_image().await?;
        let mut previews: Vec<Preview> = vec![pull.request_preview().await?];
        previews[0].reaches(Phase::WaitingForImage).await?;

        for number in 0..30 {
            pull.github.push([PullRequest::content(&format!("Push {number}"))]).await?;
            previews.push(pull.preview()?);
        }

        let (newest, older) = previews.split_last().context("thirty-one")?;
        newest.reaches(Phase::WaitingForImage).await?;
        let (first, between) = older.split_first().context("thirty")?;
        for preview in between {
            if preview.described().await?.is_some() {
                preview.is_over().await?;
            }
        }
        assert_eq!(first.status().await?.phase, Phase::WaitingForImage);
        pull.comes_to_say("the first and the newest only", |said| {
            let names = |preview: &Preview| said.contains(preview.id.commit.short());
            names(first) && names(newest) && !between.iter().any(names)
        })
        .await?;

        pull.build_image().await?;
        pull.shows_url().await?;
        first.is_over().await?;
        newest.stop().await
    });
}

#[test]
fn whoever_has_had_many_previews_in_an_hour_gets_no_more_and_is_told() {
    converse(Setting::default().worker("PREVIEW_STARTS_PER_HOUR", "2"), async |chat| {
        let pulls = chat.pull_requests(3).await?;
        for pull in &pulls[..2] {
            pull.previewed().await?.stop().await?;
        }
        let told = pulls[2].hears(&User::writer(), "/preview").await?;
        assert!(told.contains("within an hour"), "{told}");
        assert!(pulls[2].preview()?.described().await?.is_none(), "nothing was started");
        // Somebody else's hour has just begun.
        pulls[2].asks(&User::admin(), "/preview").await?;
        pulls[2].shows_url().await?.stop().await
    });
}

#[test]
fn a_repository_may_allow_itself_less() {
    converse(Setting::default(), async |chat| {
        chat.configure("limits:\n  live_per_person: 1\n").await?;
        let (first, second) = tokio::try_join!(chat.pull_request(), chat.pull_request())?;
        let live = first.previewed().await?;
        second.request_preview().await?;
        second
            .comes_to_say("whose room is used up", |said| {
                said.contains("mona already has 1 live preview of") && said.contains(NO_MORE)
            })
            .await?;
        // Not hers.
        second.asks(&User::admin(), "/preview").await?;
        let hers = second.shows_url().await?;
        tokio::try_join!(live.stop(), hers.stop()).map(drop)
    });
}
