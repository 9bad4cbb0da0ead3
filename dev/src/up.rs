//! `cargo dev up`, from top to bottom.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use clap::Args;
use dev::stack::options::{ClusterChoice, ExistingCluster, Ports, StackOptions};
use dev::stack::{Stack, namespace};
use dev::tools::{Tool, Toolbox};
use kube::config::Kubeconfig;

/// What a person can choose.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// How long a preview lives unless its request says otherwise, for example 30m.
    #[arg(long)]
    ttl: Option<String>,
    /// Folder for state and logs; one running stack each.
    #[arg(long, default_value = ".dev")]
    state: PathBuf,
    /// Port of the GitHub stand-in: its API and its page.
    #[arg(long, default_value_t = 4100)]
    github_port: u16,
    /// Port of the webhook.
    #[arg(long, default_value_t = 4200)]
    webhook_port: u16,
    /// Port of Temporal.
    #[arg(long, default_value_t = 7233)]
    temporal_port: u16,
    /// Port of Temporal's UI.
    #[arg(long, default_value_t = 8233)]
    ui_port: u16,
    /// Port of the ingress, which is that of the previews' URLs.
    #[arg(long, default_value_t = 8088)]
    ingress_port: u16,
    /// Port of the Kubernetes API.
    #[arg(long, default_value_t = 6443)]
    apiserver_port: u16,

    /// Use this context of your own kubeconfig, and start neither Kubernetes nor an ingress.
    #[arg(long, value_name = "NAME", requires = "preview_domain", requires = "ingress_address", requires = "image_import")]
    kube_context: Option<String>,
    /// With --kube-context: the domain that your ingress serves previews under.
    #[arg(long, requires = "kube_context")]
    preview_domain: Option<String>,
    /// With --kube-context: where your ingress listens, as address:port.
    #[arg(long, requires = "kube_context")]
    ingress_address: Option<String>,
    /// With --kube-context: the ingress class that previews name.
    #[arg(long, requires = "kube_context", default_value_if("kube_context", clap::builder::ArgPredicate::IsPresent, Some("nginx")))]
    ingress_class: Option<String>,
    /// With --kube-context: the command that brings an image into your cluster, for example
    /// 'kind load image-archive {archive}' or 'k3d image import {archive}'.
    #[arg(long, requires = "kube_context")]
    image_import: Option<String>,
}

/// Installs, then runs the stack in its own namespaces and waits for it.
pub(crate) async fn outside(options: Options) -> anyhow::Result<ExitCode> {
    let options = options.resolve()?;
    Toolbox::ensure_all(needed(&options.cluster)).await?;
    // The same options again: the inside resolves them in the same way.
    let arguments = std::env::args_os().skip(1).map(|word| if word == "up" { OsString::from("stack") } else { word });
    Ok(namespace::run(arguments).await?)
}

/// Starts the stack, says where everything is, and stops when asked to or when a part fails.
pub(crate) async fn inside(options: Options) -> anyhow::Result<ExitCode> {
    ensure!(namespace::is_inside(), "`dev stack` is for the stack's own use; type `cargo dev up`");
    let started = Instant::now();
    let options = options.resolve()?;
    let toolbox = Toolbox::ensure_all(needed(&options.cluster)).await?;
    let mut stack = Stack::prepare(options, toolbox).await?;
    let outcome = tokio::select! {
        failure = run(&mut stack, started) => failure,
        asked = namespace::stop_requested() => {
            eprintln!("Stopping.");
            asked.map_err(Into::into)
        }
    };
    stack.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Returns only when something fails.
async fn run(stack: &mut Stack, started: Instant) -> anyhow::Result<()> {
    let platform = stack.start_platform().await?;
    announce(stack, started);
    drop(platform);
    Err(stack.ended().await.into())
}

fn announce(stack: &Stack, started: Instant) {
    let ports = &stack.options().ports;
    println!("Ready after {:.1} s.\n", started.elapsed().as_secs_f64());
    for (what, at) in [
        ("Temporal UI", format!("http://127.0.0.1:{}", ports.temporal_ui)),
        ("Previews", format!("http://….preview.localhost:{}", ports.ingress)),
        ("kubectl", format!("export KUBECONFIG={}", stack.options().folder("kubeconfig").display())),
        ("State and logs", stack.options().state.display().to_string()),
    ] {
        println!("  {what:16} {at}");
    }
    println!("\nCtrl-C stops everything.");
}

/// `cargo dev install`.
pub(crate) async fn install() -> anyhow::Result<ExitCode> {
    let toolbox = Toolbox::ensure_all(Tool::EMBEDDED).await?;
    println!("All tools are in {}.", toolbox.cache().display());
    Ok(ExitCode::SUCCESS)
}

fn needed(cluster: &ClusterChoice) -> &'static [Tool] {
    match cluster {
        ClusterChoice::Embedded => Tool::EMBEDDED,
        ClusterChoice::Existing(_) => Tool::BESIDE_A_CLUSTER,
    }
}

impl Options {
    fn resolve(self) -> anyhow::Result<StackOptions> {
        let state = std::path::absolute(&self.state).with_context(|| format!("--state {}", self.state.display()))?;
        let ports = Ports {
            github: self.github_port,
            webhook: self.webhook_port,
            temporal: self.temporal_port,
            temporal_ui: self.ui_port,
            ingress: self.ingress_port,
            api_server: self.apiserver_port,
        };
        Ok(StackOptions { state, ports, ttl: self.ttl.clone(), cluster: self.cluster()? })
    }

    fn cluster(self) -> anyhow::Result<ClusterChoice> {
        let (Some(context), Some(preview_domain), Some(ingress_address), Some(ingress_class), Some(image_import)) =
            (self.kube_context, self.preview_domain, self.ingress_address, self.ingress_class, self.image_import)
        else {
            return Ok(ClusterChoice::Embedded);
        };
        Ok(ClusterChoice::Existing(ExistingCluster {
            kubeconfig: kubeconfig_with(&context)?,
            context,
            preview_domain,
            ingress_address,
            ingress_class,
            image_import: image_import.split_whitespace().map(str::to_owned).collect(),
        }))
    }
}

/// The person's kubeconfig, which has to contain `context`: no other cluster is ever touched.
fn kubeconfig_with(context: &str) -> anyhow::Result<PathBuf> {
    let files = std::env::var_os("KUBECONFIG")
        .map(|paths| std::env::split_paths(&paths).collect())
        .or_else(|| std::env::var_os("HOME").map(|home| vec![PathBuf::from(home).join(".kube").join("config")]))
        .unwrap_or_default();
    let mut known = Vec::new();
    for file in files.iter().filter(|file| file.exists()) {
        let config = Kubeconfig::read_from(file).with_context(|| format!("reading {}", file.display()))?;
        if config.contexts.iter().any(|named| named.name == context) {
            return Ok(std::path::absolute(file)?);
        }
        known.extend(config.contexts.into_iter().map(|named| named.name));
    }
    bail!("no context {context} in {}; known: {}", list(&files), if known.is_empty() { "none".into() } else { known.join(", ") })
}

fn list(files: &[PathBuf]) -> String {
    files.iter().map(|file: &PathBuf| Path::display(file).to_string()).collect::<Vec<_>>().join(", ")
}
