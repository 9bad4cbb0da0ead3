//! What operators see: metrics that say what was said on the pull requests, a dashboard that shows something,
//! and alerts that fire when what they are about happens.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use github_stand_in::User;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stack::{
    eventually,
    images::ServiceImage,
    ports::free_ports,
    tools::{Tool, Toolbox},
};
use temporalio_client::{WorkflowCountOptions, WorkflowExecutionStatus};
use tests::{
    Bridge, Conversation, HeldNamespace, Prometheus, Setting, converse,
    timeouts::{ANSWER, GONE, RECOVERY, URL},
};
use tokio::process::Command;

use crate::sweep::sweep;

/// A part of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn alerts() -> Result<String> {
    Ok(fs::read_to_string(repository("charts/preview/files/alerts.yaml"))?)
}

/// The alerts that somebody has given a name to in this text.
fn named(text: &str, key: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.split_once(key));
    lines
        .map(|(_, name)| {
            name.trim_end_matches([' ', '}'])
                .split(',')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn each_alert_fires_at_what_it_is_about_and_at_nothing_else_of_that_kind() -> Result<()> {
    let promtool = Toolbox::ensure_all(&[Tool::Prometheus]).await?.path("promtool")?.to_owned();
    let file = repository("tests/alerts/fires.yaml");
    let tested = Command::new(promtool).args(["test", "rules"]).arg(&file).output().await?;
    ensure!(
        tested.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr)
    );
    assert_eq!(named(&alerts()?, "- alert: "), named(&fs::read_to_string(file)?, "alertname: "));
    Ok(())
}

/// The dashboard's queries, of the last minutes.
fn queries_of_the_dashboard() -> Result<Vec<String>> {
    let dashboard = fs::read_to_string(repository("charts/preview/files/dashboard.json"))?;
    let dashboard: Value = serde_json::from_str(&dashboard)?;
    let panels = dashboard["panels"].as_array().context("panels")?.iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries = targets.filter_map(|target| target["expr"].as_str());
    Ok(queries
        .map(|query| query.replace("$__rate_interval", "5m").replace("$__range", "1h"))
        .collect())
}

/// The metrics of ours that docs/metrics.md names in a section.
fn documented(section: &str) -> Result<BTreeSet<String>> {
    let page = fs::read_to_string(repository("docs/metrics.md"))?;
    let mut sections = page.split("\n## ");
    let section = sections.find(|text| text.starts_with(section)).context("no such section")?;
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let names = first_cells.flat_map(|cell| cell.split('`'));
    Ok(names.filter(|name| name.starts_with("preview_")).map(str::to_owned).collect())
}

/// The metrics of ours that Prometheus has from a program. A histogram is one.
async fn scraped(prometheus: &Prometheus, instance: &str) -> Result<BTreeSet<String>> {
    let query = format!(r#"count by (__name__) ({{__name__=~"preview_.+", instance="{instance}"}})"#);
    let names: BTreeSet<_> = prometheus
        .query(&query)
        .await?
        .into_iter()
        .filter_map(|(mut labels, _)| labels.remove("__name__"))
        .collect();
    let histogram = |name: &str| {
        let base = ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part));
        base.filter(|base| names.contains(&format!("{base}_bucket"))).map(str::to_owned)
    };
    Ok(names
        .iter()
        .map(|name| histogram(name).unwrap_or_else(|| name.clone()))
        .collect())
}

