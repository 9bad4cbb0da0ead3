//! When a preview cannot be, the requester is told early and exactly why, and nothing stays.

use anyhow::{Context, Result};
use domain::preview::Phase;
use github_stand_in::User;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Conversation, HeldNamespace, Setting, converse};

use crate::chart::copy_with;

/// An app that dies at its start and tries to break out of the comment that tells of it.
const BROKEN_APP: &str = r#"
import sys
print("connecting to the database", flush=True)
print("```` </details> <script>alert(1)</script> @mona ~~~~ <!-- preview:sticky -->", file=sys.stderr, flush=True)
raise RuntimeError("the database is not there")
"#;

#[test]
fn an_image_that_never_comes_is_waited_for_and_then_named() {
    converse(Setting::default().image_timeout("5s"), async |chat| {
        let pull = chat.pull_request_without_image().await?;

        let preview = pull.request_preview().await?;

        preview.reaches(Phase::WaitingForImage).await?;
        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        preview.gone().await?;
        let image =
            format!("{}:{}", chat.repository.full_name().to_ascii_lowercase(), pull.github.head_sha());
        pull.comes_to_say("which image never came", |said| {
            said.contains(&image) && said.contains("could not") && said.contains("`/preview`")
        })
        .await?;
        assert_eq!(preview.phases().await?.last(), Some(&Phase::Failed));
        Ok(())
    });
}

#[test]
fn why_an_image_cannot_be_pulled_is_told() {
    converse(Setting::default(), async |chat| {
        let usual = chat.stack.env.preview_image.clone();
        let (registry, _) = usual.split_once('/').context("it names a registry")?;
        let from = ["private", "limited"].map(|folder| format!("{registry}/{folder}/{{repo}}"));
        chat.restart_worker_with("PREVIEW_ALLOWED_IMAGES", from.join(",")).await?;
        for (image, told) in from.iter().zip(["does not let the cluster pull", "limits how often"]) {
            chat.configure(&format!("image: \"{image}:{{commit}}\"\n")).await?;
            let pull = chat.pull_request().await?;

            let preview = pull.request_preview().await?;

            preview.reaches(Phase::WaitingForImage).await?;
            pull.says(told).await?;
            preview.stop().await?;
        }
        Ok(())
    });
}

#[test]
fn a_preview_whose_image_comes_late_says_that_it_waits_and_then_shows_its_url() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        let waiting = pull.says("image").await?;
        assert!(waiting.body.contains(&pull.github.head_sha()), "{}", waiting.body);

        pull.build_image().await?;

        pull.shows_url().await?;
        assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));
        preview.stop().await
    });
}

#[test]
fn an_app_that_crashes_fails_quickly_with_its_last_log_lines() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        pull.push(("hello_world/__main__.py", BROKEN_APP).into()).await?;

        let preview = pull.request_preview().await?;
        preview.has_namespace().await?;
        let held = HeldNamespace::new(chat.stack.kube.clone(), &preview.namespace_name().await?).await?;

        let why = "the database is not there";
        pull.comes_to_say("why, while what was deployed is being removed", |said| {
            said.contains(why) && said.contains("is being removed")
        })
        .await?;
        held.release().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed, "the dead letter");
        preview.gone().await?;
        let last = pull.says("has been removed").await?.body;
        assert!(last.contains(why) && last.contains("<details>") && last.contains("/preview"), "{last}");
        // Whatever the app printed stands between two fences that it cannot close.
        let (before, rest) = last.split_once("\n`````text\n").expect("a fence longer than the app's own");
        let (printed, after) = rest.split_once("\n`````\n").expect("the fence is closed");
        for attempt in ["<script>", "@mona ~~~~", "<!-- preview:sticky -->"] {
            assert!(printed.contains(attempt) && !after.contains(attempt), "{attempt}: {last}");
        }
        assert!(!before.contains("<script>") && after.matches("</details>").count() == 1, "{last}");
        let dead = chat
            .workflows
            .such_that("ExecutionStatus = 'Failed' AND PreviewPhase = 'Failed'")
            .await?;
        assert_eq!(dead.len(), 1, "found by the operator's query");

        // The next commit mends it.
        pull.push(
            ("hello_world/__main__.py", include_str!("../../hello-world-app/hello_world/__main__.py")).into(),
        )
        .await?;
        pull.previewed().await?.stop().await
    });
}

