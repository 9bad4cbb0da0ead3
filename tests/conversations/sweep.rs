//! What no preview looks after any more is removed, and nothing else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use domain::{PreviewId, RunIdentity, orphan_sweep::SweepReport};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use stack::eventually;
use temporalio_client::{
    Client, RpcOptions, WorkflowExecution, WorkflowExecutionStatus, WorkflowGetResultOptions,
    schedules::{DeleteScheduleOptions, ScheduleHandle, ScheduleOverlapPolicy, TriggerScheduleOptions},
};
use tests::{
    Conversation, HeldNamespace, Preview, Service, Setting, SharedStack, converse,
    timeouts::{ANSWER, GONE},
};
use workflows::OrphanSweep;

const ORPHANED_SINCE: &str = "preview.internal/orphaned-since";

/// Has the sweep's schedule run it now, and returns what it reports.
pub(crate) async fn sweep(chat: &Conversation) -> Result<SweepReport> {
    let schedule = chat.workflows.sweep_schedule(&chat.instance);
    sweep_by(&schedule, &chat.stack.temporal).await
}

/// The same by the schedule of any worker.
async fn sweep_by(schedule: &ScheduleHandle<Client>, temporal: &Client) -> Result<SweepReport> {
    let id = started_by(schedule, ScheduleOverlapPolicy::AllowAll).await?;
    let workflow = temporal.get_workflow_handle::<OrphanSweep>(id);
    Ok(workflow.get_result(WorkflowGetResultOptions::default()).await?)
}

/// Triggers the schedule, and returns the workflow ID of the sweep that it started.
async fn started_by(schedule: &ScheduleHandle<Client>, policy: ScheduleOverlapPolicy) -> Result<String> {
    let newest = async || {
        let description = schedule.describe(RpcOptions::default()).await?;
        anyhow::Ok(description.recent_actions().pop())
    };
    let before = newest().await?.map(|action| action.run_id);
    schedule.trigger(policy, TriggerScheduleOptions::default()).await?;
    let found = std::sync::Mutex::new(None);
    let started = async || {
        let newest = newest().await.map_err(|error| error.to_string())?;
        let Some(action) = newest.filter(|action| Some(&action.run_id) != before.as_ref()) else {
            return Err("the schedule started nothing".to_owned());
        };
        *found.lock().expect("nothing panics with it") = Some(action.workflow_id);
        Ok(())
    };
    eventually(ANSWER, started).await.map_err(anyhow::Error::msg)?;
    found.into_inner().expect("nothing panics with it").context("it was found")
}

/// Has the sweep come until it has removed something: the first time it only marks.
pub(crate) async fn remove_orphans(chat: &Conversation) -> Result<()> {
    let removed = async || match sweep(chat).await {
        Ok(report) if report.removed.count == 0 => Err(format!("{report:?}")),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error:#}")),
    };
    eventually(ANSWER, removed).await.map_err(anyhow::Error::msg)
}

/// The workflow is no more; its namespace is.
async fn orphan(chat: &Conversation, preview: &Preview) -> Result<String> {
    chat.stack.terminate(&preview.id.to_string()).await?;
    preview.closed().await?;
    assert!(preview.namespace().await?.is_some(), "a terminated workflow tears nothing down");
    preview.namespace_name().await
}

async fn mark_of(preview: &Preview) -> Result<Option<String>> {
    let namespace = preview.namespace().await?.context("its namespace is gone")?;
    Ok(namespace.metadata.annotations.unwrap_or_default().get(ORPHANED_SINCE).cloned())
}

/// A namespace that somebody else made.
async fn make(chat: &Conversation, name: &str, labels: &[(&str, &str)]) -> Result<()> {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    make_with(chat, name, labels, BTreeMap::new()).await
}

async fn make_with(
    chat: &Conversation,
    name: &str,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
) -> Result<()> {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(labels),
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    };
    let namespace = Namespace { metadata, ..Namespace::default() };
    namespaces(chat).create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// The labels that the conversation's worker puts on namespaces.
