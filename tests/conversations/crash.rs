//! Programs die at the worst moment. The preview ends in the right place all the same.

use anyhow::{Context, Result};
use domain::preview::Phase;
use github_stand_in::User;
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, Secret},
};
use kube::{
    Api,
    api::{ListParams, PostParams},
    runtime::{wait::await_condition, watcher},
};
use serde_json::json;
use temporalio_client::WorkflowExecutionStatus;
use tests::{
    Conversation, HeldHelm, Preview, PullRequest, Setting, converse,
    timeouts::{ANSWER, RECOVERY},
};
use tokio::time::timeout;

use crate::chart::{copy_with, in_repository, with_charts_of_repositories};

/// Waits for the URL longer than usual: the dead worker's heartbeats have to be missed first.
async fn recovers(pull: &PullRequest, preview: &Preview) -> Result<()> {
    let url = preview.url()?;
    pull.github
        .wait_for_comment(|comment| comment.body.contains(url.as_str()), RECOVERY)
        .await?;
    assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));
    Ok(())
}

#[test]
fn a_worker_killed_while_helm_runs_is_replaced_and_the_preview_comes_up() {
    converse(Setting::default(), async |chat| {
        let mut helm = HeldHelm::before(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        let process = helm.is_called().await?;

        chat.worker.kill_alone().await?;
        process.has_ended().await?;
        chat.worker.set("HELM", &chat.stack.env.helm);
        chat.worker.start().await?;

        recovers(&pull, &preview).await?;
        pull.sticky()?;
        preview.stop().await
    });
}

/// The cancellation and the end of the timer come to the workflow's code in the same moment.
#[test]
fn a_preview_that_is_cancelled_while_no_worker_runs_and_whose_time_is_over_by_then_is_removed() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.asks(&User::writer(), "/preview --ttl 15s").await?;
        let preview = pull.shows_url().await?;
        let expires_at = preview.status().await?.expires_at.context("it is ready")?;

        chat.worker.kill_alone().await?;
        chat.stack.cancel(&preview.id.to_string()).await?;
        let is_over = async || {
            if Timestamp::now() > expires_at {
                Ok(())
            } else {
                Err("its time is not over".to_owned())
            }
        };
        stack::eventually(ANSWER * 3, is_over).await.map_err(anyhow::Error::msg)?;
        chat.worker.start().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Canceled);
        preview.gone().await?;
        pull.says("it was cancelled").await?;
        Ok(())
    });
}

#[test]
fn a_preview_that_was_reset_is_removed_at_its_end() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let id = preview.id.to_string();
        let reset = [
            "workflow",
            "reset",
            "--workflow-id",
            &id,
            "--type",
            "LastWorkflowTask",
            "--reason",
            "a test",
        ];
        chat.stack.temporal_cli(&reset).await?;
        preview.reaches(Phase::Ready).await?;
        assert_eq!(preview.open("/").await?.commit, Some(pull.github.head_sha()));

        pull.asks(&User::writer(), "/preview stop").await?;

        preview.is_over().await?;
        pull.says("it was stopped by").await?;
        Ok(())
    });
}

