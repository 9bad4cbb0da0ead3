//! What a sweep costs, for as many namespaces as there are: calls to Temporal
//! and to the API server, counted apart.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use domain::{PreviewId, orphan_sweep::SweepReport};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use stack::eventually;
use temporalio_client::{UntypedWorkflow, WorkflowCountOptions, WorkflowStartOptions};
use temporalio_common::data_converters::RawValue;
use tests::{Conversation, Setting, converse, timeouts::ANSWER};

use crate::sweep::{delete, grace_is_over, is_gone, namespace_name, our_labels, sweep};

/// Namespaces and workflows that are made at the same time.
const AT_ONCE: usize = 30;
/// Namespaces on one page of a survey.
const PAGE: usize = 1_000;

/// What one sweep cost.
#[derive(Debug)]
struct Cost {
    report: SweepReport,
    took: Duration,
    /// Questions to Temporal's records.
    records: u64,
    /// Questions for a single workflow.
    described: u64,
    /// Questions for the identity of the Temporal namespace.
    identity: u64,
    /// Requests to the API server that read.
    read: u64,
    /// Requests to the API server that write.
    written: u64,
    /// The most memory that the worker has had so far, in MiB.
    memory: u64,
}

fn preview(chat: &Conversation, number: usize) -> Result<PreviewId> {
    Ok(format!("octo-organisation/{}#{number}:{number:040x}", chat.instance).parse()?)
}

fn namespaces(chat: &Conversation) -> Api<Namespace> {
    Api::all(chat.stack.kube.clone())
}

/// A task queue that no worker listens to, so that workflows on it stay as they are.
fn quiet_queue(chat: &Conversation) -> String {
    format!("{}-quiet", chat.instance)
}

