//! The running stack that all conversations share.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use domain::{NameKey, Names};
use github_stand_in::Push;
use kube::config::{KubeConfigOptions, Kubeconfig};
use stack::{
    env::StackEnv,
    images::{BaseImage, Buildkit, CommitSource, ImageBuilder, ImageRef, Import, Programs, ServiceImage},
    program::output,
    tools::{Tool, Toolbox},
};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, tonic::IntoRequest};
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, RegisterNamespaceRequest,
};
use tokio::sync::OnceCell;

use crate::{process::programs, timeouts::ANSWER};

/// The variable that holds the path of the stack's `stack.env`.
pub const STACK_ENV: &str = "PREVIEW_STACK_ENV";

/// The key that all conversations' workers make names with.
pub const NAME_KEY: &str = "a key for conversations: 8c2f61e07d9b";

/// How the server says that a call was not carried out and may be made again a little later.
const BUSY: &str = "Workflow is busy";
/// A little later.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// How long a namespace of a conversation keeps what has ended: the shortest time that the server takes.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// One builder for the whole process: it bounds how many builds run side by side.
static IMAGES: OnceCell<ImageBuilder> = OnceCell::const_new();

/// The running stack, and clients for it.
pub struct SharedStack {
    /// Its addresses.
    pub env: StackEnv,
    /// The folder that holds its state and logs.
    pub folder: PathBuf,
    /// Temporal.
    pub temporal: Client,
    /// Kubernetes.
    pub kube: kube::Client,
}

