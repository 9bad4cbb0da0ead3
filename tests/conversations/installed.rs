//! The service as `charts/preview` installs it: its programs are pods, with the rights that the charts give
//! them and no others.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use checks::commands;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams},
};
use secrecy::ExposeSecret;
use serde_json::Value;
use stack::{
    cluster::{NODE_ADDRESS, SERVICE_NAMESPACE},
    eventually,
    images::ServiceImage,
    installed::{self, Installation, RELEASE, SECRET, WEBHOOK_HOST},
};
use tests::{Bridge, Conversation, NAME_KEY, OsProcess, Setting, converse};
use url::Url;

use crate::tls::TlsServer;

/// What operators are told to type.
const PAGE: &str = include_str!("../../docs/install/README.md");
/// And first, where an authority of their own signs certificates.
const OWN_AUTHORITY: &str = include_str!("../../docs/install/ghes.md");
/// And once it is installed.
const RUNBOOKS: &[&str] = &[
    include_str!("../../docs/runbooks/upgrade.md"),
    include_str!("../../docs/runbooks/scaling.md"),
    include_str!("../../docs/runbooks/key-rotation.md"),
];
const DAY: SignedDuration = SignedDuration::from_hours(24);
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
        let node = OsProcess::kubelet(&chat.stack.folder)?;
        let mut bridges = Vec::new();
        let github_api_url = chat.github.api_url();
        let ingress: SocketAddr = chat.stack.env.preview_ingress_address.parse()?;
        for port in [github_api_url.port().context("a port")?, ingress.port()] {
            bridges.push(Bridge::inwards(&node, NODE_ADDRESS, port)?);
        }
        chat.stack.build_service_image(ServiceImage::Webhook).await?;
        chat.stack.build_service_image(ServiceImage::Worker).await?;
        let mut values = Installation {
            env: &chat.stack.env,
            allowed_owners: chat.repository.owner(),
            github_app_id: &chat.github.app_id().to_string(),
            github_api_url: &github_api_url,
        }
        .values();
        values["taskQueue"] = chat.instance.as_str().into();
        values["instance"] = chat.instance.as_str().into();
        values["authorities"] = "own-authorities".into();
        values["worker"]["settings"]["PREVIEW_TTL"] = "20m".into();
        values["worker"]["settings"]["SWEEP_INTERVAL"] = "24h".into();
        let values_file = chat.folder.join("values.yaml");
        fs::write(&values_file, values.to_string())?;

        let installed = Self {
            chart: installed::chart(&chat.stack.env.helm, &chat.folder.join("charts"))
                .await
                .map_err(anyhow::Error::msg)?,
            values: values_file,
            secrets: Api::namespaced(chat.stack.kube.clone(), SERVICE_NAMESPACE),
            pods: Api::namespaced(chat.stack.kube.clone(), SERVICE_NAMESPACE),
            _bridges: bridges,
        };
        if let Err(error) = type_what_the_page_says(chat).await {
            return Err(error.context(installed.look().await?));
        }

        let services: Api<Service> = Api::namespaced(chat.stack.kube.clone(), SERVICE_NAMESPACE);
        let spec = services.get("preview-webhook").await?.spec.context("a spec")?;
        let address: IpAddr = spec.cluster_ip.context("an address")?.parse()?;
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
        let there = ["--namespace", SERVICE_NAMESPACE, "--kubeconfig", &kubeconfig];
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
        let config_maps: Api<ConfigMap> = Api::namespaced(chat.stack.kube.clone(), SERVICE_NAMESPACE);
        config_maps.delete("own-authorities", &DeleteParams::default()).await?;
        Ok(())
    }
}

fn private_key_file(chat: &Conversation) -> PathBuf {
    chat.folder.join("app.private-key.pem")
}

/// As an operator who installs the service for the first time.
async fn type_what_the_page_says(chat: &Conversation) -> Result<()> {
    let key = private_key_file(chat);
    fs::write(&key, chat.github.private_key_pem())?;
    let webhook_secret = chat.github.webhook_secret();
    let environment = [
        ("PRIVATE_KEY_FILE", key.display().to_string()),
        ("WEBHOOK_SECRET", webhook_secret.expose_secret().to_owned()),
        ("NAME_KEY", NAME_KEY.to_owned()),
    ];
    let authority = TlsServer::of_a_name("github.example.com", Timestamp::now() + DAY)?.certificate;
    fs::write(chat.folder.join("authority.pem"), authority)?;
    for script in [OWN_AUTHORITY, PAGE].map(commands::script) {
        chat.type_in(&script, &environment).await?;
    }
    Ok(())
}

#[test]
fn the_service_that_its_chart_installs_gives_previews_and_loses_none_when_it_is_replaced() {
    converse(Setting::default(), async |chat| {
        let installed = Installed::moves_in(chat).await?;
        let chat: &Conversation = chat;
        let way_in = |path: &str| -> Result<Url> {
            let (_, port) = chat.stack.env.preview_ingress_address.rsplit_once(':').context("a port")?;
            Ok(format!("http://{WEBHOOK_HOST}:{port}{path}").parse()?)
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
        for page in RUNBOOKS {
            let situation = [
                ("NEW_WEBHOOK_SECRET", "another secret".to_owned()),
                ("NEW_PRIVATE_KEY_FILE", private_key_file(chat).display().to_string()),
            ];
            chat.type_in(&commands::script(page), &situation).await?;
        }
        assert_eq!(kept.open("/").await?.status, 200);

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

        let script = format!(
            "kubectl --namespace {SERVICE_NAMESPACE} exec deployment/preview-worker -- preview doctor --output json || true"
        );
        let lines: Vec<Value> = serde_json::from_str(&chat.type_in(&script, &[]).await?)?;
        let wrong: Vec<_> = lines.iter().filter(|line| line["is"] == "wrong").collect();
        // The stack brings images to its node itself; there is no registry.
        ensure!(wrong.len() == 1 && wrong[0]["check"] == "registry", "{lines:#?}");

        kept.stop().await?;
        begun.stop().await?;
        kept.gone().await?;
        begun.gone().await?;
        installed.moves_out(chat).await
    });
}