/// Makes namespaces as previews have them, from one number up to another; and the workflows of all but the
/// first `orphans` of them. Returns when Temporal's records know all workflows, `earlier` ones included: they
/// lag a moment behind, and a sweep asks for each that they do not name.
async fn populate(
    chat: &Conversation,
    numbers: std::ops::Range<usize>,
    orphans: usize,
    earlier: usize,
) -> Result<usize> {
    let labels = our_labels(chat).await?;
    let first = numbers.start;
    stream::iter(numbers.clone())
        .map(async |number| {
            let id = preview(chat, number)?;
            let name = namespace_name(chat, &id)?;
            let annotations = [
                ("preview.internal/workflow-id", id.to_string()),
                ("preview.internal/namespace", name.clone()),
            ];
            let annotations = annotations.map(|(key, value)| (key.to_owned(), value));
            let metadata = ObjectMeta {
                name: Some(name),
                labels: Some(labels.clone()),
                annotations: Some(annotations.into()),
                ..ObjectMeta::default()
            };
            let namespace = Namespace { metadata, ..Namespace::default() };
            namespaces(chat).create(&PostParams::default(), &namespace).await?;
            if number >= first + orphans {
                let options = WorkflowStartOptions::new(quiet_queue(chat), id.to_string()).build();
                let workflow = UntypedWorkflow::new("PreviewWorkflow");
                chat.stack.temporal.start_workflow(workflow, RawValue::empty(), options).await?;
            }
            anyhow::Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let workflows = earlier + numbers.len() - orphans;
    let recorded = async || {
        let query = format!("ExecutionStatus = 'Running' AND TaskQueue = '{}'", quiet_queue(chat));
        let count = chat
            .stack
            .temporal
            .count_workflows(query, WorkflowCountOptions::default())
            .await
            .map_err(|error| error.to_string())?
            .count();
        if count == workflows {
            Ok(())
        } else {
            Err(format!("{count} of {workflows} are recorded"))
        }
    };
    eventually(ANSWER, recorded).await.map_err(anyhow::Error::msg)?;
    Ok(workflows)
}

async fn cost(chat: &Conversation) -> Result<Cost> {
    let temporal = async |operation: &str| {
        let label = format!("operation=\"{operation}\"");
        chat.worker.counted("temporal_request_total", &[&label]).await
    };
    let cluster = async |methods: &[&str]| {
        let mut all = 0;
        for method in methods {
            let label = format!("method=\"{method}\"");
            all += chat.worker.counted("preview_cluster_requests_total", &[&label]).await?;
        }
        anyhow::Ok(all)
    };
    let counted = async || {
        anyhow::Ok([
            temporal("ListWorkflowExecutions").await?,
            temporal("DescribeWorkflowExecution").await?,
            temporal("DescribeNamespace").await?,
            cluster(&["GET"]).await?,
            cluster(&["POST", "PUT", "PATCH", "DELETE"]).await?,
        ])
    };
    let before = counted().await?;
    let began = Instant::now();
    let report = sweep(chat).await?;
    let took = began.elapsed();
    let after = counted().await?;
    let [records, described, identity, read, written] =
        std::array::from_fn(|index| after[index] - before[index]);
    Ok(Cost {
        report,
        took,
        records,
        described,
        identity,
        read,
        written,
        memory: most_memory(chat)?,
    })
}

fn most_memory(chat: &Conversation) -> Result<u64> {
    let pid = chat.worker.pid().context("the worker runs")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("the system says how much memory a process has had")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024)
}

/// The survey asks once for a page, and about single workflows only if nobody has vouched for them.
fn is_bounded(cost: &Cost, all: usize, suspects: usize) {
    let pages = u64::try_from(all.div_ceil(PAGE)).expect("a number of pages");
    let suspects = u64::try_from(suspects).expect("a number of namespaces");
    assert_eq!(cost.report.surveyed, all, "{cost:?}");
    assert_eq!(cost.records, pages + 2, "one more for the overdue, one for the ready: {cost:?}");
    assert_eq!(cost.described, suspects, "{cost:?}");
}

/// Takes our labels off, so that the conversation is over without ten thousand
/// deletions, which take the cluster an hour.
async fn abandon(chat: &Conversation, numbers: std::ops::Range<usize>) -> Result<()> {
    let no_labels = json!({ "metadata": { "labels": {
        "app.kubernetes.io/managed-by": null, "preview.internal/instance": null, "preview.internal/temporal-namespace": null,
    } } });
    stream::iter(numbers)
        .map(async |number| {
            let name = namespace_name(chat, &preview(chat, number)?)?;
            let patch = Patch::Merge(&no_labels);
            match namespaces(chat).patch(&name, &PatchParams::default(), &patch).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                result => result.map(drop).map_err(anyhow::Error::from),
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

#[test]
fn a_sweep_asks_temporal_once_for_a_page_of_namespaces_and_again_only_for_suspects() {
    converse(Setting::default(), async |chat| {
        let (all, orphans) = (25, 2);
        populate(chat, 1..all + 1, orphans, 0).await?;

        let first = cost(chat).await?;

        assert_eq!(first.report.marked.count, orphans);
        is_bounded(&first, all, orphans);
        assert_eq!(first.read, 1 + 2, "the page, and each one that is marked");
        assert_eq!(first.written, 2);
        for orphan in &first.report.marked.first {
            delete(chat, orphan).await?;
        }
        abandon(chat, 1..all + 1).await
    });
}

#[test]
#[ignore = "takes many minutes: cargo dev test -- --ignored --nocapture ten_thousand"]
fn a_sweep_of_a_thousand_and_of_ten_thousand_namespaces() {
    const ORPHANS: usize = 20;
    converse(Setting::default().worker("SWEEP_GRACE", "1s"), async |chat| {
        println!(
            "\n| namespaces | the sweep | calls to Temporal: records | single workflows | its namespace | calls to the API server: reads | writes | time | worker's memory |"
        );
        println!("| --: | --- | --: | --: | --: | --: | --: | --: | --: |");
        let (mut next, mut there, mut workflows) = (1, 0, 0);
        for all in [1_000, 10_000] {
            let numbers = next..next + all - there;
            workflows = populate(chat, numbers.clone(), ORPHANS, workflows).await?;
            next = numbers.end;
            for (what, suspects) in
                [("finds 20 orphans", ORPHANS), ("removes them", 2 * ORPHANS), ("finds nothing", 0)]
            {
                let cost = cost(chat).await?;
                let all = if suspects == 0 { all - ORPHANS } else { all };
                is_bounded(&cost, all, suspects);
                println!(
                    "| {all} | {what} | {} | {} | {} | {} | {} | {:.1} s | {} MiB |",
                    cost.records,
                    cost.described,
                    cost.identity,
                    cost.read,
                    cost.written,
                    cost.took.as_secs_f64(),
                    cost.memory,
                );
                grace_is_over().await?;
                for removed in &cost.report.removed.first {
                    is_gone(chat, removed).await?;
                }
            }
            there = all - ORPHANS;
        }
        abandon(chat, 1..next).await
    });
}