pub(crate) async fn our_labels(chat: &Conversation) -> Result<BTreeMap<String, String>> {
    let temporal = SharedStack::temporal_namespace_id(&chat.stack.temporal).await?;
    Ok(BTreeMap::from(
        [
            ("app.kubernetes.io/managed-by", "preview".to_owned()),
            ("preview.internal/instance", chat.instance.clone()),
            ("preview.internal/temporal-namespace", temporal),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    ))
}

/// As a run that Temporal does not know would have called its namespace.
pub(crate) fn namespace_name(chat: &Conversation, id: &PreviewId) -> Result<String> {
    let owner = RunIdentity { preview: id.clone(), run_id: "forgotten".to_owned() };
    Ok(chat.stack.names()?.namespace(&owner))
}

/// Namespaces as previews leave them behind whose workflows Temporal does not know.
async fn leave_behind(chat: &Conversation, count: u32) -> Result<Vec<String>> {
    let labels = our_labels(chat).await?;
    let mut names = Vec::new();
    for number in 1..=count {
        let id: PreviewId = format!("octo-org/{}#{number}:{number:040x}", chat.instance).parse()?;
        let name = namespace_name(chat, &id)?;
        let annotations = [
            ("preview.internal/workflow-id", id.to_string()),
            ("preview.internal/namespace", name.clone()),
        ];
        let annotations = annotations.map(|(key, value)| (key.to_owned(), value));
        make_with(chat, &name, labels.clone(), annotations.into()).await?;
        names.push(name);
    }
    names.sort();
    Ok(names)
}

/// Deletes a namespace, and returns when it is gone.
pub(crate) async fn delete(chat: &Conversation, name: &str) -> Result<()> {
    namespaces(chat).delete(name, &DeleteParams::default()).await?;
    is_gone(chat, name).await
}

pub(crate) async fn is_gone(chat: &Conversation, name: &str) -> Result<()> {
    let gone = async || match namespaces(chat).get_opt(name).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(format!("namespace {name} is still there")),
        Err(error) => Err(error.to_string()),
    };
    eventually(GONE, gone).await.map_err(anyhow::Error::msg)
}

/// Returns when a grace of a second is over for all that were marked until now.
pub(crate) async fn grace_is_over() -> Result<()> {
    let marked_before = Timestamp::now();
    let over = async || {
        if marked_before.duration_until(Timestamp::now()) > SignedDuration::from_secs(1) {
            Ok(())
        } else {
            Err("the grace is not over".to_owned())
        }
    };
    eventually(ANSWER, over).await.map_err(anyhow::Error::msg)
}

fn namespaces(chat: &Conversation) -> Api<Namespace> {
    Api::all(chat.stack.kube.clone())
}

#[test]
fn the_namespace_of_a_terminated_preview_is_marked_and_after_the_grace_removed_and_no_other_is() {
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        let (lost, live) = (chat.pull_request().await?, chat.pull_request().await?);
        let (lost, live) = tokio::try_join!(lost.previewed(), live.previewed())?;
        // A name like ours without our labels, our labels but another
        // instance's, and our instance's name alone.
        let foreign = format!("{}-x", &lost.namespace_name().await?[..50]);
        let neighbour = format!("{}-neighbour", chat.instance);
        let bystander = format!("{}-bystander", chat.instance);
        make(chat, &foreign, &[]).await?;
        make(
            chat,
            &neighbour,
            &[("app.kubernetes.io/managed-by", "preview"), ("preview.internal/instance", "neighbour")],
        )
        .await?;
        make(chat, &bystander, &[("preview.internal/instance", &chat.instance)]).await?;
        let orphaned = orphan(chat, &lost).await?;

        let first = sweep(chat).await?;
        assert_eq!(
            (first.marked.first, first.removed.count),
            (vec![orphaned.clone()], 0),
            "marked before it is removed"
        );
        assert!(mark_of(&lost).await?.is_some(), "it carries the mark");
        grace_is_over().await?;
        let second = sweep(chat).await?;
        assert_eq!((second.marked.count, second.removed.first), (0, vec![orphaned]));
        lost.gone().await?;

        assert_eq!(live.open("/").await?.status, 200, "a live preview is none of its business");
        assert_eq!(mark_of(&live).await?, None);
        for name in [&foreign, &neighbour, &bystander] {
            let namespace = namespaces(chat).get(name).await?;
            assert!(
                namespace.metadata.deletion_timestamp.is_none() && namespace.metadata.annotations.is_none(),
                "{name}: {namespace:?}"
            );
            namespaces(chat).delete(name, &DeleteParams::default()).await?;
        }
        live.stop().await
    });
}