impl SharedStack {
    /// Connects to the stack that [`STACK_ENV`] names.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find() -> Result<Self> {
        let file = std::env::var_os(STACK_ENV).map(PathBuf::from).with_context(|| {
            format!("{STACK_ENV} is not set: a conversation needs a running stack; run `cargo dev test`")
        })?;
        Self::at(&file).await
    }

    /// Connects to the stack whose `stack.env` this is.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn at(file: &Path) -> Result<Self> {
        let env = StackEnv::read(file)?;
        // Fails only when another test of this process was quicker.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            temporal: connect_to_temporal(&env).await?,
            kube: kube::Client::try_from(cluster_config(&env).await?)?,
            folder: file.parent().unwrap_or(Path::new(".")).to_owned(),
            env,
        })
    }

    /// Kubernetes, as somebody else: `system:serviceaccount:some-namespace:some-account`.
    ///
    /// # Errors
    /// When the kubeconfig is of no use.
    pub async fn kube_as(&self, user: &str) -> Result<kube::Client> {
        let mut config = cluster_config(&self.env).await?;
        config.auth_info.impersonate = Some(user.to_owned());
        Ok(kube::Client::try_from(config)?)
    }

    /// The port of the API server.
    ///
    /// # Errors
    /// When the kubeconfig is of no use.
    pub async fn api_port(&self) -> Result<u16> {
        let url = cluster_config(&self.env).await?.cluster_url;
        url.port_u16().context("the stack names a port")
    }

    /// What previews are called by a worker that has the conversations' key and the stack's domain.
    ///
    /// # Errors
    /// When the stack's addresses do not make a domain.
    pub fn names(&self) -> Result<Names> {
        let key = NameKey::new(&NAME_KEY.into())?;
        Ok(Names::new(key, self.env.preview_domain.parse()?))
    }

    /// Returns when the image of the commit is in the cluster.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn build_image(&self, push: &Push) -> Result<ImageRef> {
        let builder = IMAGES.get_or_try_init(|| self.image_builder()).await?;
        let source = CommitSource::new(&push.git_dir, &push.owner, &push.repo, &push.sha)?;
        Ok(builder.build(&source).await?)
    }

    /// Brings an image of the service's own programs into the cluster, as Cargo has built them; returns its
    /// name.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn build_service_image(&self, image: ServiceImage) -> Result<String> {
        let builder = IMAGES.get_or_try_init(|| self.image_builder()).await?;
        let programs = Programs { folder: programs()?, helm: self.env.helm.clone() };
        Ok(builder.build_service(image, &programs).await?)
    }

    async fn image_builder(&self) -> Result<ImageBuilder> {
        const NO_BUILDER: &str = "the stack has no image builder; conversations need the embedded cluster";
        let toolbox = Toolbox::ensure_all(Tool::EMBEDDED).await?;
        let socket = self
            .env
            .buildkit_host
            .as_deref()
            .and_then(|host| host.strip_prefix("unix://"))
            .context(NO_BUILDER)?;
        let (ctr, address) = (
            self.env.ctr.clone().context(NO_BUILDER)?,
            self.env.containerd_address.clone().context(NO_BUILDER)?,
        );
        let buildkit = Buildkit {
            buildkitd: toolbox.path("buildkitd")?.to_owned(),
            buildctl: toolbox.path("buildctl")?.to_owned(),
            runc: toolbox.path("runc")?.to_owned(),
            root: self.folder.join("buildctl"),
            socket: socket.into(),
            cgroup: String::new(),
            import: Import::Containerd { ctr, address },
        };
        Ok(ImageBuilder::new(buildkit, BaseImage::ensure(toolbox.cache()).await?))
    }

    /// Makes another namespace in Temporal, and connects to it.
    ///
    /// # Errors
    /// When Temporal will not.
    pub async fn other_temporal_namespace(&self, name: &str) -> Result<Client> {
        let request = RegisterNamespaceRequest {
            namespace: name.to_owned(),
            workflow_execution_retention_period: Some(RETENTION.try_into()?),
            ..RegisterNamespaceRequest::default()
        };
        let connection = self.temporal.connection();
        let mut service = connection.workflow_service();
        service.register_namespace(request.into_request()).await?;
        Ok(Client::new(connection.clone(), ClientOptions::new(name).build())?)
    }

    /// The identity of the namespace in Temporal that a client is connected to.
    ///
    /// # Errors
    /// When Temporal does not answer.
    pub async fn temporal_namespace_id(temporal: &Client) -> Result<String> {
        let request = DescribeNamespaceRequest {
            namespace: temporal.options().namespace.clone(),
            ..DescribeNamespaceRequest::default()
        };
        let mut service = temporal.connection().workflow_service();
        let described = service.describe_namespace(request.into_request()).await?;
        let info = described.into_inner().namespace_info;
        Ok(info.context("a namespace that says nothing")?.id)
    }

    /// Runs the real `temporal` program against the stack, and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub async fn temporal_cli(&self, arguments: &[&str]) -> Result<String> {
        self.temporal_cli_in(&self.env.temporal_namespace, arguments).await
    }

    /// The same in another namespace of Temporal.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub async fn temporal_cli_in(&self, namespace: &str, arguments: &[&str]) -> Result<String> {
        let deadline = Instant::now() + ANSWER;
        loop {
            let output = tokio::process::Command::new(&self.env.temporal_cli)
                .args(arguments)
                .args(["--address", &self.env.temporal_address])
                .args(["--namespace", namespace])
                .kill_on_drop(true)
                .output()
                .await
                .with_context(|| format!("cannot run {}", self.env.temporal_cli.display()))?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            let reason = String::from_utf8_lossy(&output.stderr);
            ensure!(
                reason.contains(BUSY) && Instant::now() < deadline,
                "temporal {}: {reason}",
                arguments.join(" ")
            );
            tokio::time::sleep(BUSY_PAUSE).await;
        }
    }

    /// Runs the real `tctl`, the retired program, against the stack, and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with its own words.
    pub async fn tctl(&self, arguments: &[&str]) -> Result<String> {
        let toolbox = Toolbox::ensure_all(Tool::FOR_TESTS).await?;
        let mut tctl = tokio::process::Command::new(toolbox.path("tctl")?);
        tctl.args(["--address", &self.env.temporal_address])
            .args(["--namespace", &self.env.temporal_namespace])
            .args(arguments)
            .kill_on_drop(true);
        let ran = output(tctl).await.map_err(anyhow::Error::msg);
        ran.with_context(|| format!("tctl {}", arguments.join(" ")))
    }

    /// Cancels a workflow with the `temporal` program.
    ///
    /// # Errors
    /// When the program or the server refuses.
    pub async fn cancel(&self, workflow_id: &str) -> Result<()> {
        self.temporal_cli(&["workflow", "cancel", "--workflow-id", workflow_id])
            .await
            .map(drop)
    }

    /// Terminates a workflow with the `temporal` program.
    ///
    /// # Errors
    /// When the program or the server refuses.
    pub async fn terminate(&self, workflow_id: &str) -> Result<()> {
        self.temporal_cli(&["workflow", "terminate", "--workflow-id", workflow_id])
            .await
            .map(drop)
    }
}

async fn connect_to_temporal(env: &StackEnv) -> Result<Client> {
    let target = format!("http://{}", env.temporal_address)
        .parse()
        .with_context(|| format!("TEMPORAL_ADDRESS={}", env.temporal_address))?;
    let options = ConnectionOptions::new(url::Url::clone(&target))
        .identity("conversations")
        .build();
    let connection = Connection::connect(options)
        .await
        .with_context(|| format!("no Temporal at {target}"))?;
    Ok(Client::new(connection, ClientOptions::new(&env.temporal_namespace).build())?)
}

async fn cluster_config(env: &StackEnv) -> Result<kube::Config> {
    let kubeconfig = Kubeconfig::read_from(&env.kubeconfig)?;
    let options = KubeConfigOptions {
        context: env.kube_context.clone(),
        ..KubeConfigOptions::default()
    };
    Ok(kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?)
}
