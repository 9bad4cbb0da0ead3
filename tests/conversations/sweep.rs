//! What no preview looks after any more is removed, and nothing else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use dev::stack::part::until;
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use temporalio_client::{
    RpcOptions, WorkflowGetResultOptions,
    schedules::{ScheduleOverlapPolicy, TriggerScheduleOptions},
};
use tests::{Conversation, Preview, Setting, converse, patience::ANSWER};
use workflows::{OrphanSweep, orphan_sweep::SweepReport};

const ORPHANED_SINCE: &str = "preview.dev/orphaned-since";

/// Has the sweep's schedule run it now, and returns what it reports.
async fn sweep(chat: &Conversation) -> Result<SweepReport> {
    let sweeps = async || {
        chat.workflows
            .such_that("WorkflowType = 'OrphanSweep'")
            .await
    };
    let before: Vec<_> = sweeps()
        .await?
        .iter()
        .map(|run| run.run_id().to_owned())
        .collect();
    let schedule = chat.workflows.sweep_schedule(&chat.instance);
    schedule
        .trigger(
            ScheduleOverlapPolicy::AllowAll,
            TriggerScheduleOptions::default(),
        )
        .await?;
    let found = std::sync::Mutex::new(None);
    let started = async || {
        let new = sweeps()
            .await
            .map_err(|error| error.to_string())?
            .into_iter()
            .find(|run| !before.contains(&run.run_id().to_owned()));
        *found.lock().expect("nothing panics with it") = new.map(|run| run.id().to_owned());
        if found.lock().expect("nothing panics with it").is_some() {
            Ok(())
        } else {
            Err("the schedule started nothing".to_owned())
        }
    };
    until(ANSWER, started).await.map_err(anyhow::Error::msg)?;
    let id = found
        .into_inner()
        .expect("nothing panics with it")
        .context("it was found")?;
    let workflow = chat.stack.temporal.get_workflow_handle::<OrphanSweep>(id);
    Ok(workflow
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

/// Has the sweep come until it has removed something: the first time it only marks.
pub(crate) async fn remove_orphans(chat: &Conversation) -> Result<()> {
    let removed = async || match sweep(chat).await {
        Ok(report) if report.removed.is_empty() => Err(format!("{report:?}")),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error:#}")),
    };
    until(ANSWER, removed).await.map_err(anyhow::Error::msg)
}

/// The workflow is no more; its namespace is.
async fn orphan(chat: &Conversation, preview: &Preview) -> Result<String> {
    chat.stack.terminate(&preview.id.to_string()).await?;
    preview.closed().await?;
    assert!(
        preview.namespace().await?.is_some(),
        "a terminated workflow tears nothing down"
    );
    preview.namespace_name()
}

async fn mark_of(preview: &Preview) -> Result<Option<String>> {
    let namespace = preview
        .namespace()
        .await?
        .context("its namespace is gone")?;
    Ok(namespace
        .metadata
        .annotations
        .unwrap_or_default()
        .get(ORPHANED_SINCE)
        .cloned())
}

/// A namespace that somebody else made.
async fn make(chat: &Conversation, name: &str, labels: &[(&str, &str)]) -> Result<()> {
    let labels: BTreeMap<_, _> = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(labels),
        ..ObjectMeta::default()
    };
    namespaces(chat)
        .create(
            &PostParams::default(),
            &Namespace {
                metadata,
                ..Namespace::default()
            },
        )
        .await?;
    Ok(())
}

fn namespaces(chat: &Conversation) -> Api<Namespace> {
    Api::all(chat.stack.kube.clone())
}

#[test]
fn the_namespace_of_a_terminated_preview_is_marked_and_after_the_grace_removed_and_no_other_is() {
    converse(
        Setting::default().worker("SWEEP_GRACE", "1s"),
        async |chat| {
            let (lost, live) = (chat.pull_request().await?, chat.pull_request().await?);
            let (lost, live) = tokio::try_join!(lost.previewed(), live.previewed())?;
            // A name like ours without our labels, our labels but another instance's, and our instance's name alone.
            let foreign = format!("{}-x", &lost.namespace_name()?[..50]);
            let neighbour = format!("{}-neighbour", chat.instance);
            let bystander = format!("{}-bystander", chat.instance);
            make(chat, &foreign, &[]).await?;
            make(
                chat,
                &neighbour,
                &[
                    ("app.kubernetes.io/managed-by", "preview"),
                    ("preview.dev/instance", "neighbour"),
                ],
            )
            .await?;
            make(
                chat,
                &bystander,
                &[("preview.dev/instance", &chat.instance)],
            )
            .await?;
            let orphaned = orphan(chat, &lost).await?;

            let first = sweep(chat).await?;
            assert_eq!(
                (first.marked, first.removed),
                (vec![orphaned.clone()], vec![]),
                "marked before it is removed"
            );
            let since: jiff::Timestamp = mark_of(&lost)
                .await?
                .context("it carries the mark")?
                .parse()?;
            let grace_is_over = async || {
                if since.duration_until(jiff::Timestamp::now()).as_secs() >= 1 {
                    Ok(())
                } else {
                    Err("the grace is not over".to_owned())
                }
            };
            until(ANSWER, grace_is_over)
                .await
                .map_err(anyhow::Error::msg)?;
            let second = sweep(chat).await?;
            assert_eq!((second.marked, second.removed), (vec![], vec![orphaned]));
            lost.gone().await?;

            assert_eq!(
                live.open("/").await?.status,
                200,
                "a live preview is none of its business"
            );
            assert_eq!(mark_of(&live).await?, None);
            for name in [&foreign, &neighbour, &bystander] {
                let namespace = namespaces(chat).get(name).await?;
                assert!(
                    namespace.metadata.deletion_timestamp.is_none()
                        && namespace.metadata.annotations.is_none(),
                    "{name}: {namespace:?}"
                );
                namespaces(chat)
                    .delete(name, &DeleteParams::default())
                    .await?;
            }
            live.stop().await
        },
    );
}

#[test]
fn a_dry_run_touches_nothing_and_a_restarted_worker_keeps_one_schedule_with_its_own_settings() {
    converse(
        Setting::default()
            .worker("SWEEP_GRACE", "1s")
            .worker("SWEEP_DRY_RUN", "true"),
        async |chat| {
            let pull = chat.pull_request().await?;
            let preview = pull.previewed().await?;
            let orphaned = orphan(chat, &preview).await?;

            for _ in 0..2 {
                let report = sweep(chat).await?;
                assert_eq!(
                    (report.marked, report.removed),
                    (vec![orphaned.clone()], vec![]),
                    "it says what it would do"
                );
                assert_eq!(mark_of(&preview).await?, None, "and does not do it");
            }

            let schedule = chat.workflows.sweep_schedule(&chat.instance);
            let before = schedule
                .describe(RpcOptions::default())
                .await?
                .create_time();
            chat.restart_worker_with("SWEEP_DRY_RUN", "false").await?;
            assert_eq!(
                schedule
                    .describe(RpcOptions::default())
                    .await?
                    .create_time(),
                before,
                "it is the same schedule"
            );
            assert_eq!(sweep(chat).await?.marked, [orphaned]);
            assert!(mark_of(&preview).await?.is_some(), "with the new settings");

            namespaces(chat)
                .delete(&preview.namespace_name()?, &DeleteParams::default())
                .await?;
            preview.gone().await
        },
    );
}