#[test]
fn a_dry_run_touches_nothing_and_a_restarted_worker_keeps_one_schedule_with_its_own_settings() {
    converse(
        Setting::default().worker("SWEEP_GRACE", "1s").worker("SWEEP_DRY_RUN", "true"),
        async |chat| {
            let pull = chat.pull_request().await?;
            let preview = pull.previewed().await?;
            let orphaned = orphan(chat, &preview).await?;

            for _ in 0..2 {
                let report = sweep(chat).await?;
                assert_eq!(
                    (report.marked.first, report.removed.count),
                    (vec![orphaned.clone()], 0),
                    "it says what it would do"
                );
                assert_eq!(mark_of(&preview).await?, None, "and does not do it");
            }

            let schedule = chat.workflows.sweep_schedule(&chat.instance);
            let before = schedule.describe(RpcOptions::default()).await?.create_time();
            chat.restart_worker_with("SWEEP_DRY_RUN", "false").await?;
            assert_eq!(
                schedule.describe(RpcOptions::default()).await?.create_time(),
                before,
                "it is the same schedule"
            );
            assert_eq!(sweep(chat).await?.marked.first, [orphaned]);
            assert!(mark_of(&preview).await?.is_some(), "with the new settings");

            namespaces(chat)
                .delete(&preview.namespace_name().await?, &DeleteParams::default())
                .await?;
            preview.gone().await
        },
    );
}

#[test]
fn a_namespace_that_will_not_go_is_reported_with_what_holds_it_and_keeps_no_other_from_being_removed() {
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        let orphans = leave_behind(chat, 2).await?;
        let (stuck, other) = (&orphans[0], &orphans[1]);
        let held = HeldNamespace::new(chat.stack.kube.clone(), stuck).await?;

        assert_eq!(sweep(chat).await?.marked.first, orphans);
        grace_is_over().await?;
        let second = sweep(chat).await?;
        assert_eq!(second.removed.first, orphans, "no removal is waited for");
        is_gone(chat, other).await?;

        // The cluster takes a moment to find out what is left.
        let named = async || {
            let report = sweep(chat).await.map_err(|error| format!("{error:#}"))?;
            match &report.stuck.first[..] {
                [only]
                    if only.name == *stuck
                        && only.why.contains("configmaps")
                        && only.why.contains("example.com/hold") =>
                {
                    Ok(())
                }
                _ => Err(format!("{report:?}")),
            }
        };
        eventually(ANSWER, named).await.map_err(anyhow::Error::msg)?;
        let said = chat.worker.said();
        assert!(said.contains("will not go") && said.contains("example.com/hold"), "{said}");
        let label = ["became=\"stuck\""];
        let counted = chat.worker.counted("preview_swept_namespaces_total", &label);
        assert!(counted.await? >= 1);

        held.release().await?;
        is_gone(chat, stuck).await?;
        let last = sweep(chat).await?;
        assert_eq!((last.surveyed, last.stuck.count), (0, 0));
        Ok(())
    });
}

#[test]
fn labels_and_annotations_that_were_copied_onto_a_strangers_namespace_do_no_harm() {
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        let orphan = leave_behind(chat, 1).await?.remove(0);
        sweep(chat).await?;
        let original = namespaces(chat).get(&orphan).await?;
        assert!(original.annotations().contains_key(ORPHANED_SINCE));
        let copy = format!("{}-production", chat.instance);
        let nonsense = format!("{}-nonsense", chat.instance);
        let (labels, mut annotations) = (original.labels().clone(), original.annotations().clone());
        make_with(chat, &copy, labels.clone(), annotations.clone()).await?;
        // More than Temporal takes for a workflow's ID.
        annotations.insert("preview.internal/workflow-id".to_owned(), "x".repeat(2_000));
        make_with(chat, &nonsense, labels, annotations).await?;
        grace_is_over().await?;

        let report = sweep(chat).await?;

        assert_eq!(report.removed.first, std::slice::from_ref(&orphan));
        let unaccounted: Vec<_> = report.unaccounted.first.iter().map(|it| &it.name).collect();
        assert_eq!(unaccounted, [&nonsense, &copy]);
        is_gone(chat, &orphan).await?;
        for name in [&copy, &nonsense] {
            let stranger = namespaces(chat).get(name).await?;
            assert!(stranger.metadata.deletion_timestamp.is_none(), "{name}");
            delete(chat, name).await?;
        }
        Ok(())
    });
}

/// Waits for what a worker makes at its start, and forgets it at the end.
struct Neighbour {
    worker: Service,
    temporal: Client,
    namespace: String,
}

impl Neighbour {
    /// An installation with the same name in the same cluster, whose workflows
    /// another namespace of Temporal knows.
    async fn moves_in(chat: &Conversation) -> Result<Self> {
        let namespace = format!("{}-neighbours", chat.instance);
        let temporal = chat.stack.other_temporal_namespace(&namespace).await?;
        let mut worker = chat.namesake_worker(&namespace)?;
        worker.start().await?;
        Ok(Self { worker, temporal, namespace })
    }

