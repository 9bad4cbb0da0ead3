//! What people send to a running preview with the programs `temporal` and `tctl`, sense and nonsense.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use temporalio_client::WorkflowExecutionStatus;
use tests::{Preview, Setting, converse};

use crate::words::until;

/// When the preview will end, by its own account.
async fn end_of(preview: &Preview) -> Result<Timestamp> {
    Ok(preview.status().await?.expires_at.expect("a ready preview has an end"))
}

#[test]
fn extend_ttl_moves_the_end_and_the_comment_says_so() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let before = end_of(&preview).await?;

        preview.signal("extend_ttl", &[r#""10m""#]).await?;

        let after = before + SignedDuration::from_mins(10);
        pull.says(&until(after)).await?;
        assert_eq!(end_of(&preview).await?, after);
        preview.stop().await
    });
}

#[test]
fn the_retired_tctl_extends_a_preview_too() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let before = end_of(&preview).await?;

        let id = preview.id.to_string();
        let words = ["workflow", "signal", "-w", &id, "-n", "extend_ttl", "-i", r#""10m""#];
        chat.stack.tctl(&words).await?;

        let after = before + SignedDuration::from_mins(10);
        pull.says(&until(after)).await?;
        assert_eq!(end_of(&preview).await?, after);
        preview.stop().await
    });
}

#[test]
fn a_preview_lives_through_its_first_end_when_it_was_extended() {
    converse(Setting::default().ttl("8s"), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let first_end = end_of(&preview).await?;

        preview.signal("extend_ttl", &[r#""15s""#]).await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Completed);
        let lived = first_end.duration_until(Timestamp::now());
        assert!(lived >= SignedDuration::from_secs(15), "it ended {lived:#} after its first end");
        Ok(())
    });
}

#[test]
fn no_extension_outlives_the_maximum_lifetime() {
    converse(Setting::default().ttl("5m").max_lifetime("10m"), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let started: Timestamp = preview
            .described()
            .await?
            .and_then(|it| it.start_time())
            .expect("it runs")
            .try_into()?;
        let before = end_of(&preview).await?;

        preview.signal("extend_ttl", &[r#""30d""#]).await?;

        let most = started + SignedDuration::from_mins(10);
        pull.says(&until(most)).await?;
        assert!(before < most && end_of(&preview).await? == most);
        preview.stop().await
    });
}

#[test]
fn garbage_changes_nothing_and_a_good_signal_still_works_after_it() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let before = end_of(&preview).await?;
        let megabyte = chat.folder.join("megabyte.json");
        std::fs::write(&megabyte, serde_json::to_vec(&"x".repeat(1 << 20))?)?;

        for inputs in [
            &[][..],
            &["5"],
            &["{\"by\": \"10m\"}"],
            &["null"],
            &["[]"],
            &["true"],
            &["\"forever\""],
            &["\"-10m\""],
            &["\"10m\"", "\"10m\""],
        ] {
            preview.signal("extend_ttl", inputs).await?;
        }
        let (id, file) = (preview.id.to_string(), megabyte.to_string_lossy());
        chat.stack
            .temporal_cli(&[
                "workflow",
                "signal",
                "--workflow-id",
                &id,
                "--name",
                "extend_ttl",
                "--input-file",
                &file,
            ])
            .await?;
        preview.signal("no_such_signal", &["1"]).await?;
        preview.signal("requested_again", &["\"not a number\""]).await?;

        let status = preview.status().await?;
        assert_eq!(status.expires_at, Some(before));
        assert!(
            !status.ignored_signals.is_empty()
                && status.ignored_signals.iter().all(|reason| reason.len() < 500),
            "{status:#?}"
        );
        preview.signal("extend_ttl", &[r#""10m""#]).await?;
        pull.says(&until(before + SignedDuration::from_mins(10))).await?;
        assert_eq!(preview.open("/").await?.status, 200);
        preview.stop().await
    });
}

#[test]
fn garbage_sent_to_a_pull_requests_workflow_is_noted_and_the_next_command_is_heard() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let id = pull.github.to_string();
        let to = ["--workflow-id", &id];

        for (signal, input) in [
            ("commented", "5"),
            ("pushed", "{\"head\": \"main\"}"),
            ("closed", "null"),
            ("reported", "[]"),
        ] {
            let what = ["--name", signal, "--input", input];
            let arguments = [&["workflow", "signal"][..], &to, &what].concat();
            chat.stack.temporal_cli(&arguments).await?;
        }

        let question = [&["workflow", "query"][..], &to, &["--type", "ignored_signals"]].concat();
        let noted = chat.stack.temporal_cli(&question).await?;
        for signal in ["commented: ", "pushed: ", "closed: ", "reported: "] {
            assert!(noted.contains(signal), "{noted}");
        }
        preview.stop().await
    });
}

#[test]
fn stop_ends_a_preview_whatever_comes_with_it() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        preview.signal("stop", &["{\"please\": true}", "7"]).await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Completed);
        preview.gone().await?;
        let last = pull.says("stopped").await?.body;
        assert!(last.contains("`/preview`"), "{last}");
        Ok(())
    });
}
