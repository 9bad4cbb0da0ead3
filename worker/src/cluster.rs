//! Connects to the cluster.

use std::{sync::Arc, time::Duration};

use activities::ApiServer;
use anyhow::Context;
use http::{Method, Request};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
    config::KubeConfigOptions,
};
use temporalio_common::telemetry::metrics::{CoreMeter, MetricKeyValue, MetricParameters, NewAttributes};
use tower::util::MapRequestLayer;

/// Longest time to open a connection. Reading has no such bound: a watch is
/// silent for as long as nothing happens.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for the named context, or for wherever we are, and the way there for others; requests are
/// counted, and nothing is sent yet.
///
/// # Errors
/// If there is no usable configuration.
pub async fn connect(context: Option<&str>, meter: &dyn CoreMeter) -> anyhow::Result<(Client, ApiServer)> {
    let mut config = match context {
        Some(name) => {
            let options = KubeConfigOptions {
                context: Some(name.to_owned()),
                ..KubeConfigOptions::default()
            };
            Config::from_kubeconfig(&options)
                .await
                .with_context(|| format!("KUBE_CONTEXT: no usable context `{name}` in the kubeconfig"))?
        }
        None => Config::infer()
            .await
            .context("no cluster: set KUBECONFIG, or run inside of one")?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let counted = MapRequestLayer::new(counted_by(meter));
    let client = |config: Config| {
        let client = ClientBuilder::try_from(config).context("the cluster's configuration cannot be used")?;
        anyhow::Ok(client.with_layer(&counted).build())
    };
    Ok((client(config.clone())?, ApiServer::new(&config, client)?))
}

/// Counts requests by their method; which objects they are about would be too many labels.
fn counted_by(
    meter: &dyn CoreMeter,
) -> impl Fn(Request<Body>) -> Request<Body> + Clone + Send + Sync + 'static {
    let requests = meter.counter(
        MetricParameters::builder()
            .name("preview_cluster_requests")
            .description("Requests to the cluster's API server by method")
            .build(),
    );
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let labelled = methods.map(|method| {
        let label = MetricKeyValue::new("method", method.to_string());
        (method, meter.new_attributes(NewAttributes::from([label])))
    });
    let labels = Arc::new(labelled);
    move |request| {
        if let Some((_, label)) = labels.iter().find(|(method, _)| method == request.method()) {
            requests.add(1, label);
        }
        request
    }
}
