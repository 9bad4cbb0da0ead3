//! Records `tests/histories` anew, from the conversations of the last
//! `cargo dev test`: what the replay tests read.
//!
//! The stack of the tests is gone by then, and its database is there:
//!
//! ```sh
//! temporal server start-dev --headless --port 7300 --db-filename .dev/test/temporal.db
//! cargo build --workspace --examples
//! target/debug/examples/record_histories .dev/test http://127.0.0.1:7300
//! ```

use std::{env, fs, path::Path};

use anyhow::{Context, Result};
use futures::TryStreamExt;
use serde_json::Value;
use temporalio_client::{
    Client, ClientOptions, ConnectionOptions, WorkflowExecution, WorkflowExecutionInfo,
    WorkflowFetchHistoryOptions, WorkflowListOptions,
};
use url::Url;

/// Stands for `pid@machine`: who did something is of no consequence for a replay,
/// and no machine's name belongs in a file.
const SOMEBODY: &str = "a worker";
const NAMESPACE: &str = "default";

const PREVIEW: &str = "PreviewWorkflow";
const PULL_REQUEST: &str = "PullRequestWorkflow";
const SWEEP: &str = "OrphanSweep";

/// What is recorded: the file, the conversation that it is of, the type of the
/// workflow, and which of its runs, from the first.
const HISTORIES: &[(&str, &str, &str, usize)] = &[
    (
        "expired",
        "preview-a_comment_becomes_a_url_that_serves_that_commit_and_disappears_on_time",
        PREVIEW,
        0,
    ),
    (
        "conversation-of-twenty-requests",
        "preview-asking_twenty_times_in_parallel_gives_one_workflow_one_namespace_and_one_comment",
        PULL_REQUEST,
        0,
    ),
    (
        "cancelled-before-it-began",
        "ending-cancelling_before_any_worker_is_up_deploys_nothing",
        PREVIEW,
        0,
    ),
    (
        "cancelled-while-helm-ran",
        "ending-cancelling_while_helm_runs_tears_down_what_there_is",
        PREVIEW,
        0,
    ),
    (
        "stopped-while-helm-ran",
        "ending-stopping_while_helm_runs_tears_down_what_there_is",
        PREVIEW,
        0,
    ),
    (
        "cancelled-with-its-pull-request",
        "ending-cancelling_a_pull_requests_workflow_removes_its_previews_and_a_later_command_is_heard",
        PREVIEW,
        0,
    ),
    (
        "conversation-cancelled",
        "ending-cancelling_a_pull_requests_workflow_removes_its_previews_and_a_later_command_is_heard",
        PULL_REQUEST,
        0,
    ),
    ("helm-failed", "failure-a_chart_that_does_not_render_fails_with_helms_reason", PREVIEW, 0),
    (
        "image-never-came",
        "failure-an_image_that_never_comes_is_waited_for_and_then_named",
        PREVIEW,
        0,
    ),
    (
        "image-came-late",
        "failure-a_preview_whose_image_comes_late_says_that_it_waits_and_then_shows_its_url",
        PREVIEW,
        0,
    ),
    (
        "migration-failed",
        "failure-a_migration_that_fails_fails_the_preview_at_once_with_its_log_and_without_its_secrets",
        PREVIEW,
        0,
    ),
    (
        "stopped",
        "commands-a_preview_is_extended_and_stopped_from_the_pull_request_and_one_comment_says_it_all",
        PREVIEW,
        0,
    ),
    (
        "conversation-extended",
        "commands-a_preview_is_extended_and_stopped_from_the_pull_request_and_one_comment_says_it_all",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-of-mistakes",
        "commands-a_slip_is_answered_with_what_was_probably_meant_or_with_what_is_allowed",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-stopped-and-begun-again",
        "commands-a_preview_that_is_asked_for_while_its_predecessor_is_removed_starts_when_that_is_gone",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-of-refusals",
        "permission-someone_without_write_access_is_told_why_once_and_nothing_starts",
        PULL_REQUEST,
        0,
    ),
    (
        "extended",
        "signals-a_preview_lives_through_its_first_end_when_it_was_extended",
        PREVIEW,
        0,
    ),
    (
        "worker-killed",
        "crash-a_worker_killed_while_helm_runs_is_replaced_and_the_preview_comes_up",
        PREVIEW,
        0,
    ),
    (
        "superseded",
        "newer_commit-the_older_commit_stays_live_until_the_newer_is_ready_and_the_address_follows",
        PREVIEW,
        0,
    ),
    (
        "conversation-newer-commit-took-over",
        "newer_commit-the_older_commit_stays_live_until_the_newer_is_ready_and_the_address_follows",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-newer-commit-failed",
        "newer_commit-when_the_newer_commit_fails_the_older_stays_and_the_comment_says_which_is_live",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-renewed-on-push",
        "newer_commit-a_push_renews_the_preview_where_the_repository_wants_that",
        PULL_REQUEST,
        0,
    ),
    (
        "pull-request-closed",
        "newer_commit-closing_a_pull_request_removes_its_preview_and_reopening_it_allows_another",
        PREVIEW,
        0,
    ),
    (
        "conversation-closed",
        "newer_commit-closing_a_pull_request_removes_its_preview_and_reopening_it_allows_another",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-closed-while-starting",
        "newer_commit-a_pull_request_that_is_closed_while_its_next_preview_is_being_started_gets_none",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-preview-terminated",
        "sticky-of_a_terminated_preview_the_comment_does_not_say_that_it_is_ready",
        PULL_REQUEST,
        0,
    ),
    (
        "conversation-that-takes-in-a-preview",
        "adoption-a_preview_is_known_again_after_its_pull_requests_workflow_was_terminated",
        PULL_REQUEST,
        1,
    ),
    (
        "conversation-stopped-unseen",
        "github_away-a_stop_overtakes_what_waits_and_is_obeyed_although_github_says_nothing",
        PULL_REQUEST,
        0,
    ),
    (
        "orphan-marked",
        "sweep-the_namespace_of_a_terminated_preview_is_marked_and_after_the_grace_removed_and_no_other_is",
        SWEEP,
        0,
    ),
    (
        "orphan-removed",
        "sweep-the_namespace_of_a_terminated_preview_is_marked_and_after_the_grace_removed_and_no_other_is",
        SWEEP,
        usize::MAX,
    ),
    (
        "orphans-too-many",
        "sweep-too_many_removals_at_once_are_not_carried_out_until_an_operator_confirms_them",
        SWEEP,
        usize::MAX,
    ),
];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let state = arguments.next().context("which folder? .dev/test")?;
    let address = arguments.next().context("which Temporal? Give its address")?;
    let address: Url = address.parse()?;
    let connection = ConnectionOptions::new(address).build();
    let client = Client::connect(connection, ClientOptions::new(NAMESPACE).build()).await?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("histories");
    for (file, conversation, kind, which) in HISTORIES {
        let queue = task_queue(&Path::new(&state).join("conversations").join(conversation))?;
        let history = history(&client, &queue, kind, *which)
            .await
            .with_context(|| format!("{file}, of {conversation}"))?;
        fs::write(folder.join(format!("{file}.json")), history)?;
        println!("{file}");
    }
    Ok(())
}

