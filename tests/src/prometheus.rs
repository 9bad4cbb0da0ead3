//! A real Prometheus, which scrapes the service of a conversation.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use stack::{
    eventually,
    ports::free_ports,
    tools::{Tool, Toolbox},
};
use tokio::process::{Child, Command};
use url::Url;

use crate::{
    Service,
    timeouts::{ANSWER, HTTP, SERVICE_UP},
};

/// How often it scrapes and looks at its rules.
const INTERVAL: &str = "1s";

/// Gone when it is dropped.
pub struct Prometheus {
    api: Url,
    client: reqwest::Client,
    _process: Child,
}

/// One series of an answer: its labels, and its value.
pub type Series = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Begins to scrape `services`, with the rules of a file; what it keeps is in `folder`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn scrape(services: &[&Service], rules: &Path, folder: &Path) -> Result<Self> {
        let tools = Toolbox::ensure_all(&[Tool::Prometheus]).await?;
        let folder = folder.join("prometheus");
        fs::create_dir_all(&folder)?;
        let targets: Vec<_> = services.iter().map(|service| service.address()).collect();
        let config = serde_json::json!({
            "global": { "scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL },
            "rule_files": [rules],
            "scrape_configs": [{ "job_name": "preview", "static_configs": [{ "targets": targets }] }],
        });
        // JSON is YAML.
        let file = folder.join("prometheus.yml");
        fs::write(&file, config.to_string())?;
        let log = fs::File::create(folder.join("log"))?;
        let [port] = free_ports()?;
        let address = format!("127.0.0.1:{port}");
        let process = Command::new(tools.path("prometheus")?)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let prometheus = Self {
            api: format!("http://{address}/api/v1/").parse()?,
            client: reqwest::Client::builder().timeout(HTTP).no_proxy().build()?,
            _process: process,
        };
        let up = format!("count(up == 1) == {}", services.len());
        let scrapes = eventually(SERVICE_UP, async || match prometheus.query(&up).await {
            Ok(series) if !series.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        });
        scrapes
            .await
            .map_err(anyhow::Error::msg)
            .context("Prometheus scrapes nothing")?;
        Ok(prometheus)
    }

    /// What a query gives at this moment.
    ///
    /// # Errors
    /// When it is no query.
    pub async fn query(&self, query: &str) -> Result<Vec<Series>> {
        let mut url = self.api.join("query")?;
        url.query_pairs_mut().append_pair("query", query);
        let answer = self.get(url).await?;
        let data = &answer["data"];
        if data["resultType"] == "scalar" {
            return Ok(vec![(BTreeMap::new(), number(&data["result"])?)]);
        }
        let series = data["result"].as_array().context("series")?.iter();
        series
            .map(|series| Ok((serde_json::from_value(series["metric"].clone())?, number(&series["value"])?)))
            .collect()
    }

    /// Waits until a query gives exactly one series with this value.
    ///
    /// # Errors
    /// When it does not in time, with what it gives.
    pub async fn shows(&self, query: &str, value: f64) -> Result<()> {
        let shown = eventually(ANSWER, async || match self.query(query).await {
            Ok(series) if matches!(&series[..], [(_, shown)] if (shown - value).abs() < f64::EPSILON) => {
                Ok(())
            }
            other => Err(format!("{query} is not {value}: {other:?}")),
        });
        shown.await.map_err(anyhow::Error::msg)
    }

    /// Waits until an alert fires.
    ///
    /// # Errors
    /// When it does not in time, with those that do.
    pub async fn fires(&self, alert: &str, patience: Duration) -> Result<()> {
        let fires = eventually(patience, async || match self.firing().await {
            Ok(firing) if firing.iter().any(|name| name == alert) => Ok(()),
            other => Err(format!("{alert} does not fire: {other:?}")),
        });
        fires.await.map_err(anyhow::Error::msg)
    }

    /// Waits until an alert does not fire any more.
    ///
    /// # Errors
    /// When it goes on firing.
    pub async fn calms(&self, alert: &str) -> Result<()> {
        let calms = eventually(ANSWER, async || match self.firing().await {
            Ok(firing) if firing.iter().all(|name| name != alert) => Ok(()),
            other => Err(format!("{alert} still fires: {other:?}")),
        });
        calms.await.map_err(anyhow::Error::msg)
    }

    /// The names of all alerts that fire.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn firing(&self) -> Result<Vec<String>> {
        let answer = self.get(self.api.join("alerts")?).await?;
        let alerts = answer["data"]["alerts"].as_array().context("alerts")?.iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        Ok(firing
            .filter_map(|alert| alert["labels"]["alertname"].as_str().map(str::to_owned))
            .collect())
    }

    async fn get(&self, url: Url) -> Result<Value> {
        let answer: Value = self.client.get(url.clone()).send().await?.json().await?;
        if answer["status"] != "success" {
            bail!("{url}: {answer}");
        }
        Ok(answer)
    }
}

/// Of a pair of a time and a number, which Prometheus writes as text.
fn number(pair: &Value) -> Result<f64> {
    Ok(pair[1].as_str().context("a value")?.parse()?)
}