    fn schedule(&self, chat: &Conversation) -> ScheduleHandle<Client> {
        self.temporal.get_schedule_handle(format!("orphan-sweep-{}", chat.instance))
    }

    /// A preview of its own, started by hand.
    async fn previews(&self, chat: &Conversation) -> Result<Preview> {
        let pull = chat.pull_request().await?;
        let preview = pull.preview()?;
        let id = preview.id.to_string();
        let input = json!({
            "idempotency_key": id, "repo": preview.id.repository, "pr_number": preview.id.pull_request,
            "commit_sha": preview.id.commit,
            "installation_id": chat.github.installation_id(chat.repository.owner()),
            "comment_id": 1, "requested_by": "mona", "ttl": "20m",
        });
        let queue = chat.workflows.task_queue();
        self.command(
            chat,
            &[
                "start",
                "--type",
                "PreviewWorkflow",
                "--task-queue",
                queue,
                "--workflow-id",
                &id,
                "--input",
                &input.to_string(),
            ],
        )
        .await?;
        preview.has_namespace().await?;
        Ok(preview)
    }

    async fn command(&self, chat: &Conversation, arguments: &[&str]) -> Result<()> {
        let arguments: Vec<_> = ["workflow"].iter().chain(arguments).copied().collect();
        chat.stack.temporal_cli_in(&self.namespace, &arguments).await.map(drop)
    }

    async fn moves_out(mut self, chat: &Conversation) -> Result<()> {
        self.schedule(chat).delete(DeleteScheduleOptions::default()).await?;
        self.worker.stop().await?;
        Ok(())
    }
}

#[test]
fn two_installations_of_the_same_name_leave_each_others_previews_alone() {
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        let pull = chat.pull_request().await?;
        let ours = pull.previewed().await?;
        let neighbour = Neighbour::moves_in(chat).await?;
        let theirs = neighbour.previews(chat).await?;

        for _ in 0..2 {
            let report = sweep(chat).await?;
            assert_eq!((report.surveyed, report.marked.count), (1, 0));
            let schedule = neighbour.schedule(chat);
            let report = sweep_by(&schedule, &neighbour.temporal).await?;
            assert_eq!((report.surveyed, report.marked.count), (1, 0));
            grace_is_over().await?;
        }

        assert_eq!((mark_of(&ours).await?, mark_of(&theirs).await?), (None, None));
        assert_eq!(ours.open("/").await?.status, 200);
        let id = theirs.id.to_string();
        neighbour
            .command(chat, &["signal", "--workflow-id", &id, "--name", "stop"])
            .await?;
        theirs.gone().await?;
        neighbour.moves_out(chat).await?;
        ours.stop().await
    });
}

#[test]
fn too_many_removals_at_once_are_not_carried_out_until_an_operator_confirms_them() {
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        let orphans = leave_behind(chat, 4).await?;
        assert_eq!(sweep(chat).await?.marked.first, orphans);
        grace_is_over().await?;

        let report = sweep(chat).await?;

        let brake = report.brake.context("four of four are too many")?;
        assert_eq!((brake.due, brake.allowed, report.removed.count), (4, 3, 0));
        for name in &orphans {
            let namespace = namespaces(chat).get(name).await?;
            assert!(namespace.metadata.deletion_timestamp.is_none(), "{name}");
        }
        let label = ["result=\"held_back\""];
        let counted = chat.worker.counted("preview_sweeps_total", &label);
        assert_eq!(counted.await?, 1);

        // The operator types what the alarm says.
        let said = chat.worker.said();
        let alarm = said
            .lines()
            .find(|line| line.contains("ERROR") && line.contains("removed nothing"))
            .with_context(|| said.clone())?;
        let command = alarm
            .split_once("To remove them all the same: temporal ")
            .map(|(_, command)| command)
            .context("it says what to type")?;
        let (words, input) = command.split_once(" --input '").context("it says with which input")?;
        let (input, _) = input.split_once('\'').context("the input ends")?;
        let mut words: Vec<_> = words.split(' ').collect();
        let id = format!("{}-confirmed", chat.instance);
        let place = words
            .iter()
            .position(|word| *word == "--workflow-id")
            .context("it names the workflow")?;
        words[place + 1] = &id;
        words.extend(["--input", input]);
        chat.stack.temporal_cli(&words).await?;

        let workflow = chat.stack.temporal.get_workflow_handle::<OrphanSweep>(id);
        let report = workflow.get_result(WorkflowGetResultOptions::default()).await?;
        assert_eq!((report.removed.first, report.brake), (orphans.clone(), None));
        for name in &orphans {
            is_gone(chat, name).await?;
        }
        Ok(())
    });
}