/// From now on, previews are installed from a chart that says so when it is rendered.
async fn restart_with_a_broken_chart(chat: &mut Conversation) -> Result<()> {
    let chart = chat.folder.join("chart");
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: broken\nversion: 0.1.0\n")?;
    std::fs::write(chart.join("templates").join("x.yaml"), "{{ fail \"this chart is broken on purpose\" }}")?;
    chat.restart_worker_with("PREVIEW_CHART", &chart).await
}

#[test]
fn logs_are_posted_in_private_repositories_only_unless_the_service_is_told_otherwise() {
    let setting = Setting::default().worker("PREVIEW_POST_LOGS", "private");
    converse(setting, async |chat| {
        restart_with_a_broken_chart(chat).await?;
        let (owner, name) = (chat.repository.owner(), format!("{}-private", chat.repository.name()));
        let private = chat.github.repository_named(owner, &name, true).await?;
        let (public, private) = (chat.pull_request().await?, chat.pull_request_in(&private).await?);
        for pull in [&public, &private] {
            pull.request_preview().await?;
            pull.says("cannot be rendered").await?;
        }
        let posted = "this chart is broken on purpose";
        let withheld = "Its last output is not posted";
        let said = public.sticky()?.body;
        assert!(said.contains(withheld) && !said.contains(posted), "{said}");
        let said = private.sticky()?.body;
        assert!(said.contains(posted) && !said.contains(withheld), "{said}");

        chat.restart_worker_with("PREVIEW_POST_LOGS", "never").await?;
        private.request_preview().await?;
        private.says(withheld).await?;
        let said = private.sticky()?.body;
        assert!(!said.contains(posted), "{said}");
        for pull in [public, private] {
            pull.preview()?.closed().await?;
            pull.preview()?.gone().await?;
        }
        Ok(())
    });
}

#[test]
fn a_chart_that_does_not_render_fails_with_helms_reason() {
    converse(Setting::default(), async |chat| {
        restart_with_a_broken_chart(chat).await?;
        let pull = chat.pull_request().await?;

        let preview = pull.request_preview().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        preview.gone().await?;
        pull.says("this chart is broken on purpose").await.map(drop)
    });
}

#[test]
fn a_migration_that_fails_fails_the_preview_at_once_with_its_log_and_without_its_secrets() {
    converse(Setting::default(), async |chat| {
        let chart = chat.folder.join("chart");
        copy_with(
            &chat.stack.env.preview_chart,
            &chart,
            "migration.yaml",
            include_str!("failing-migration.yaml"),
        )?;
        chat.restart_worker_with("PREVIEW_CHART", &chart).await?;
        let pull = chat.pull_request().await?;

        let preview = pull.request_preview().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        let phases = preview.phases().await?;
        assert!(!phases.contains(&Phase::Starting) && !phases.contains(&Phase::Ready), "{phases:?}");
        let said = pull.says("the table users is there already").await?.body;
        assert!(said.contains("`migration` ended with exit code 3"), "{said}");
        // Neither people nor Temporal nor our log get to see them.
        let history = preview.recorded().await?;
        let log = std::fs::read_to_string(chat.worker.log())?;
        assert!(history.contains("the table users is there already"));
        for secret in ["hunter2", "p@ss", "ss/word"] {
            for (place, text) in [("comment", &said), ("history", &history), ("log", &log)] {
                assert!(!text.contains(secret), "{secret} stands in the {place}");
            }
        }
        preview.gone().await
    });
}

#[test]
fn a_removal_that_something_holds_up_is_told_meanwhile() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let held = HeldNamespace::new(chat.stack.kube.clone(), &preview.namespace_name().await?).await?;

        pull.asks(&User::writer(), "/preview stop").await?;

        let told = pull.says("It takes longer than usual").await?.body;
        assert!(told.contains("Removing the preview") && !told.contains("is ready"), "{told}");
        held.release().await?;
        preview.is_over().await?;
        pull.says("The preview is gone: it was stopped by").await?;
        Ok(())
    });
}
