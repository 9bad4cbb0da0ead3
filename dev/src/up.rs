//! `cargo dev up`, from top to bottom.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use clap::Args;
use kube::config::Kubeconfig;
use stack::env::StackEnv;
use stack::images::ImportCommand;
use stack::options::{ClusterChoice, ExistingCluster, Ports, StackOptions};
use stack::published::Published;
use stack::tools::{Tool, Toolbox};
use stack::{Stack, StackError, namespace, services};
use tokio::task::JoinSet;

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
    #[arg(
        long,
        value_name = "NAME",
        requires = "preview_domain",
        requires = "ingress_address",
        requires = "image_import"
    )]
    kube_context: Option<String>,
    /// With --kube-context: the domain that your ingress serves previews under.
    #[arg(long, requires = "kube_context")]
    preview_domain: Option<String>,
    /// With --kube-context: where your ingress listens, for example 127.0.0.1:80.
    #[arg(long, requires = "kube_context", value_name = "ADDRESS:PORT")]
    ingress_address: Option<SocketAddr>,
    /// With --kube-context: the ingress class that previews name.
    #[arg(
        long,
        requires = "kube_context",
        default_value_if("kube_context", clap::builder::ArgPredicate::IsPresent, Some("nginx"))
    )]
    ingress_class: Option<String>,
    /// With --kube-context: the command that brings an image into your cluster, for example
    /// 'kind load image-archive {archive}' or 'k3d image import {archive}'.
    #[arg(long, requires = "kube_context", value_name = "COMMAND")]
    image_import: Option<ImportCommand>,

    /// Start only what the service stands on: no GitHub stand-in, no webhook, no worker.
    #[arg(long)]
    platform_only: bool,
    /// Install the service by its chart: webhook and worker run as pods, with the rights that the chart gives
    /// them.
    #[arg(long, conflicts_with_all = ["platform_only", "kube_context"])]
    installed: bool,
}

/// Installs and builds, then runs the stack in its own namespaces and waits for it.
pub(crate) async fn outside(options: Options) -> anyhow::Result<ExitCode> {
    // Asked for now, as the build below may replace the file that this process was started from.
    let program = std::env::current_exe()?;
    let platform_only = options.platform_only;
    let options = options.resolve()?;
    Toolbox::ensure_all(needed(&options.cluster)).await?;
    if !platform_only {
        services::build().await?;
    }
    // The same options again: the inside resolves them in the same way.
    let arguments = std::env::args_os()
        .skip(1)
        .map(|word| if word == "up" { OsString::from("stack") } else { word });
    let code = namespace::run(&program, arguments).await?;
    Stack::withdraw(&options.state);
    Ok(code)
}

/// What runs beside the platform.
#[derive(Clone, Copy)]
enum Services {
    /// GitHub's stand-in, and the service's programs as processes.
    Processes,
    /// GitHub's stand-in, and the service's programs as pods.
    Installed,
    /// Nothing.
    None,
}

/// What the inside begins with.
pub(crate) struct Inside {
    services: Services,
    options: StackOptions,
    published: Published,
}

/// Takes the ports and leaves the machine's network, in which whoever brings a cluster has it. Called while
/// there is one thread.
pub(crate) fn enter(options: Options) -> anyhow::Result<Inside> {
    ensure!(namespace::is_inside(), "`dev stack` is for the stack's own use; type `cargo dev up`");
    let services = options.services();
    let options = options.resolve()?;
    let published = options.take_ports()?;
    if matches!(options.cluster, ClusterChoice::Embedded) {
        namespace::leave_network().map_err(StackError::Namespace)?;
    }
    Ok(Inside { services, options, published })
}

