//! Whatever the values of `charts/preview` can switch on or off, the API server takes what it makes.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use stack::{
    installed::{self, RELEASE},
    program::output,
    tools::crds,
};
use tests::{Conversation, Setting, converse};
use tokio::process::Command;

/// Where nothing is installed that would be in the way.
const NAMESPACE: &str = "preview-toggles";

/// Each on top of what the chart requires.
const TOGGLES: &[&[&str]] = &[
    &[],
    &["--set=github.deployments=true"],
    &["--set=temporal.apiKey=true"],
    &["--set=temporal.clientCertificate=temporal-client"],
    &["--set=temporal.clientCertificate=temporal-client", "--set=temporal.ownAuthority=true"],
    &["--set=authorities=own-authorities"],
    &["--set=networkPolicies=false"],
    &["--set-json=metricsFrom=[{\"podSelector\": {\"matchLabels\": {\"app\": \"prometheus\"}}}]"],
    &["--set=serviceMonitor.create=true", "--set=serviceMonitor.labels.release=prometheus"],
    &["--set-json=imagePullSecrets=[{\"name\": \"registry\"}]"],
    &["--set=webhook.replicas=1", "--set=worker.replicas=1"],
    &["--set=webhook.ingress.create=true", "--set=webhook.ingress.host=hooks.example.com"],
    &[
        "--set=webhook.ingress.create=true",
        "--set=webhook.ingress.host=hooks.example.com",
        "--set=webhook.ingress.className=traefik",
        "--set=webhook.ingress.tlsSecret=hooks-tls",
        "--set=webhook.ingress.annotations.example\\.com/team=platform",
    ],
    &[
        "--set=webhook.httpRoute.create=true",
        "--set=webhook.httpRoute.hostnames={hooks.example.com}",
        "--set-json=webhook.httpRoute.parentRefs=[{\"name\": \"gateway\", \"namespace\": \"gateways\"}]",
    ],
    &[
        "--set=prometheusRule.create=true",
        "--set=prometheusRule.runbooks=https://example.com/runbooks",
    ],
    &["--set=dashboard.create=true"],
    &["--set=worker.helmAtOnce=1", "--set=worker.activitySlots=20"],
    &["--set=preview-cluster.create=false"],
    &["--set=preview-cluster.worker.annotations.example\\.com/account=previews"],
];

/// Helm and kubectl, as an operator has them.
struct Operator<'a> {
    chat: &'a Conversation,
    chart: &'a Path,
}

impl Operator<'_> {
    /// Renders the chart with these values, and asks the API server whether it would take that.
    async fn tries(&self, values: &[String]) -> Result<()> {
        let chart = self.chart.display().to_string();
        let mut arguments = vec!["template", RELEASE, &chart, "--namespace", NAMESPACE];
        arguments.extend(values.iter().map(String::as_str));
        let rendered = self.chat.helm(&arguments).await?;
        let file = self.chat.folder.join("rendered.yaml");
        fs::write(&file, rendered)?;
        let file = file.display().to_string();
        let apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", &file];
        let applied = self.kubectl(&apply).await;
        applied.with_context(|| format!("with {values:?}"))
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let env = &self.chat.stack.env;
        let mut kubectl = Command::new(env.kubectl.as_deref().context("kubectl is among the stack's tools")?);
        kubectl.args(arguments).arg("--kubeconfig").arg(&env.kubeconfig);
        output(kubectl).await.map(drop).map_err(anyhow::Error::msg)
    }
}

#[test]
fn the_api_server_takes_whatever_the_chart_can_be_told_to_make() {
    converse(Setting::default(), async |chat| {
        let helm = &chat.stack.env.helm;
        let folder = chat.folder.join("charts");
        let chart = installed::chart(helm, &folder).await.map_err(anyhow::Error::msg)?;
        let operator = Operator { chat, chart: &chart };
        operator.kubectl(&["create", "namespace", NAMESPACE]).await?;
        for definition in crds::files().await.map_err(anyhow::Error::msg)? {
            let file = definition.display().to_string();
            operator.kubectl(&["apply", "--server-side", "--filename", &file]).await?;
            operator
                .kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "--filename", &file])
                .await?;
        }

        let file = |name: &str| format!("--values={}", chart.join(name).display());
        let least = file("ci/least-values.yaml");
        for toggle in TOGGLES {
            let toggle = toggle.iter().map(|option| (*option).to_owned());
            operator
                .tries(&[least.clone()].into_iter().chain(toggle).collect::<Vec<_>>())
                .await?;
        }
        let host = "--set=webhook.ingress.host=hooks.example.com".to_owned();
        for values in ["values-gke.yaml", "values-temporal-cloud.yaml", "ci/everything-values.yaml"] {
            operator.tries(&[least.clone(), file(values), host.clone()]).await?;
        }
        operator.kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]).await
    });
}
