//! What those who watch the service see: Temporal's UI, and Prometheus.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::Url;
use serde_json::Value;
use stack::eventually;

/// The addresses that docker-compose.yml publishes.
const TEMPORAL_UI: &str = "http://127.0.0.1:8233";
const PROMETHEUS: &str = "http://127.0.0.1:9090";
/// For a record to be listed, and for a round of scrapes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the UI's own API lists the workflow, and its page is there.
pub(super) async fn at_temporals_ui(workflow: &str) -> anyhow::Result<()> {
    let page = reqwest::get(format!("{TEMPORAL_UI}/namespaces/previews/workflows")).await?;
    page.error_for_status()?;
    let mut listing: Url = format!("{TEMPORAL_UI}/api/v1/namespaces/previews/workflows").parse()?;
    listing
        .query_pairs_mut()
        .append_pair("query", &format!("WorkflowId = '{workflow}'"));
    let listed = eventually(PATIENCE, async || {
        let answer = ask(listing.clone()).await?;
        let found = answer["executions"].as_array().is_some_and(|found| !found.is_empty());
        found.then_some(()).ok_or_else(|| format!("the UI lists {answer}"))
    });
    listed.await.map_err(|why| anyhow!(why))
}

/// Waits until each program has been scraped, and returns how many alerts there are.
pub(super) async fn at_prometheus(workers: usize) -> anyhow::Result<usize> {
    let mut query: Url = format!("{PROMETHEUS}/api/v1/query").parse()?;
    query.query_pairs_mut().append_pair("query", "sum by (job) (up)");
    let wanted: BTreeSet<_> = [("temporal", 1), ("webhook", 1), ("worker", workers)]
        .map(|(job, up)| (job.to_owned(), up.to_string()))
        .into();
    let scraped = eventually(PATIENCE, async || {
        let answer = ask(query.clone()).await?;
        let jobs = answer["data"]["result"].as_array().into_iter().flatten();
        let up: BTreeSet<_> = jobs
            .filter_map(|job| {
                Some((job["metric"]["job"].as_str()?.to_owned(), job["value"][1].as_str()?.to_owned()))
            })
            .collect();
        if up == wanted {
            Ok(())
        } else {
            Err(format!("up are {up:?}, and not {wanted:?}"))
        }
    });
    scraped.await.map_err(|why| anyhow!(why))?;
    let rules = ask(format!("{PROMETHEUS}/api/v1/rules").parse()?)
        .await
        .map_err(|why| anyhow!(why))?;
    let groups = rules["data"]["groups"].as_array().context("rules have groups")?;
    Ok(groups.iter().filter_map(|group| group["rules"].as_array()).map(Vec::len).sum())
}

async fn ask(url: Url) -> Result<Value, String> {
    let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
    answer.json().await.map_err(|error| error.to_string())
}