/// Starts the stack, says where everything is, and stops when asked to or when a part fails.
pub(crate) async fn inside(inside: Inside) -> anyhow::Result<ExitCode> {
    let Inside { services, options, published } = inside;
    let toolbox = Toolbox::ensure_all(needed(&options.cluster)).await?;
    let mut stack = Stack::prepare(options, published, toolbox).await?;
    let outcome = tokio::select! {
        failure = run(&mut stack, services) => failure,
        asked = namespace::stop_requested() => {
            eprintln!("Stopping.");
            asked.map_err(Into::into)
        }
    };
    stack.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Everything in its order. Returns only when something fails.
async fn run(stack: &mut Stack, services: Services) -> anyhow::Result<()> {
    let started = Instant::now();
    let platform = stack.start_platform().await?;
    let (buildkit, images) = stack.start_images(&platform).await?;
    let images = Arc::new(images);
    let (_github, service) = match services {
        Services::None => (None, None),
        Services::Processes | Services::Installed => {
            let (github, service) = stack.start_github(Arc::clone(&images)).await?;
            (Some(github), Some(service))
        }
    };
    let env = stack.env(&platform, &buildkit, service)?;
    let mut forwards = Vec::new();
    match (services, &env.service, &platform.cluster) {
        (Services::Installed, Some(service), Some(cluster)) => {
            forwards = stack.install_services(cluster, &env, service, &images).await?;
        }
        (Services::Processes, Some(service), _) => stack.start_services(&env, service).await?,
        _ => {}
    }
    let file = stack.publish(&env)?;
    announce(&env, &file, started);
    let mut beside = JoinSet::new();
    if matches!(services, Services::Processes) {
        beside.spawn(stack.bring_worker_image(images)?);
    }
    let ended = stack.ended().await;
    drop(forwards);
    Err(ended.into())
}

fn announce(env: &StackEnv, file: &Path, started: Instant) {
    println!("Ready after {:.1} s.\n", started.elapsed().as_secs_f64());
    let page = env.service.as_ref().map(|service| ("GitHub", service.github_page_url.clone()));
    let previews = env.preview_domain.replacen("://", "://….", 1);
    let rest = [
        ("Temporal", env.temporal_ui_url.clone()),
        ("Previews", previews),
        ("kubectl", format!("export KUBECONFIG={}", env.kubeconfig.display())),
        ("All addresses", file.display().to_string()),
    ];
    for (what, at) in page.into_iter().chain(rest) {
        println!("  {what:14} {at}");
    }
    println!("\nCtrl-C stops everything.");
}

/// `cargo dev install`.
pub(crate) async fn install() -> anyhow::Result<ExitCode> {
    let toolbox = Toolbox::ensure_all(Tool::EMBEDDED).await?;
    println!("All tools are in {}.", toolbox.cache().display());
    Ok(ExitCode::SUCCESS)
}

/// `cargo dev describe-github`.
pub(crate) async fn describe_github() -> anyhow::Result<ExitCode> {
    let folder = Path::new(github_stand_in::DESCRIPTION_FOLDER);
    github_stand_in::regenerate_description(folder).await?;
    println!("Rewrote {}.", folder.display());
    Ok(ExitCode::SUCCESS)
}

fn needed(cluster: &ClusterChoice) -> &'static [Tool] {
    match cluster {
        ClusterChoice::Embedded => Tool::EMBEDDED,
        ClusterChoice::Existing(_) => Tool::BESIDE_A_CLUSTER,
    }
}

impl Options {
    fn services(&self) -> Services {
        match (self.platform_only, self.installed) {
            (true, _) => Services::None,
            (false, true) => Services::Installed,
            (false, false) => Services::Processes,
        }
    }

    fn resolve(self) -> anyhow::Result<StackOptions> {
        let state =
            std::path::absolute(&self.state).with_context(|| format!("--state {}", self.state.display()))?;
        let ports = Ports {
            github: self.github_port,
            webhook: self.webhook_port,
            temporal: self.temporal_port,
            temporal_ui: self.ui_port,
            ingress: self.ingress_port,
            api_server: self.apiserver_port,
        };
        Ok(StackOptions {
            state,
            ports,
            ttl: self.ttl.clone(),
            neighbours: None,
            cluster: self.cluster()?,
        })
    }

    fn cluster(self) -> anyhow::Result<ClusterChoice> {
        let (
            Some(context),
            Some(preview_domain),
            Some(ingress_address),
            Some(ingress_class),
            Some(image_import),
        ) = (
            self.kube_context,
            self.preview_domain,
            self.ingress_address,
            self.ingress_class,
            self.image_import,
        )
        else {
            return Ok(ClusterChoice::Embedded);
        };
        Ok(ClusterChoice::Existing(ExistingCluster {
            kubeconfig: kubeconfig_with(&context)?,
            context,
            preview_domain,
            ingress_address,
            ingress_class,
            image_import,
        }))
    }
}

/// The person's kubeconfig, which has to contain `context`: no other cluster is ever touched.
fn kubeconfig_with(context: &str) -> anyhow::Result<PathBuf> {
    let files = std::env::var_os("KUBECONFIG")
        .map(|paths| std::env::split_paths(&paths).collect())
        .or_else(|| {
            std::env::var_os("HOME").map(|home| vec![PathBuf::from(home).join(".kube").join("config")])
        })
        .unwrap_or_default();
    let mut known = Vec::new();
    for file in files.iter().filter(|file| file.exists()) {
        let config = Kubeconfig::read_from(file).with_context(|| format!("reading {}", file.display()))?;
        if config.contexts.iter().any(|named| named.name == context) {
            return Ok(std::path::absolute(file)?);
        }
        known.extend(config.contexts.into_iter().map(|named| named.name));
    }
    bail!(
        "no context {context} in {}; known: {}",
        list(&files),
        if known.is_empty() { "none".into() } else { known.join(", ") }
    )
}

fn list(files: &[PathBuf]) -> String {
    files
        .iter()
        .map(|file: &PathBuf| Path::display(file).to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
