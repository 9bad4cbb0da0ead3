//! A comment becomes a URL.

use anyhow::ensure;
use domain::preview::Phase;
use futures::future::try_join_all;
use github_stand_in::User;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Setting, converse, timeouts::ANSWER};
use workflows::search_attributes::{COMMIT, EXPIRES_AT, PHASE, PULL_REQUEST, REPOSITORY, REQUESTED_BY};

#[test]
fn a_comment_becomes_a_url_that_serves_that_commit_and_disappears_on_time() {
    converse(Setting::default().ttl("15s"), async |chat| {
        let pull = chat.pull_request().await?;

        let preview = pull.request_preview().await?;
        pull.says("Deployment requested! Setting up preview environment…").await?;
        pull.shows_url().await?;

        let page = preview.open("/").await?;
        assert_eq!((page.status, page.commit.as_deref()), (200, Some(pull.github.head_sha().as_str())));
        assert!(
            page.body.contains(&pull.github.head_sha()) && page.body.contains(&chat.repository.full_name()),
            "{}",
            page.body
        );
        let described = preview.described().await?.expect("it runs");
        let attributes = described.search_attributes();
        assert_eq!(attributes.get(&REPOSITORY), Some(chat.repository.full_name()));
        assert_eq!(attributes.get(&PULL_REQUEST), Some(1));
        assert_eq!(attributes.get(&COMMIT), Some(pull.github.head_sha()));
        assert_eq!(attributes.get(&PHASE).as_deref(), Some("Ready"));
        assert_eq!(attributes.get(&REQUESTED_BY).as_deref(), Some("mona"));
        let expires_at = preview.status().await?.expires_at.expect("a ready preview has an end");
        assert_eq!(attributes.get(&EXPIRES_AT).map(|time| time.seconds()), Some(expires_at.as_second()));

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Completed);
        preview.gone().await?;
        pull.says("expired").await?;
        let late = expires_at.duration_until(jiff::Timestamp::now());
        ensure!(!late.is_negative(), "it was removed {late:#} before its time");
        let history = pull.sticky_history()?;
        let [requested, ready, expired] = history.as_slice() else {
            panic!("the comment should have said three things: {history:#?}")
        };
        assert!(requested.contains("Deployment requested!"), "{requested}");
        assert!(
            ready.contains(preview.url()?.as_str())
                && ready.contains(&pull.github.head_sha()[..7])
                && ready.contains("UTC"),
            "{ready}"
        );
        assert!(!expired.contains(preview.url()?.as_str()) && expired.contains("/preview"), "{expired}");
        assert_eq!(
            preview.phases().await?,
            [
                Phase::Requested,
                Phase::Provisioning,
                Phase::Installing,
                Phase::Starting,
                Phase::Ready,
                Phase::TearingDown,
                Phase::Removed
            ]
        );
        Ok(())
    });
}

#[test]
fn two_pull_requests_each_show_their_own_commit() {
    converse(Setting::default(), async |chat| {
        let open = async |greeting: &str| {
            let pull = chat
                .repository
                .open_pull_request(&User::writer(), greeting, [tests::PullRequest::content(greeting)])
                .await?;
            let pull = chat.around(pull);
            pull.build_image().await?;
            pull.previewed().await?;
            anyhow::Ok(pull)
        };
        let (spanish, french) = tokio::try_join!(open("¡Hola, mundo!"), open("Bonjour, le monde !"))?;

        for (pull, own, other) in
            [(&spanish, "¡Hola, mundo!", "Bonjour"), (&french, "Bonjour, le monde !", "¡Hola")]
        {
            let page = pull.preview()?.open("/").await?;
            assert_eq!(page.commit, Some(pull.github.head_sha()));
            assert!(page.body.contains(own) && !page.body.contains(other), "{}", page.body);
            pull.preview()?.stop().await?;
        }
        Ok(())
    });
}

#[test]
fn asking_twenty_times_in_parallel_gives_one_workflow_one_namespace_and_one_comment() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let (mona, ada) = (User::writer(), User::admin());

        let asked =
            try_join_all((0..20).map(|n| pull.comment(if n % 2 == 0 { &mona } else { &ada }, "/preview")))
                .await?;

        for (_, outcome) in &asked {
            assert_eq!(outcome.status_code, 202, "{outcome:?}");
        }
        let preview = pull.shows_url().await?;
        // What is asked is answered in order: a request that is looked at after
        // the stop would be carried out.
        pull.hears(&mona, "/preview status").await?;
        assert_eq!(chat.namespaces().await?, [preview.namespace_name().await?]);
        pull.sticky()?;
        preview.stop().await?;
        stack::eventually(ANSWER, async || {
            match chat
                .workflows
                .such_that("WorkflowType = 'PreviewWorkflow' AND ExecutionStatus = 'Completed'")
                .await
            {
                Ok(runs) if runs.len() == 1 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .map_err(anyhow::Error::msg)?;
        assert_eq!(chat.workflows.previews().await?.len(), 1);
        pull.sticky()?;
        Ok(())
    });
}
