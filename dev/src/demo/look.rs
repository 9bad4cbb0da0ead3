//! What can be seen of a preview in the cluster, in Temporal and at its URL.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use serde_json::Value;
use stack::env::StackEnv;
use stack::eventually;
use stack::images::{ImageRef, is_in_containerd};
use stack::page::Page;
use tokio::process::Command;
use tokio::time::timeout;
use url::Url;

/// For an image to be built, and for a preview to end and disappear.
const PATIENCE: Duration = Duration::from_secs(240);

/// Clients for a running stack.
pub(crate) struct Clients {
    pub(crate) kube: kube::Client,
    env: StackEnv,
    ingress: SocketAddr,
}

impl Clients {
    pub(crate) async fn connect(env: &StackEnv) -> anyhow::Result<Self> {
        let options = KubeConfigOptions {
            context: env.kube_context.clone(),
            ..KubeConfigOptions::default()
        };
        let config =
            kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(&env.kubeconfig)?, &options).await?;
        Ok(Self {
            kube: config.try_into()?,
            env: env.clone(),
            ingress: env.preview_ingress_address.parse()?,
        })
    }

    /// Waits until the image is in the embedded cluster. What a person's own cluster holds
    /// cannot be seen; there, installing it shows.
    pub(crate) async fn has_image(&self, image: &ImageRef) -> anyhow::Result<()> {
        let (Some(ctr), Some(address)) = (&self.env.ctr, &self.env.containerd_address) else {
            return Ok(());
        };
        let found = eventually(PATIENCE, async || match is_in_containerd(ctr, address, image).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("there is no image {image}")),
            Err(error) => Err(error.to_string()),
        });
        found.await.map_err(|why| anyhow!(why))
    }

    /// Opens the URL through the stack's ingress, as a browser would.
    pub(crate) async fn get(&self, url: &Url) -> anyhow::Result<Page> {
        let page = Page::open(url, self.ingress).await?;
        ensure!((200..300).contains(&page.status), "{url} answered {}", page.status);
        Ok(page)
    }

    /// The namespace of the commit's preview.
    pub(crate) async fn namespace_of(&self, commit: &str) -> anyhow::Result<String> {
        let found = self
            .namespaces()
            .list(&ListParams::default().labels(&format!("preview.internal/commit={commit}")))
            .await?;
        let names: Vec<_> = found
            .items
            .into_iter()
            .filter_map(|namespace| namespace.metadata.name)
            .collect();
        ensure!(names.len() == 1, "there should be one namespace for {commit}, and there are {names:?}");
        Ok(names.concat())
    }

    /// Waits until the namespace is gone.
    pub(crate) async fn is_gone(&self, namespace: &str) -> anyhow::Result<()> {
        let absent = |namespace: Option<&Namespace>| namespace.is_none();
        timeout(PATIENCE, await_condition(self.namespaces(), namespace, absent))
            .await
            .with_context(|| format!("{namespace} is still there"))??;
        Ok(())
    }

    pub(crate) fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.kube.clone())
    }

    /// When the preview will end, by its own account.
    pub(crate) async fn end_of(&self, workflow: &str) -> anyhow::Result<Timestamp> {
        let answer = self
            .temporal(&["workflow", "query", "--workflow-id", workflow, "--type", "status"])
            .await?;
        let status = answer.pointer("/queryResult/0").unwrap_or(&answer);
        let end = status["expires_at"]
            .as_str()
            .with_context(|| format!("the workflow's status has no end: {answer}"))?;
        Ok(end.parse()?)
    }

    /// `Running`, `Completed`, …
    pub(crate) async fn status_of(&self, workflow: &str) -> anyhow::Result<String> {
        let answer = self.temporal(&["workflow", "describe", "--workflow-id", workflow]).await?;
        let status = answer
            .pointer("/workflowExecutionInfo/status")
            .and_then(Value::as_str)
            .context("a workflow has a status")?;
        let word = status.trim_start_matches("WORKFLOW_EXECUTION_STATUS_").to_lowercase();
        Ok(word[..1].to_uppercase() + &word[1..])
    }

    /// Runs the `temporal` program; its answer as JSON, null if it has none.
    pub(crate) async fn temporal(&self, words: &[&str]) -> anyhow::Result<Value> {
        let mut temporal = Command::new(&self.env.temporal_cli);
        let address = &self.env.temporal_address;
        temporal.args(words).args([
            "--address",
            address,
            "--namespace",
            &self.env.temporal_namespace,
            "--output",
            "json",
        ]);
        Ok(serde_json::from_str(&output(temporal).await?).unwrap_or_default())
    }
}

/// Runs a program to its end, and returns what it printed.
pub(crate) async fn output(command: Command) -> anyhow::Result<String> {
    let program = PathBuf::from(command.as_std().get_program());
    let printed = stack::program::output(command).await;
    printed.map_err(|why| anyhow!("{} failed: {why}", program.display()))
}
