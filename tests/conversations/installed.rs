//! The service as `charts/preview` installs it: its programs are pods, with the rights that the charts give
//! them and no others.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::{
    ByteString,
    api::core::v1::{Pod, Secret, Service},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams, ObjectMeta, PostParams},
};
use secrecy::ExposeSecret;
use serde_json::json;
use stack::{eventually, images::ServiceImage};
use tests::{Bridge, Conversation, NAME_KEY, NODE, OsProcess, Setting, converse};
use tokio::process::Command;
use url::Url;

/// Where the stack has installed `charts/preview-cluster`.
const NAMESPACE: &str = "preview-system";
const RELEASE: &str = "preview";
const SECRET: &str = "preview";
/// GitHub's way in.
const HOOKS: &str = "hooks.preview.localhost";
/// How long the worker may take to find out whether network policies are enforced.
const FOUND_OUT: Duration = Duration::from_secs(120);

/// A release of the chart, in place of the conversation's own processes.
struct Installed {
    chart: PathBuf,
    values: PathBuf,
    secrets: Api<Secret>,
    pods: Api<Pod>,
    _bridges: Vec<Bridge>,
}

impl Installed {
    async fn moves_in(chat: &mut Conversation) -> Result<Self> {
        chat.webhook.stop().await?;
        chat.worker.stop().await?;
        let (env, node) = (&chat.stack.env, OsProcess::kubelet(&chat.stack.folder)?);
        let mut bridges = Vec::new();
        let mut from_pods = |port| {
            bridges.push(Bridge::inwards(&node, NODE, port)?);
            Ok::<_, anyhow::Error>(format!("{NODE}:{port}"))
        };
        let github = chat.github.api_url();
        let host = from_pods(github.port().context("a port")?)?;
        let ingress: SocketAddr = env.preview_ingress_address.parse()?;
        let ingress = from_pods(ingress.port())?;
        let temporal: SocketAddr = env.temporal_address.parse()?;

        let image = |name: &str| {
            let (repository, tag) = name.rsplit_once(':').unwrap_or((name, ""));
            json!({ "repository": repository, "tag": tag, "pullPolicy": "Never" })
        };
        let webhook = chat.stack.build_service_image(ServiceImage::Webhook).await?;
        let worker = chat.stack.build_service_image(ServiceImage::Worker).await?;
        let values = json!({
            "allowedOwners": [chat.repository.owner()],
            "domain": env.preview_domain,
            "previewImage": env.preview_image,
            "github": {
                "appId": chat.github.app_id().to_string(),
                "apiUrl": format!("http://{host}{}", github.path()),
            },
            "secret": SECRET,
            "temporal": {
                "address": format!("{NODE}:{}", temporal.port()),
                "namespace": env.temporal_namespace,
                "uiUrl": env.temporal_ui_url,
            },
            "taskQueue": chat.instance,
            "instance": chat.instance,
            "logFormat": "text",
            "webhook": {
                "image": image(&webhook),
                "drainSeconds": 2,
                "ingress": { "create": true, "className": env.preview_ingress_class, "host": HOOKS },
            },
            "worker": {
                "image": image(&worker),
                "requests": { "cpu": "10m", "memory": "64Mi" },
                "settings": {
                    "PREVIEW_INGRESS_ADDRESS": ingress,
                    "PREVIEW_INGRESS_CLASS": env.preview_ingress_class,
                    "PREVIEW_TTL": "20m",
                    "SWEEP_INTERVAL": "24h",
                },
            },
            // The stack has it already, for all conversations.
            "preview-cluster": { "create": false },
        });
        let values_file = chat.folder.join("values.json");
        fs::write(&values_file, values.to_string())?;

        let secrets: Api<Secret> = Api::namespaced(chat.stack.kube.clone(), NAMESPACE);
        secrets.create(&PostParams::default(), &secret(chat)).await?;
        let installed = Self {
            chart: copied_chart(chat).await?,
            values: values_file,
            secrets,
            pods: Api::namespaced(chat.stack.kube.clone(), NAMESPACE),
            _bridges: bridges,
        };
        installed.upgrade(chat, &[]).await?;

        let services: Api<Service> = Api::namespaced(chat.stack.kube.clone(), NAMESPACE);
        let spec = services.get("preview-webhook").await?.spec.context("a spec")?;
        let address: IpAddr = spec.cluster_ip.context("an address")?.parse()?;
        // The node itself has no route to Services, as a node with a way to the Internet would.
        node.ip(&["route", "replace", &format!("{address}/32"), "dev", "pods0"])?;
        let (bridge, hooks) = Bridge::outwards(&node, (address, 80).into())?;
        chat.github
            .set_webhook_url(Some(format!("http://{hooks}/api/github/webhooks").parse()?));
        Ok(Self {
            _bridges: installed._bridges.into_iter().chain([bridge]).collect(),
            ..installed
        })
    }