#[test]
fn a_preview_keeps_its_names_when_the_service_gets_another_key_for_them_meanwhile() {
    converse(Setting::default(), async |chat| {
        let mut helm = HeldHelm::before(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        helm.is_called().await?;

        chat.worker.kill().await?;
        chat.worker.set("HELM", &chat.stack.env.helm);
        let another = "another key for conversations: 51ab9c70";
        chat.worker.set("PREVIEW_NAME_KEY", another);
        chat.worker.start().await?;

        recovers(&pull, &preview).await?;
        assert_eq!(chat.namespaces().await?, [preview.namespace_name().await?]);
        preview.stop().await
    });
}

/// Waits until Helm has noted in the cluster that an installation is under way.
async fn helm_is_installing(chat: &Conversation, preview: &Preview) -> Result<()> {
    preview.has_namespace().await?;
    let secrets: Api<Secret> = Api::namespaced(chat.stack.kube.clone(), &preview.namespace_name().await?);
    let pending = watcher::Config::default().labels("owner=helm,status=pending-install");
    let mut events = std::pin::pin!(watcher(secrets, pending));
    let noted = async {
        use futures::StreamExt;
        while let Some(event) = events.next().await {
            if matches!(event, Ok(watcher::Event::Apply(_) | watcher::Event::InitApply(_))) {
                return;
            }
        }
    };
    timeout(RECOVERY, noted).await.context("Helm has noted no installation")
}

#[test]
fn what_a_killed_helm_left_half_installed_is_recovered() {
    converse(Setting::default(), async |chat| {
        let chart = chat.folder.join("chart");
        copy_with(
            &chat.stack.env.preview_chart,
            &chart,
            "hook.yaml",
            include_str!("never-ending-hook.yaml"),
        )?;
        chat.restart_worker_with("PREVIEW_CHART", &chart).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        helm_is_installing(chat, &preview).await?;

        chat.worker.kill().await?;
        let secrets: Api<Secret> = Api::namespaced(chat.stack.kube.clone(), &preview.namespace_name().await?);
        let left = secrets
            .list(&ListParams::default().labels("owner=helm,status=pending-install"))
            .await?;
        assert_eq!(left.items.len(), 1, "the killed Helm left its note");
        chat.worker.set("PREVIEW_CHART", &chat.stack.env.preview_chart);
        chat.worker.start().await?;

        recovers(&pull, &preview).await?;
        preview.stop().await
    });
}

/// A pull request whose own chart has a migration that goes on until there is a ConfigMap of the name `gate`.
async fn with_a_migration(chat: &Conversation) -> Result<PullRequest> {
    chat.configure("chart: ./deploy/chart\n").await?;
    let pull = chat.pull_request_without_image().await?;
    let files = in_repository(
        &chat.stack.env.preview_chart,
        "deploy/chart",
        "migration.yaml",
        include_str!("gated-migration.yaml"),
    )?;
    pull.github.push(files).await?;
    pull.build_image().await?;
    Ok(pull)
}

/// The migration's job, once it has run for a moment.
async fn migration(chat: &Conversation, preview: &Preview) -> Result<Job> {
    let jobs: Api<Job> = Api::namespaced(chat.stack.kube.clone(), &preview.namespace_name().await?);
    let runs = |job: Option<&Job>| {
        let status = job.and_then(|job| job.status.as_ref());
        status.is_some_and(|status| status.active == Some(1) || status.succeeded == Some(1))
    };
    timeout(RECOVERY, await_condition(jobs, "migration", runs))
        .await
        .context("the migration does not run")??
        .context("the migration is gone")
}

#[test]
fn a_worker_killed_while_a_migration_runs_is_replaced_and_the_migration_runs_again_from_the_start() {
    converse(with_charts_of_repositories(), async |chat| {
        let mut helm = HeldHelm::heard(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = with_a_migration(chat).await?;
        let preview = pull.request_preview().await?;
        let process = helm.is_called().await?;
        let interrupted = migration(chat, &preview).await?;

        chat.worker.kill_alone().await?;
        process.has_ended().await?;
        let namespace = preview.namespace_name().await?;
        let gate: ConfigMap =
            serde_json::from_value(json!({ "metadata": { "name": "gate" }, "data": { "open": "yes" } }))?;
        Api::<ConfigMap>::namespaced(chat.stack.kube.clone(), &namespace)
            .create(&PostParams::default(), &gate)
            .await?;
        chat.worker.start().await?;

        recovers(&pull, &preview).await?;
        let migrated = migration(chat, &preview).await?;
        assert_ne!(migrated.metadata.uid, interrupted.metadata.uid);
        assert_eq!(migrated.status.and_then(|status| status.succeeded), Some(1));
        preview.stop().await
    });
}

#[test]
fn an_install_that_stands_is_left_as_it_is_by_the_next_worker() {
    converse(Setting::default(), async |chat| {
        let mut helm = HeldHelm::after(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        helm.is_called().await?;
        let namespace = preview.namespace_name().await?;
        let installed = async || {
            let deployments: Api<Deployment> = Api::namespaced(chat.stack.kube.clone(), &namespace);
            let secrets: Api<Secret> = Api::namespaced(chat.stack.kube.clone(), &namespace);
            let records = ListParams::default().labels("owner=helm");
            let all = deployments.list_metadata(&ListParams::default()).await?.items;
            let deployments: Vec<_> = all.into_iter().map(|one| one.metadata.uid).collect();
            let all = secrets.list_metadata(&records).await?.items;
            let records: Vec<_> = all.into_iter().map(|one| (one.metadata.name, one.metadata.uid)).collect();
            anyhow::Ok((deployments, records))
        };
        let before = installed().await?;
        assert_eq!((before.0.len(), before.1.len()), (1, 1), "{before:?}");

        chat.worker.kill_alone().await?;
        chat.worker.set("HELM", &chat.stack.env.helm);
        chat.worker.start().await?;

        recovers(&pull, &preview).await?;
        assert_eq!(installed().await?, before);
        preview.stop().await
    });
}

#[test]
fn a_worker_killed_while_the_preview_waits_for_its_image_is_replaced_and_the_preview_comes_up() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let preview = pull.request_preview().await?;
        preview.reaches(Phase::WaitingForImage).await?;

        chat.worker.kill().await?;
        pull.build_image().await?;
        chat.worker.start().await?;

        recovers(&pull, &preview).await?;
        preview.stop().await
    });
}

#[test]
fn a_preview_whose_time_runs_out_while_no_worker_is_up_is_removed_when_one_comes() {
    converse(Setting::default().ttl("8s"), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        chat.worker.kill().await?;
        let end: jiff::Timestamp = attribute_end(&preview).await?;
        // Nothing happens at this time, which is the point: so there is nothing
        // to wait for but the time itself.
        tokio::time::sleep(
            end.duration_until(jiff::Timestamp::now())
                .unsigned_abs()
                .max(std::time::Duration::from_secs(1)),
        )
        .await;
        assert!(preview.namespace().await?.is_some());

        chat.worker.start().await?;

        assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Completed);
        preview.gone().await
    });
}

/// The end of a ready preview, as Temporal knows it without asking a worker.
async fn attribute_end(preview: &Preview) -> Result<jiff::Timestamp> {
    let described = preview.described().await?.context("it runs")?;
    let end = described
        .search_attributes()
        .get(&workflows::search_attributes::EXPIRES_AT)
        .context("a ready preview has an end")?;
    Ok(jiff::Timestamp::new(end.seconds(), end.nanos())?)
}

#[test]
fn a_comment_made_while_the_webhook_was_down_is_answered_when_it_is_redelivered() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        chat.webhook.kill().await?;
        let (comment, outcome) = pull.comment(&User::writer(), "/preview").await?;
        assert_eq!(outcome.status_code, 502, "{outcome:?}");
        assert!(pull.preview()?.described().await?.is_none());

        chat.webhook.start().await?;
        let guid = comment.delivery.context("GitHub tried to tell of the comment")?;
        assert!(chat.github.redeliver(&guid));

        assert_eq!(pull.outcome_of(&guid).await?.status_code, 202);
        pull.shows_url().await?.stop().await
    });
}
