//! What those who operate the service type, and read.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::PreviewId;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use temporalio_client::{WorkflowExecutionStatus, WorkflowStartOptions};
use temporalio_common::search_attributes::SearchAttributes;
use tests::{Conversation, NAME_KEY, Operator, Preview, Setting, converse};
use workflows::{
    PreviewWorkflow,
    search_attributes::{EXPIRES_AT, PHASE, REQUESTED_BY},
};

/// As the program writes it.
fn short(preview: &Preview) -> String {
    let id = &preview.id;
    format!("{}:{}", id.pull_request_name(), id.commit.short())
}

/// The line of a table that is about this preview.
fn line_of<'t>(table: &'t str, preview: &Preview) -> Result<&'t str> {
    let name = short(preview);
    let line = table.lines().find(|line| line.starts_with(&name));
    line.with_context(|| format!("{name} is not in\n{table}"))
}

#[test]
fn an_operator_sees_every_preview_extends_one_and_stops_both() {
    converse(Setting::default(), async |chat| {
        let operator = chat.operator()?;
        assert_eq!(operator.types(&["list"]).await?.err, "No preview is open.\n");
        let pulls = chat.pull_requests(2).await?;
        let one = pulls[0].previewed().await?;
        let other = pulls[1].previewed().await?;

        let listed = operator.reads(&["list"]).await?;
        assert_eq!(listed.lines().count(), 3, "{listed}");
        for preview in [&one, &other] {
            let line = line_of(&listed, preview)?;
            assert!(line.contains("Ready") && line.contains("mona"), "{line}");
            assert!(line.ends_with(preview.url()?.as_str()), "{line}");
        }
        let number = pulls[1].github.number().to_string();
        let of_one = operator.reads(&["list", "--pull-request", &number, "--output", "json"]).await?;
        let of_one: Value = serde_json::from_str(&of_one)?;
        assert_eq!(of_one.as_array().map(Vec::len), Some(1), "{of_one:#}");
        assert_eq!(of_one[0]["preview"], other.id.to_string());

        // Temporal's records lag a moment behind; the pull request's own workflow does not.
        let explained = operator.reads(&["explain", &one.id.pull_request_name()]).await?;
        assert!(explained.contains(&format!("ready: {}", one.url()?)), "{explained}");
        let extend = format!("`preview extend {} 30m`", short(&one));
        assert!(explained.contains(&extend), "{explained}");

        let before = one.status().await?.expires_at.context("it is ready")?;
        let said = operator.reads(&["extend", &short(&one), "10m"]).await?;
        assert!(said.contains("now ends at"), "{said}");
        let after = before + SignedDuration::from_mins(10);
        assert_eq!(one.status().await?.expires_at, Some(after));
        pulls[0].says(&crate::words::until(after)).await?;

        let said = operator.reads(&["stop", &one.id.pull_request_name()]).await?;
        assert!(said.contains("is being removed"), "{said}");
        operator.reads(&["stop", &other.id.to_string()]).await?;
        for (pull, preview) in pulls.iter().zip([&one, &other]) {
            preview.is_over().await?;
            pull.says("stopped").await?;
            let told = operator.is_told(&["extend", &preview.id.to_string(), "10m"]).await?;
            assert!(told.contains("is not open"), "{told}");
            let explained = operator.reads(&["explain", &preview.id.to_string()]).await?;
            assert!(explained.contains("gone: an operator stopped it"), "{explained}");
        }
        Ok(())
    });
}

#[test]
fn a_dead_letter_is_explained_and_done_again() {
    converse(Setting::default().image_timeout("5s"), async |chat| {
        let operator = chat.operator()?;
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
        pull.says("could not").await?;

        let image = preview.id.commit.as_str();
        let listed = eventually_lists(&operator, &preview).await?;
        assert!(line_of(&listed, &preview)?.contains("mona"), "{listed}");
        let explained = operator.reads(&["explain", &preview.id.pull_request_name()]).await?;
        for told in ["could not be deployed", image, &format!("`preview retry {}`", short(&preview))] {
            assert!(explained.contains(told), "{explained}");
        }

        pull.build_image().await?;
        let failed_run = preview.run_id().await?;
        let said = operator.reads(&["retry", &pull.github.to_string()]).await?;
        assert!(said.contains("once more"), "{said}");
        assert_ne!(preview.run_id().await?, failed_run);

        pull.shows_url().await?;
        assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));
        let told = operator.is_told(&["retry", &preview.id.to_string()]).await?;
        assert!(told.contains("is open"), "{told}");
        assert_eq!(operator.reads(&["list", "--failed"]).await?, "");
        preview.stop().await?;
        pull.says("stopped").await?;
        let told = operator.is_told(&["retry", &preview.id.to_string()]).await?;
        assert!(told.contains("has not failed"), "{told}");
        Ok(())
    });
}

