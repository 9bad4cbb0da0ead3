//! Installs the service as operators do, by `charts/preview`: its programs are pods of the stack's cluster,
//! in place of processes beside it.

use std::fmt::Display;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use k8s_openapi::{
    ByteString,
    api::core::v1::{Secret, Service},
};
use kube::{
    Api, Resource,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use url::Url;

use crate::charts;
use crate::cluster::{Cluster, NODE_ADDRESS, SERVICE_NAMESPACE};
use crate::env::{ServiceEnv, StackEnv};
use crate::error::StackError;
use crate::forward::Forward;
use crate::images::{ImageBuilder, ServiceImage};
use crate::program::output;
use crate::services;
use crate::stack::Stack;

/// The release.
pub const RELEASE: &str = "preview";
/// The Secret that the chart is told of.
pub const SECRET: &str = "preview";
/// GitHub's way in, as the stack's ingress knows it.
pub const WEBHOOK_HOST: &str = "hooks.preview.localhost";
/// Who makes the Secret.
const US: &str = "cargo-dev";

/// What the service is installed for.
pub struct Installation<'a> {
    /// The stack.
    pub env: &'a StackEnv,
    /// Whom it serves.
    pub allowed_owners: &'a str,
    /// The App's number.
    pub github_app_id: &'a str,
    /// GitHub's API, as this machine reaches it.
    pub github_api_url: &'a Url,
}

impl Installation<'_> {
    /// The values of `charts/preview`. The stack's cluster has `preview-cluster` already.
    #[must_use]
    pub fn values(&self) -> Value {
        let env = self.env;
        let image = |image: ServiceImage| {
            let name = image.name();
            let (repository, tag) = name.rsplit_once(':').unwrap_or((&name, ""));
            json!({ "repository": repository, "tag": tag, "pullPolicy": "Never" })
        };
        json!({
            "allowedOwners": self.allowed_owners.split(',').collect::<Vec<_>>(),
            "domain": env.preview_domain,
            "previewImage": env.preview_image,
            "github": { "appId": self.github_app_id, "apiUrl": url_for_pods(self.github_api_url) },
            "secret": SECRET,
            "temporal": {
                "address": for_pods(&env.temporal_address),
                "namespace": env.temporal_namespace,
                "uiUrl": env.temporal_ui_url,
            },
            "logFormat": "text",
            "webhook": {
                "image": image(ServiceImage::Webhook),
                "drainSeconds": 2,
                "ingress": { "create": true, "className": env.preview_ingress_class, "host": WEBHOOK_HOST },
            },
            "worker": {
                "image": image(ServiceImage::Worker),
                "requests": { "cpu": "10m", "memory": "64Mi" },
                "settings": {
                    "PREVIEW_INGRESS_ADDRESS": for_pods(&env.preview_ingress_address),
                    "PREVIEW_INGRESS_CLASS": env.preview_ingress_class,
                },
            },
            "preview-cluster": { "create": false },
        })
    }
}

/// The Secret of the release.
#[must_use]
pub fn secret(webhook_secret: &str, private_key: &str, name_key: &str) -> Secret {
    let data = [
        ("webhook-secret", webhook_secret),
        ("private-key.pem", private_key),
        ("name-key", name_key),
    ];
    Secret {
        metadata: ObjectMeta { name: Some(SECRET.to_owned()), ..ObjectMeta::default() },
        data: Some(data.map(|(key, text)| (key.to_owned(), ByteString(text.into()))).into()),
        ..Secret::default()
    }
}

/// The chart with its dependency, copied to `folder`: the repository stays as it is.
///
/// # Errors
/// What Helm complains of.
pub async fn chart(helm: &Path, folder: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut copy = Command::new("cp");
    copy.arg("--recursive")
        .args(["preview", "preview-cluster"].map(charts::folder))
        .arg(folder);
    output(copy).await?;
    let chart = folder.join("preview");
    let mut build = Command::new(helm);
    build.args(["dependency", "update"]).arg(&chart).env("HOME", folder);
    output(build).await?;
    Ok(chart)
}

/// What listens on the stack's loopback as its pods reach it.
fn for_pods(address: &str) -> String {
    let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
    format!("{NODE_ADDRESS}:{port}")
}

fn url_for_pods(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_ip_host(NODE_ADDRESS.into());
    url
}

