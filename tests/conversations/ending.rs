//! However a preview is cancelled, and whenever: nothing stays, and the comment says why.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use domain::preview::Phase;
use github_stand_in::User;
use stack::eventually;
use temporalio_client::WorkflowExecutionStatus;
use tests::{
    Conversation, HeldHelm, Preview, PullRequest, Setting, converse,
    timeouts::{HTTP, RECOVERY},
};

/// What must be true once a cancelled preview is over.
async fn ended_as_cancelled(pull: &PullRequest, preview: &Preview) -> Result<()> {
    assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Canceled);
    preview.gone().await?;
    let last = pull.says("gone: it was cancelled").await?.body;
    assert!(last.contains("`/preview`"), "{last}");
    assert_eq!(preview.phases().await?.last(), Some(&Phase::Removed));
    Ok(())
}

/// What `docs/development.md` says that an operator types.
pub(crate) async fn start_by_hand(chat: &Conversation, pull: &PullRequest) -> Result<Preview> {
    let preview = pull.preview()?;
    let id = preview.id.to_string();
    let repository = &preview.id.repository;
    let installation = chat.github.installation_id(repository.owner());
    let request = serde_json::json!({
        "idempotency_key": id,
        "repo": repository,
        "pr_number": pull.github.number(),
        "commit_sha": pull.github.head_sha(),
        "installation_id": installation,
        "comment_id": 1,
        "requested_by": "mona",
    });
    let (queue, request) = (chat.workflows.task_queue(), request.to_string());
    let words = ["workflow", "start", "--type", "PreviewWorkflow"];
    let words = words.into_iter().chain(["--task-queue", queue]);
    let words = words.chain(["--workflow-id", &id, "--input", &request]);
    chat.stack.temporal_cli(&words.collect::<Vec<_>>()).await?;
    Ok(preview)
}

/// What the button "Request Cancellation" of Temporal's UI does.
async fn cancel_in_the_ui(chat: &Conversation, preview: &Preview) -> Result<()> {
    let env = &chat.stack.env;
    let client = reqwest::Client::builder().timeout(HTTP).no_proxy().build()?;
    // The UI protects its forms with a token, which it hands out in a cookie.
    let settings = client.get(format!("{}/api/v1/settings", env.temporal_ui_url)).send().await?;
    let cookies = settings
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next()?.split_once('='));
    let cookies: HashMap<_, _> = cookies.collect();
    let token = cookies.get("_csrf").context("Temporal's UI gave no token")?;
    let id: String = url::form_urlencoded::byte_serialize(preview.id.to_string().as_bytes()).collect();
    let url = format!(
        "{}/api/v1/namespaces/{}/workflows/{id}/cancel",
        env.temporal_ui_url, env.temporal_namespace
    );
    let request = client
        .post(url)
        .header("cookie", format!("_csrf={token}"))
        .header("x-csrf-token", *token);
    let answer = request
        .json(&serde_json::json!({"reason": "not needed any more", "identity": "a person"}))
        .send()
        .await?;
    let status = answer.status();
    ensure!(status.is_success(), "Temporal's UI answered {status}: {}", answer.text().await?);
    Ok(())
}

#[test]
fn cancelling_a_ready_preview_tears_it_down() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        chat.stack.cancel(&preview.id.to_string()).await?;

        ended_as_cancelled(&pull, &preview).await
    });
}

#[test]
fn cancelling_in_temporals_ui_tears_it_down_too() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        cancel_in_the_ui(chat, &preview).await?;

        ended_as_cancelled(&pull, &preview).await
    });
}

#[test]
fn cancelling_while_helm_runs_tears_down_what_there_is() {
    converse(Setting::default(), async |chat| {
        let mut helm = HeldHelm::before(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        helm.is_called().await?;
        assert!(preview.namespace().await?.is_some());

        chat.stack.cancel(&preview.id.to_string()).await?;

        ended_as_cancelled(&pull, &preview).await
    });
}

#[test]
fn cancelling_before_any_worker_is_up_deploys_nothing() {
    converse(Setting::default().without_worker(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = start_by_hand(chat, &pull).await?;

        chat.stack.cancel(&preview.id.to_string()).await?;
        chat.worker.start().await?;

        ended_as_cancelled(&pull, &preview).await?;
        assert!(!preview.phases().await?.contains(&Phase::Installing), "{:?}", preview.phases().await?);
        Ok(())
    });
}

#[test]
fn stopping_while_helm_runs_tears_down_what_there_is() {
    converse(Setting::default(), async |chat| {
        let mut helm = HeldHelm::before(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        helm.is_called().await?;

        preview.stop().await?;

        pull.says("stopped").await.map(drop)
    });
}

#[test]
fn a_second_cancellation_does_not_disturb_the_teardown() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        chat.stack.cancel(&preview.id.to_string()).await?;
        preview.reaches(Phase::TearingDown).await?;
        // It may be over already, and then the server says so.
        let _ = chat.stack.cancel(&preview.id.to_string()).await;

        ended_as_cancelled(&pull, &preview).await
    });
}

#[test]
fn a_preview_that_is_started_by_hand_is_told_of_and_stopped_like_any_other() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = start_by_hand(chat, &pull).await?;
        pull.shows_url().await?;

        pull.asks(&User::admin(), "/preview stop").await?;

        preview.is_over().await?;
        pull.says("stopped").await.map(drop)
    });
}

#[test]
fn what_is_asked_while_a_cancelled_pull_request_is_cleared_up_is_carried_out_afterwards() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let first = preview.run_id().await?;
        chat.stack.cancel(&pull.github.to_string()).await?;
        preview.reaches(Phase::TearingDown).await?;

        pull.asks(&User::writer(), "/preview").await?;

        let another = eventually(RECOVERY, async || match preview.run_id().await {
            Ok(run) if run != first => Ok(()),
            other => Err(format!("{other:?}")),
        });
        another.await.map_err(anyhow::Error::msg)?;
        pull.shows_url().await?;
        preview.stop().await
    });
}

#[test]
fn cancelling_a_pull_requests_workflow_removes_its_previews_and_a_later_command_is_heard() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        chat.stack.cancel(&pull.github.to_string()).await?;

        ended_as_cancelled(&pull, &preview).await?;
        let first = preview.run_id().await?;
        pull.previewed().await?;
        assert_ne!(preview.run_id().await?, first);
        pull.sticky()?;
        preview.stop().await
    });
}