#[test]
fn a_sweep_that_does_not_end_is_ended_so_that_the_next_one_can_begin() {
    converse(Setting::default().worker("SWEEP_TIMEOUT", "3s"), async |chat| {
        let schedule = chat.workflows.sweep_schedule(&chat.instance);
        // Nobody carries it out.
        chat.worker.stop().await?;
        let wedged = started_by(&schedule, ScheduleOverlapPolicy::Skip).await?;

        let ended = async || {
            let sweeps = chat
                .workflows
                .such_that(&format!("WorkflowId = '{wedged}'"))
                .await
                .map_err(|error| error.to_string())?;
            match sweeps.first().map(WorkflowExecution::status) {
                Some(WorkflowExecutionStatus::TimedOut) => Ok(()),
                status => Err(format!("{wedged} is {status:?}")),
            }
        };
        eventually(ANSWER, ended).await.map_err(anyhow::Error::msg)?;
        chat.worker.start().await?;
        let next = started_by(&schedule, ScheduleOverlapPolicy::Skip).await?;
        assert_ne!(next, wedged);
        let workflow = chat.stack.temporal.get_workflow_handle::<OrphanSweep>(next);
        workflow.get_result(WorkflowGetResultOptions::default()).await?;
        Ok(())
    });
}

#[test]
fn a_preview_that_is_open_long_after_its_time_is_reported() {
    converse(Setting::default(), async |chat| {
        let expired = Timestamp::now() - SignedDuration::from_hours(1);
        let id = format!("octo-org/{}#1:{:040x}", chat.instance, 1);
        let attribute = format!("PreviewExpiresAt=\"{expired}\"");
        let queue = chat.workflows.task_queue();
        // As if it was wedged: nothing of it is carried out.
        chat.stack
            .temporal_cli(&[
                "workflow",
                "start",
                "--type",
                "PreviewWorkflow",
                "--task-queue",
                queue,
                "--workflow-id",
                &id,
                "--start-delay",
                "24h",
                "--search-attribute",
                &attribute,
            ])
            .await?;

        let reported = async || {
            let report = sweep(chat).await.map_err(|error| format!("{error:#}"))?;
            if report.overdue.first == [id.clone()] {
                Ok(())
            } else {
                Err(format!("{report:?}"))
            }
        };
        eventually(ANSWER, reported).await.map_err(anyhow::Error::msg)?;
        let counted = chat.worker.counted("preview_overdue_previews_total", &[]);
        assert!(counted.await? >= 1);

        chat.stack.terminate(&id).await
    });
}

#[test]
fn a_preview_whose_namespace_somebody_has_deleted_is_ended_by_the_next_sweep() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        delete(chat, &preview.namespace_name().await?).await?;
        is_found_lost(chat, &preview).await?;
        pull.says("its namespace was deleted in the cluster").await?;
        assert_eq!(chat.worker.counted("preview_lost_previews_total", &[]).await?, 1);
        Ok(())
    });
}

/// As a worker makes it that was stopped while it made the namespace, and goes on when the preview is ready.
#[test]
fn a_preview_whose_namespace_is_made_again_and_is_empty_is_ended_by_the_next_sweep() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;
        let made = preview.namespace().await?.context("its namespace is gone")?;
        let name = preview.namespace_name().await?;
        let mut annotations = made.metadata.annotations.unwrap_or_default();
        let awaits_release = ("preview.internal/awaits-release".to_owned(), "true".to_owned());
        assert!(!annotations.contains_key(&awaits_release.0), "everything is installed");
        assert_eq!(sweep(chat).await?.lost.count, 0);

        delete(chat, &name).await?;
        annotations.extend([awaits_release]);
        make_with(chat, &name, made.metadata.labels.unwrap_or_default(), annotations).await?;
        is_found_lost(chat, &preview).await?;
        preview.gone().await?;
        pull.says("its namespace was deleted in the cluster").await?;
        Ok(())
    });
}

/// The sweep ends this preview.
async fn is_found_lost(chat: &Conversation, preview: &Preview) -> Result<()> {
    let ended = async || match sweep(chat).await {
        Ok(report) if report.lost.first == [preview.id.to_string()] => Ok(()),
        Ok(report) => Err(format!("{report:?}")),
        Err(error) => Err(format!("{error:#}")),
    };
    eventually(ANSWER, ended).await.map_err(anyhow::Error::msg)?;
    preview.is_over().await
}
