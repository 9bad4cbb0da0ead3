//! Measures how long Helm takes without the service: the measure that the service is held to.

use std::time::{Duration, Instant};

use anyhow::Context;
use kube::api::DeleteParams;
use serde_json::json;
use stack::env::StackEnv;
use stack::images::ImageRef;
use tokio::process::Command;

use super::github::PullRequest;
use super::look::{Clients, output};

/// What is made for the measurement, and removed after it.
const NAMESPACE: &str = "demo-helm-alone";

/// Installs the same chart with the same image in a namespace of its own, and returns how
/// long it took until everything was ready.
pub(super) async fn install(
    env: &StackEnv,
    clients: &Clients,
    pull: &PullRequest,
    image: &ImageRef,
) -> anyhow::Result<Duration> {
    let values = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(
        &values,
        &json!({
            "image": {"repository": image.repository(), "tag": image.commit()},
            "host": format!("{NAMESPACE}.{}", env.preview_host()),
            "ingress": {"className": env.preview_ingress_class},
            "preview": {"repository": pull.repository(), "pullRequest": pull.number, "commit": image.commit(), "expiresAt": ""},
        }),
    )?;
    let mut helm = Command::new(&env.helm);
    helm.args(["upgrade", "--install", "demo"])
        .arg(&env.preview_chart)
        .arg("--values")
        .arg(values.path());
    helm.args(["--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout", "2m"])
        .arg("--kubeconfig")
        .arg(&env.kubeconfig);
    if let Some(context) = &env.kube_context {
        helm.args(["--kube-context", context]);
    }
    let started = Instant::now();
    let installed = output(helm).await;
    let took = started.elapsed();
    // Also after a failure; it may not have come as far as the namespace.
    let deleted = clients.namespaces().delete(NAMESPACE, &DeleteParams::default()).await;
    installed.context("Helm alone")?;
    deleted?;
    clients.is_gone(NAMESPACE).await?;
    Ok(took)
}