/// Waits until Temporal's records have the failed preview.
async fn eventually_lists(operator: &Operator, preview: &Preview) -> Result<String> {
    let listed = stack::eventually(tests::timeouts::ANSWER, async || {
        let listed = operator.reads(&["list", "--failed"]).await.map_err(|error| error.to_string())?;
        line_of(&listed, preview)
            .map(|_| listed.clone())
            .map_err(|error| error.to_string())
    });
    listed.await.map_err(anyhow::Error::msg)
}

#[test]
fn what_nobody_knows_is_said_to_be_unknown() {
    converse(Setting::default(), async |chat| {
        let operator = chat.operator()?;
        for words in [
            &["stop", "octo-org/nothing#7"][..],
            &["explain", "octo-org/nothing#7"],
            &["retry", "octo-org/nothing#7"],
        ] {
            let told = operator.is_told(words).await?;
            assert!(told.contains("spelled as GitHub spells it"), "{told}");
        }
        let nowhere = chat.operator()?.with("TEMPORAL_ADDRESS", "127.0.0.1:1");
        let told = nowhere.is_told(&["list"]).await?;
        assert!(told.contains("127.0.0.1:1") && told.contains("TEMPORAL_ADDRESS"), "{told}");
        Ok(())
    });
}

/// So many open previews, which nobody attends to, on a queue of their own.
const MANY: usize = 1_000;
/// How long a person waits for the list of them.
const WAITED_MAX: Duration = Duration::from_secs(2);

/// Starts them as they would be recorded if they were ready.
async fn start_many(chat: &Conversation, queue: &str) -> Result<()> {
    let expires_at = std::time::SystemTime::from(Timestamp::now() + SignedDuration::from_mins(30));
    let started = stream::iter(1..=MANY).map(async |number| {
        let id: PreviewId = format!("octo-org/many#{number}:{number:040x}").parse()?;
        let attributes = SearchAttributes::new([
            PHASE.value_set("Ready".to_owned()),
            REQUESTED_BY.value_set("mona".to_owned()),
            EXPIRES_AT.value_set(expires_at.into()),
        ]);
        let options = WorkflowStartOptions::new(queue, id.to_string()).search_attributes(attributes);
        let nobody_reads_it = serde_json::from_value(serde_json::json!({
            "idempotency_key": id, "repo": id.repository, "pr_number": number, "commit_sha": id.commit,
            "installation_id": 1, "comment_id": 1, "requested_by": "mona",
        }))?;
        let request: domain::preview::PreviewRequest = nobody_reads_it;
        chat.stack
            .temporal
            .start_workflow(PreviewWorkflow::run, request.into(), options.build())
            .await?;
        anyhow::Ok(())
    });
    started.buffer_unordered(50).try_collect().await
}

#[test]
fn a_thousand_previews_are_listed_within_two_seconds() {
    converse(Setting::default().without_worker(), async |chat| {
        let queue = format!("{}-many", chat.workflows.task_queue());
        start_many(chat, &queue).await?;
        let operator = chat.operator()?.with("PREVIEW_TASK_QUEUE", &queue);
        let with_key = chat
            .operator()?
            .with("PREVIEW_TASK_QUEUE", &queue)
            .with("PREVIEW_NAME_KEY", NAME_KEY)
            .with("PREVIEW_DOMAIN", &chat.stack.env.preview_domain);
        stack::eventually(tests::timeouts::ANSWER, async || {
            let listed = with_key.reads(&["list"]).await.map_err(|error| error.to_string())?;
            let found = listed.lines().count() - 1;
            if found == MANY { Ok(()) } else { Err(format!("{found} of {MANY}")) }
        })
        .await
        .map_err(anyhow::Error::msg)?;

        // Nobody answers for any of them, and yet the list is there.
        for (who, urls) in [(&with_key, MANY), (&operator, 0)] {
            // The machine may be busy with other conversations: the quickest of three counts.
            let mut took = Duration::MAX;
            for _ in 0..3 {
                let asked = Instant::now();
                let listed = who.reads(&["list"]).await?;
                took = took.min(asked.elapsed());
                assert_eq!(listed.lines().filter(|line| line.contains("http://pr-")).count(), urls);
            }
            ensure!(took < WAITED_MAX, "{MANY} previews were listed after {took:?}");
        }

        let query = format!("TaskQueue = '{queue}'");
        let terminate =
            ["workflow", "terminate", "--yes", "--reason", "they were to be counted only", "--query"];
        chat.stack.temporal_cli(&[&terminate[..], &[&query]].concat()).await?;
        Ok(())
    });
}
