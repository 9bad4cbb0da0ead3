//! How is the cluster reached?

use std::time::Duration;

use anyhow::Context;
use kube::{Client, Config, config::KubeConfigOptions};

/// Longest time to open a connection. Reading has no such bound: a watch is silent for as long as nothing happens.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for the named context, or for wherever we are; nothing is sent yet.
///
/// # Errors
/// If there is no usable configuration.
pub async fn connect(context: Option<&str>) -> anyhow::Result<Client> {
    let mut config = match context {
        Some(name) => {
            let options = KubeConfigOptions {
                context: Some(name.to_owned()),
                ..KubeConfigOptions::default()
            };
            Config::from_kubeconfig(&options).await.with_context(|| {
                format!("KUBE_CONTEXT: no usable context `{name}` in the kubeconfig")
            })?
        }
        None => Config::infer()
            .await
            .context("no cluster: set KUBECONFIG, or run inside of one")?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    Client::try_from(config).context("the cluster's configuration cannot be used")
}