#[test]
fn what_prometheus_shows_is_what_was_said_on_the_pull_requests() {
    let setting = Setting::default().ttl("15s").image_timeout("5s");
    converse(setting, async |chat| {
        let probe = chat.stack.build_service_image(ServiceImage::Worker).await?;
        chat.restart_worker_with("PREVIEW_PROBE_IMAGE", &probe).await?;
        let rules = repository("charts/preview/files/alerts.yaml");
        let prometheus = Prometheus::scrape(&[&chat.webhook, &chat.worker], &rules, &chat.folder).await?;
        let began = Timestamp::now();

        // One preview that comes and goes, one that fails, a stranger, and a sweep.
        let (pull, broken) = (chat.pull_request().await?, chat.pull_request_without_image().await?);
        let preview = pull.request_preview().await?;
        pull.shows_url().await?;
        prometheus.shows(r#"max(preview_previews{phase="Ready"})"#, 1.0).await?;
        let failed = broken.request_preview().await?;
        let stranger = pull.asks(&User::outsider(), "/preview").await?;
        pull.reply_to(&stranger).await?;
        pull.says("expired").await?;
        assert_eq!(failed.closed().await?, WorkflowExecutionStatus::Failed);
        preview.gone().await?;
        broken.says("could not be deployed").await?;
        sweep(chat).await?;
        let took = began.duration_until(Timestamp::now()).as_secs_f64();

        let written = chat.github.traffic().of("issues/create-comment");
        for (query, value) in [
            (r#"sum(preview_time_to_answer_seconds_count{by="comment"})"#, 2.0),
            (r#"sum(preview_time_to_answer_seconds_count{by="reply"})"#, 1.0),
            ("sum(preview_time_to_url_seconds_count)", 1.0),
            (r#"sum(preview_outcomes_total{outcome="removed", reason="expired"})"#, 1.0),
            (r#"sum(preview_outcomes_total{outcome="failed", reason=~"ImageNot.+"})"#, 1.0),
            (r#"sum(preview_outcomes_total{outcome="refused", reason="not_allowed"})"#, 1.0),
            ("sum(preview_outcomes_total)", 3.0),
            ("sum(preview_ttl_skew_seconds_count)", 1.0),
            ("sum(preview_teardown_seconds_count)", 2.0),
            ("max(preview_dead_letters)", 1.0),
            ("sum(preview_previews)", 0.0),
            ("max(preview_wedged_workflows)", 0.0),
            ("max(preview_stuck_teardowns)", 0.0),
            (r#"sum(preview_webhook_deliveries_total{outcome="commented"})"#, 3.0),
            (
                r#"sum(preview_github_requests_total{method="POST", call="comments", status="201"})"#,
                count(written),
            ),
            (r#"sum(preview_queue_wait_seconds_count{activity="tear_down"})"#, 2.0),
            (r#"sum(preview_sweeps_total{result="carried_out"})"#, 1.0),
        ] {
            prometheus.shows(query, value).await?;
        }
        for (query, least, most) in [
            ("sum(preview_time_to_url_seconds_sum)", 0.0, took),
            ("sum(preview_ttl_skew_seconds_sum)", 0.0, 5.0),
            ("sum(preview_teardown_seconds_sum)", 1.0, took * 2.0),
            ("time() - max(preview_sweep_last_success_timestamp_seconds)", 0.0, took),
            ("min(preview_github_rate_limit_remaining / preview_github_rate_limit)", 0.5, 0.9999),
        ] {
            let series = prometheus.query(query).await?;
            ensure!(
                matches!(&series[..], [(_, value)] if (least..=most).contains(value)),
                "{query} is not within {least} and {most}: {series:?}"
            );
        }

        for query in queries_of_the_dashboard()? {
            let shown = eventually(RECOVERY, async || match prometheus.query(&query).await {
                Ok(series) if series.is_empty() => Err(format!("{query} shows nothing")),
                Ok(_) => Ok(()),
                Err(error) => Err(format!("{error:#}")),
            });
            shown.await.map_err(anyhow::Error::msg)?;
        }
        for (section, service) in [("Of the webhook", &chat.webhook), ("Of the worker", &chat.worker)] {
            assert_eq!(scraped(&prometheus, service.address()).await?, documented(section)?, "{section}");
        }
        Ok(())
    });
}

/// The lines of a log, as the machines that read them take them.
fn lines(log: &str) -> Result<Vec<Value>> {
    let lines = log
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()));
    lines.collect()
}

#[test]
fn a_comment_is_followed_through_the_logs_of_both_programs() {
    let setting = Setting::default().image_timeout("2s");
    let setting = setting.webhook("LOG_FORMAT", "json").worker("LOG_FORMAT", "json");
    converse(setting, async |chat| {
        let pull = chat.pull_request_without_image().await?;
        let comment = pull.asks(&User::writer(), "/preview").await?;
        pull.preview()?.closed().await?;

        let heard = lines(&chat.webhook.said())?;
        let delivery = comment.delivery.as_deref().context("it was delivered")?;
        let heard = heard
            .iter()
            .find(|line| line["span"]["delivery"] == delivery)
            .context("no line")?;
        let (repository, number) = (chat.repository.full_name(), pull.github.number());
        assert_eq!(heard["span"]["repository"], repository, "{heard}");
        assert_eq!(heard["span"]["pull_request"], number, "{heard}");
        assert_eq!(heard["span"]["comment"], comment.id, "{heard}");

        let done = lines(&chat.worker.said())?;
        let of_activities: Vec<_> = done
            .iter()
            .filter(|line| {
                line["spans"][0]["temporalWorkflowID"]
                    .as_str()
                    .is_some_and(|id| id.contains('#'))
            })
            .collect();
        for line in &of_activities {
            assert_eq!(line["span"]["repository"], repository, "{line}");
            assert_eq!(line["span"]["pull_request"], number, "{line}");
        }
        let head = pull.github.head_sha();
        let of_comment =
            |line: &&&Value| line["span"]["comment"] == comment.id && line["span"]["commit"] == head;
        ensure!(of_activities.iter().any(|line| of_comment(&line)), "{of_activities:#?}");
        let failed = of_activities.iter().find(|line| line["message"] == "activity failed");
        let failed = failed.context("the failure has no line")?;
        assert_eq!(failed["span"]["commit"], head, "{failed}");
        Ok(())
    });
}

fn count(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// The alerts as they are, but that fire at once, and at less.
fn impatient(chat: &Conversation, lower: &[(&str, &str)]) -> Result<PathBuf> {
    let mut rules = String::new();
    for line in alerts()?.lines() {
        let line = if line.trim_start().starts_with("for: ") {
            "        for: 0s"
        } else {
            line
        };
        rules = rules + line + "\n";
    }
    for (condition, lower) in lower {
        ensure!(rules.contains(condition), "no alert has {condition}");
        rules = rules.replace(condition, lower);
    }
    let file = chat.folder.join("alerts.yaml");
    fs::write(&file, rules)?;
    Ok(file)
}

#[test]
fn alerts_fire_when_previews_are_slow_fail_end_late_or_do_not_go() {
    let setting = Setting::default().image_timeout("2s");
    converse(setting, async |chat| {
        let lower = [
            ("[30m]))) > 120", "[30m]))) > 0.1"),
            ("max(preview_oldest_teardown_seconds) > 600", "max(preview_oldest_teardown_seconds) > 2"),
            // One of a hundred.
            ("            > 0.9\n", "            > 0.005\n"),
        ];
        let rules = impatient(chat, &lower)?;
        let prometheus = Prometheus::scrape(&[&chat.webhook, &chat.worker], &rules, &chat.folder).await?;

        // The sweep is due every day here, and has not come yet.
        prometheus.fires("PreviewSweepSilent", ANSWER).await?;
        sweep(chat).await?;
        prometheus.calms("PreviewSweepSilent").await?;

        let pulls = chat.pull_requests(2).await?;
        let held = pulls[0].previewed().await?;
        prometheus.fires("PreviewUrlSlow", ANSWER).await?;

        // The first failure of a kind is seen when a second one follows.
        let first = chat.pull_request_without_image().await?;
        first.request_preview().await?.closed().await?;
        let failed = r#"sum(preview_outcomes_total{outcome="failed"})"#;
        prometheus.shows(failed, 1.0).await?;
        let more = try_join_all((0..4).map(|_| chat.pull_request_without_image())).await?;
        for preview in try_join_all(more.iter().map(tests::PullRequest::request_preview)).await? {
            preview.closed().await?;
        }
        prometheus.fires("PreviewsFail", ANSWER).await?;

        let finalizer = HeldNamespace::new(chat.stack.kube.clone(), &held.namespace_name().await?).await?;
        held.signal("stop", &[]).await?;
        prometheus.fires("PreviewTeardownStuck", GONE).await?;
        // Somebody is busy with it.
        prometheus.fires("PreviewWorkerFull", ANSWER).await?;
        finalizer.release().await?;
        held.gone().await?;
        prometheus.calms("PreviewTeardownStuck").await?;

        // Nobody is there when its time is over.
        pulls[1].asks(&User::writer(), "/preview --ttl 15s").await?;
        let late = pulls[1].shows_url().await?;
        let end = late.status().await?.expires_at.context("it is ready")?;
        chat.worker.kill().await?;
        let after = Timestamp::now().duration_until(end + SignedDuration::from_secs(12));
        tokio::time::sleep(after.try_into().unwrap_or_default()).await;
        chat.worker.start().await?;
        prometheus.fires("PreviewEndsLate", RECOVERY).await?;
        late.gone().await
    });
}

#[test]
fn alerts_fire_when_github_limits_us_and_when_temporal_is_away() {
    converse(Setting::default(), async |chat| {
        let lower = [
            (r#"{queue=~".+-github"}) > 300"#, r#"{queue=~".+-github"}) > 0.5"#),
            (
                "max(preview_census_timestamp_seconds) > 120",
                "max(preview_census_timestamp_seconds) > 15",
            ),
        ];
        let rules = impatient(chat, &lower)?;
        let temporal: SocketAddr = chat.stack.env.temporal_address.parse()?;
        let [port] = free_ports()?;
        let way = SocketAddr::from(([127, 0, 0, 1], port));
        let bridge = Bridge::between(way, temporal)?;
        for service in [&mut chat.webhook, &mut chat.worker] {
            service.stop().await?;
            service.set("TEMPORAL_ADDRESS", way.to_string());
            service.start().await?;
        }
        let prometheus = Prometheus::scrape(&[&chat.webhook, &chat.worker], &rules, &chat.folder).await?;

        // More questions than are answered in fifteen seconds: on each pull request one answer is written
        // after the other.
        let pulls = try_join_all((0..20).map(|_| chat.pull_request_without_image())).await?;
        let writer = User::writer();
        try_join_all(pulls.iter().map(|pull| pull.asks(&writer, "/preview help"))).await?;
        let pull = &pulls[0];
        prometheus.fires("PreviewGitHubWritesWait", ANSWER).await?;
        prometheus.calms("PreviewGitHubWritesWait").await?;

        chat.github.use_up_requests(chat.repository.owner(), Duration::from_secs(20));
        pull.asks(&User::writer(), "/preview help").await?;
        prometheus.fires("PreviewGitHubBudgetLow", ANSWER).await?;
        prometheus.calms("PreviewGitHubBudgetLow").await?;

        // A workflow that no worker knows, as after a rollback.
        let unknown = format!("{}-unknown", chat.instance);
        let cli = async |words: &[&str]| {
            let words = [&["workflow"], words, &["--workflow-id", &unknown]].concat();
            chat.stack.temporal_cli(&words).await
        };
        cli(&["start", "--type", "OfTomorrow", "--task-queue", chat.workflows.task_queue()]).await?;
        prometheus.fires("PreviewWorkflowTasksFail", RECOVERY).await?;
        cli(&["terminate"]).await?;
        // Otherwise the end of the conversation would find it.
        cli(&["delete", "--yes"]).await?;
        let forgotten = eventually(ANSWER, async || {
            let query = format!("WorkflowId = '{unknown}'");
            match chat
                .stack
                .temporal
                .count_workflows(query, WorkflowCountOptions::default())
                .await
            {
                Ok(found) if found.count() == 0 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        forgotten.await.map_err(anyhow::Error::msg)?;

        drop(bridge);
        let (_, refused) = pull.comment(&User::writer(), "/preview help").await?;
        assert_eq!(refused.status_code, 503);
        prometheus.fires("PreviewDeliveriesRefused", URL).await?;
        prometheus.fires("PreviewTemporalAway", URL).await?;
        let _bridge = Bridge::between(way, temporal)?;
        prometheus.calms("PreviewTemporalAway").await
    });
}