/// Every conversation has its own, which its worker's log names.
fn task_queue(conversation: &Path) -> Result<String> {
    let log = fs::read_to_string(conversation.join("worker.log"))
        .with_context(|| format!("{} was not held", conversation.display()))?;
    let (_, rest) = log.split_once("task_queue=").context("no task queue")?;
    let queue = rest.split_whitespace().next().context("no task queue")?;
    Ok(queue.to_owned())
}

async fn history(client: &Client, queue: &str, kind: &str, which: usize) -> Result<String> {
    let query = format!("TaskQueue = '{queue}' AND WorkflowType = '{kind}'");
    let runs = client.list_workflows(query, WorkflowListOptions::default());
    let mut runs: Vec<_> = runs.try_collect().await?;
    runs.sort_by_key(WorkflowExecution::start_time);
    let run = runs.get(which.min(runs.len().saturating_sub(1))).context("no such run")?;
    let history = WorkflowExecutionInfo::builder()
        .namespace(NAMESPACE)
        .workflow_id(run.id())
        .run_id(run.run_id())
        .build()
        .bind_untyped(client.clone())
        .fetch_history(WorkflowFetchHistoryOptions::default());
    let mut history: Value = serde_json::from_slice(&history.to_json().await?)?;
    anonymise(&mut history);
    Ok(serde_json::to_string_pretty(&history)? + "\n")
}

fn anonymise(value: &mut Value) {
    match value {
        Value::String(text) if names_a_process(text) => *text = SOMEBODY.to_owned(),
        Value::Object(fields) => fields.values_mut().for_each(anonymise),
        Value::Array(values) => values.iter_mut().for_each(anonymise),
        _ => {}
    }
}

fn names_a_process(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(pid, _)| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
}