    /// Installs the release, or brings it up to date, and returns when it runs.
    async fn upgrade(&self, chat: &Conversation, more: &[&str]) -> Result<()> {
        let values = self.values.display().to_string();
        let chart = self.chart.display().to_string();
        let arguments =
            ["upgrade", "--install", RELEASE, &chart, "--values", &values, "--wait", "--timeout=3m"];
        match self.helm(chat, &[&arguments, more].concat()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.context(self.look().await?)),
        }
    }

    /// As an operator.
    async fn helm(&self, chat: &Conversation, arguments: &[&str]) -> Result<String> {
        let kubeconfig = chat.stack.env.kubeconfig.display().to_string();
        let there = ["--namespace", NAMESPACE, "--kubeconfig", &kubeconfig];
        chat.helm(&[arguments, &there].concat()).await
    }

    /// What becomes of the pods.
    async fn look(&self) -> Result<String> {
        let mut seen = String::new();
        for pod in self.pods.list(&ListParams::default()).await? {
            let logs = self.pods.logs(&pod.name_any(), &LogParams::default()).await;
            seen += &format!("{}: {:?}\n{}\n", pod.name_any(), pod.status, logs.unwrap_or_default());
        }
        Ok(seen)
    }

    /// What the pods of one of its Deployments have said.
    async fn said(&self, name: &str) -> Result<String> {
        let of_it = ListParams::default().labels(&format!("app.kubernetes.io/name={name}"));
        let mut all = String::new();
        for pod in self.pods.list(&of_it).await? {
            all += &self.pods.logs(&pod.name_any(), &LogParams::default()).await?;
        }
        Ok(all)
    }

    async fn moves_out(self, chat: &Conversation) -> Result<()> {
        self.helm(chat, &["uninstall", RELEASE, "--wait", "--timeout=2m"]).await?;
        self.secrets.delete(SECRET, &DeleteParams::default()).await?;
        Ok(())
    }
}

fn secret(chat: &Conversation) -> Secret {
    let text = |text: &str| ByteString(text.as_bytes().to_vec());
    let data = [
        ("webhook-secret", text(chat.github.webhook_secret().expose_secret())),
        ("private-key.pem", text(chat.github.private_key_pem())),
        ("name-key", text(NAME_KEY)),
    ];
    Secret {
        metadata: ObjectMeta { name: Some(SECRET.to_owned()), ..ObjectMeta::default() },
        data: Some(data.map(|(key, value)| (key.to_owned(), value)).into()),
        ..Secret::default()
    }
}

/// With its dependency, and outside of the repository, which stays as it is.
async fn copied_chart(chat: &Conversation) -> Result<PathBuf> {
    let charts = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../charts"));
    let here = chat.folder.join("charts");
    fs::create_dir_all(&here)?;
    let mut copy = Command::new("cp");
    copy.arg("--recursive")
        .args(["preview", "preview-cluster"].map(|chart| charts.join(chart)))
        .arg(&here);
    stack::program::output(copy).await.map_err(anyhow::Error::msg)?;
    let chart = here.join("preview");
    chat.helm(&["dependency", "build", &chart.display().to_string()]).await?;
    Ok(chart)
}

#[test]
fn the_service_that_its_chart_installs_gives_previews_and_loses_none_when_it_is_replaced() {
    converse(Setting::default(), async |chat| {
        let installed = Installed::moves_in(chat).await?;
        let chat: &Conversation = chat;
        let way_in = |path: &str| -> Result<Url> {
            let (_, port) = chat.stack.env.preview_ingress_address.rsplit_once(':').context("a port")?;
            Ok(format!("http://{HOOKS}:{port}{path}").parse()?)
        };
        // Only what GitHub sends, which is no GET.
        for (path, status) in [("/api/github/webhooks", 405), ("/metrics", 404), ("/livez", 404), ("/", 404)]
        {
            let page = chat.stack.open(&way_in(path)?).await?;
            ensure!(page.status == status, "{path}: {}", page.status);
        }

        let (first, second) = (chat.pull_request().await?, chat.pull_request().await?);
        let kept = match first.previewed().await {
            Ok(kept) => kept,
            Err(error) => return Err(error.context(installed.look().await?)),
        };
        assert_eq!(kept.open("/").await?.status, 200);
        let asked = second.request_preview().await?;
        installed
            .upgrade(
                chat,
                &[
                    "--set-string=webhook.podAnnotations.round=2",
                    "--set-string=worker.podAnnotations.round=2",
                ],
            )
            .await?;
        let begun = second.shows_url().await?;
        assert_eq!(begun.id, asked.id);
        assert_eq!(kept.open("/").await?.status, 200);
        installed.helm(chat, &["test", RELEASE, "--timeout=2m"]).await?;

        let found_out = eventually(FOUND_OUT, async || {
            let said = installed.said("preview-worker").await.map_err(|error| error.to_string())?;
            if said.contains("the cluster enforces network policies") {
                Ok(())
            } else {
                Err(said)
            }
        });
        found_out.await.map_err(anyhow::Error::msg)?;
        let said = installed.said("preview-worker").await?;
        ensure!(!said.contains("Helm is not confined"), "{said}");

        kept.stop().await?;
        begun.stop().await?;
        kept.gone().await?;
        begun.gone().await?;
        installed.moves_out(chat).await
    });
}