impl Stack {
    /// Installs the service; returns when its pods run, and passes on to them what comes to the webhook's
    /// port until the result is dropped.
    ///
    /// # Errors
    /// What the cluster, or Helm, complains of.
    pub async fn install_services(
        &self,
        cluster: &Cluster,
        env: &StackEnv,
        service: &ServiceEnv,
        images: &ImageBuilder,
    ) -> Result<Vec<Forward>, StackError> {
        let programs = services::images_are_made_of(&self.toolbox)?;
        images.build_service(ServiceImage::Webhook, &programs).await?;
        images.build_service(ServiceImage::Worker, &programs).await?;

        let ports = &self.options.ports;
        let mut forwards = Vec::new();
        for port in [ports.github, ports.ingress] {
            forwards.push(forward((NODE_ADDRESS, port).into(), (Ipv4Addr::LOCALHOST, port).into())?);
        }
        let read = |path: &Path| fs::read_to_string(path).map_err(failed(path.display()));
        let secret = secret(
            &service.webhook_secret,
            &read(&service.github_private_key_file)?,
            &read(&service.preview_name_key_file)?,
        );
        apply(cluster, secret).await?;
        self.upgrade_release(env, service).await?;

        let webhook = (webhook_address(cluster).await?, 80).into();
        forwards.push(forward((Ipv4Addr::LOCALHOST, ports.webhook).into(), webhook)?);
        Ok(forwards)
    }

    async fn upgrade_release(&self, env: &StackEnv, service: &ServiceEnv) -> Result<(), StackError> {
        let url = &service.github_api_url;
        let github_api_url = Url::parse(url).map_err(failed(url))?;
        let installation = Installation {
            env,
            allowed_owners: &service.preview_allowed_owners,
            github_app_id: &service.github_app_id,
            github_api_url: &github_api_url,
        };
        let mut values = installation.values();
        let settings = &mut values["worker"]["settings"];
        // Who plays with the stack sees everything anyway.
        settings["PREVIEW_POST_LOGS"] = "always".into();
        settings["PREVIEW_REPOSITORY_CHARTS"] = "true".into();
        if let Some(ttl) = &service.preview_ttl {
            settings["PREVIEW_TTL"] = ttl.as_str().into();
        }
        let folder = self.options.folder("installed");
        let chart = chart(&env.helm, &folder).await.map_err(StackError::Installation)?;
        let file = folder.join("values.json");
        fs::write(&file, values.to_string()).map_err(failed(file.display()))?;
        let mut upgrade = Command::new(&env.helm);
        upgrade
            .args(["upgrade", "--install", RELEASE])
            .arg(chart)
            .arg("--values")
            .arg(file)
            .args(["--namespace", SERVICE_NAMESPACE, "--wait", "--timeout=2m", "--kubeconfig"])
            .arg(&env.kubeconfig)
            .env("HOME", &folder);
        output(upgrade).await.map(drop).map_err(StackError::Installation)
    }
}

fn failed<Error: Display>(what: impl Display) -> impl FnOnce(Error) -> StackError {
    move |error| StackError::Installation(format!("{what}: {error}"))
}

fn forward(from: SocketAddr, to: SocketAddr) -> Result<Forward, StackError> {
    let listener = TcpListener::bind(from);
    let forward = listener.and_then(|listener| Forward::start(listener, move || TcpStream::connect(to)));
    forward.map_err(failed(format!("passing {from} on to {to}")))
}

async fn apply(cluster: &Cluster, secret: Secret) -> Result<(), StackError> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client().clone(), SERVICE_NAMESPACE);
    let mut object = json!(secret);
    object["apiVersion"] = Secret::api_version(&()).into();
    object["kind"] = Secret::kind(&()).into();
    let applied = secrets.patch(SECRET, &PatchParams::apply(US), &Patch::Apply(&object)).await;
    applied.map(drop).map_err(failed(format!("the Secret {SECRET}")))
}

/// Of its Service. The node reaches it as pods do.
async fn webhook_address(cluster: &Cluster) -> Result<Ipv4Addr, StackError> {
    let name = format!("{RELEASE}-webhook");
    let services: Api<Service> = Api::namespaced(cluster.client().clone(), SERVICE_NAMESPACE);
    let found = services.get(&name).await.map_err(failed(format!("the Service {name}")))?;
    let address = found.spec.and_then(|spec| spec.cluster_ip?.parse().ok());
    address.ok_or_else(|| StackError::Installation(format!("the Service {name} has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_reach_what_listens_on_the_stacks_loopback_at_the_node() {
        assert_eq!(for_pods("127.0.0.1:7233"), "10.213.0.1:7233");
        let url = Url::parse("http://127.0.0.1:4100/api/v3").unwrap();
        assert_eq!(url_for_pods(&url).as_str(), "http://10.213.0.1:4100/api/v3");
    }
}
