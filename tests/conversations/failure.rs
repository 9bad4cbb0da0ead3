//! When a preview cannot be, the requester is told early and exactly why, and nothing stays.

use temporalio_client::WorkflowExecutionStatus;
use tests::{Setting, converse};
use workflows::vocabulary::Phase;

/// An app that dies at its start and tries to break out of the comment that tells of it.
const BROKEN_APP: &str = r#"
import sys
print("connecting to the database", flush=True)
print("```` </details> <script>alert(1)</script> @mona ~~~~ <!-- preview:sticky -->", file=sys.stderr, flush=True)
raise RuntimeError("the database is not there")
"#;

#[test]
fn an_image_that_never_comes_is_waited_for_and_then_named() {
    converse(Setting::default().image_patience("5s"), async |chat| {
        let pull = chat.pull_request_without_image().await?;

        let preview = pull.request_preview().await?;

        preview.reaches(Phase::WaitingForImage).await?;
        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        preview.gone().await?;
        let image = format!(
            "{}:{}",
            chat.repository.full_name().to_ascii_lowercase(),
            pull.github.head_sha()
        );
        pull.comes_to_say("which image never came", |said| {
            said.contains(&image) && said.contains("could not") && said.contains("`/preview`")
        })
        .await?;
        assert_eq!(preview.phases().await?.last(), Some(&Phase::Failed));
        Ok(())
    });
}

#[test]
fn a_preview_whose_image_comes_late_says_that_it_waits_and_then_shows_its_url() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        let waiting = pull.says("image").await?;
        assert!(
            waiting.body.contains(&pull.github.head_sha()),
            "{}",
            waiting.body
        );

        pull.build_image().await?;

        pull.shows_url().await?;
        assert_eq!(
            preview.open("/").await?.commit,
            Some(pull.github.head_sha())
        );
        preview.stop().await
    });
}

#[test]
fn an_app_that_crashes_fails_quickly_with_its_last_log_lines() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        pull.push(("hello_world/__main__.py", BROKEN_APP).into())
            .await?;

        let preview = pull.request_preview().await?;

        assert_eq!(
            preview.closed().await?,
            WorkflowExecutionStatus::Failed,
            "the dead letter"
        );
        preview.gone().await?;
        let last = pull.says("the database is not there").await?.body;
        assert!(
            last.contains("<details>") && last.contains("/preview"),
            "{last}"
        );
        // Whatever the app printed stands between two fences that it cannot close.
        let (before, rest) = last
            .split_once("\n`````text\n")
            .expect("a fence longer than the app's own");
        let (printed, after) = rest.split_once("\n`````\n").expect("the fence is closed");
        for attempt in ["<script>", "@mona ~~~~", "<!-- preview:sticky -->"] {
            assert!(
                printed.contains(attempt) && !after.contains(attempt),
                "{attempt}: {last}"
            );
        }
        assert!(
            !before.contains("<script>") && after.matches("</details>").count() == 1,
            "{last}"
        );
        let dead = chat
            .workflows
            .such_that("ExecutionStatus = 'Failed' AND PreviewPhase = 'Failed'")
            .await?;
        assert_eq!(dead.len(), 1, "found by the operator's query");

        // The next commit mends it.
        pull.push(
            (
                "hello_world/__main__.py",
                include_str!("../../hello-world-app/hello_world/__main__.py"),
            )
                .into(),
        )
        .await?;
        pull.previewed().await?.stop().await
    });
}

#[test]
fn a_chart_that_does_not_render_fails_with_helms_reason() {
    converse(Setting::default(), async |chat| {
        let chart = chat.folder.join("chart");
        std::fs::create_dir_all(chart.join("templates"))?;
        std::fs::write(
            chart.join("Chart.yaml"),
            "apiVersion: v2\nname: broken\nversion: 0.1.0\n",
        )?;
        std::fs::write(
            chart.join("templates").join("x.yaml"),
            "{{ fail \"this chart is broken on purpose\" }}",
        )?;
        chat.restart_worker_with("PREVIEW_CHART", &chart).await?;
        let pull = chat.pull_request().await?;

        let preview = pull.request_preview().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        preview.gone().await?;
        pull.says("this chart is broken on purpose").await.map(drop)
    });
}
