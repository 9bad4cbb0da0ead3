//! Starts a real Kubernetes on this machine, for one stack, empty each time.

pub(crate) mod cgroups;
mod control_plane;
pub(crate) mod network;
mod node;
mod pause;
mod pki;
mod registry;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::cluster::network::NetworkError;
use crate::eventually;
use crate::options::Neighbours;
use crate::part::{PartError, Parts};
use crate::ports::{NoFreePort, free_ports};
use crate::private_file::PrivateFileError;
use crate::tools::{ToolError, Toolbox};
pub use network::NODE_ADDRESS;
use pki::{Identity, Pki};
use registry::Registry;

/// The node's name. The API server reaches the kubelet under it, which keeps the kubelet on loopback.
const NODE: &str = "localhost";
/// What the worker has asked of the cluster, in the folder of the cluster.
const AUDIT_LOG: &str = "audit.log";
/// The namespace of the preview service itself. Its programs are pods there, or run beside the cluster.
pub const SERVICE_NAMESPACE: &str = "preview-system";
/// How long the controllers may take to make what every namespace needs.
const CONTROLLERS_PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ClusterError {
    #[error(transparent)]
    Part(#[from] PartError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    PrivateFile(#[from] PrivateFileError),
    #[error("cannot make the cluster's certificates: {0}")]
    Certificate(rcgen::Error),
    #[error("cannot make a client for the cluster: {0}")]
    Client(reqwest::Error),
    #[error("the cluster's kubeconfig is of no use: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error("the API server refused {what}: {source}")]
    Api { what: &'static str, source: kube::Error },
    #[error("the registry cannot listen: {0}")]
    Registry(std::io::Error),
    #[error("containerd did not take the sandbox image: {0}")]
    SandboxImage(String),
    #[error("the node takes no pods: {0}; see kubelet.log")]
    Node(String),
    #[error("the controllers do not work: {0}; see kube-controller-manager.log")]
    Controllers(String),
}

impl ClusterError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// A running cluster.
#[derive(Clone)]
pub struct Cluster {
    worker_kubeconfig: PathBuf,
    containerd: PathBuf,
    client: kube::Client,
    token: String,
    ca_file: PathBuf,
    server: String,
    _registry: Registry,
}

/// Where a cluster is put: what its components have to agree on.
pub struct Site<'a> {
    /// The programs.
    pub toolbox: &'a Toolbox,
    /// An empty folder for everything the cluster writes.
    pub folder: PathBuf,
    /// The cgroup that all pods are below.
    pub cgroup: String,
    /// The API server's port.
    pub api_port: u16,
    /// The ports that nobody outside needs to know.
    pub internal: InternalPorts,
    /// Who else is in its network.
    pub neighbours: Option<&'a Neighbours>,
}

/// Where the API server of a stack with its state in this folder records what the worker asks of it: a JSON
/// object a line.
#[must_use]
pub fn audit_log(state: &Path) -> PathBuf {
    state.join("cluster").join(AUDIT_LOG)
}

/// Ports on loopback that only the cluster's own components use.
#[derive(Clone, Copy, Debug)]
pub struct InternalPorts {
    /// The controller manager's health.
    pub controller_manager: u16,
    /// The scheduler's health.
    pub scheduler: u16,
    /// The kubelet's API: logs and exec, for the API server.
    pub kubelet: u16,
    /// The kubelet's health.
    pub kubelet_health: u16,
}

impl InternalPorts {
    pub(super) fn choose() -> Result<Self, NoFreePort> {
        let [controller_manager, scheduler, kubelet, kubelet_health] = free_ports()?;
        Ok(Self { controller_manager, scheduler, kubelet, kubelet_health })
    }
}

impl Site<'_> {
    fn containerd_socket(&self) -> PathBuf {
        self.folder.join("containerd.sock")
    }
}

impl Cluster {
    /// Starts every component; returns when pods can be created in the namespace `default` and will run.
    ///
    /// # Errors
    /// Names the component, its log, and the log's last lines.
    pub async fn start(parts: &Parts, site: &Site<'_>, kubeconfig: &Path) -> Result<Self, ClusterError> {
        let pki_folder = site.folder.join("pki");
        fs::create_dir_all(&pki_folder).map_err(ClusterError::file(&pki_folder))?;
        let pki = Pki::generate(&pki_folder, site.neighbours.map(|them| them.own_name.as_str()))?;
        pki.write_kubeconfig(Identity::Admin, &site.server(), kubeconfig)?;
        let worker_kubeconfig = site.folder.join("worker.kubeconfig");
        pki.write_kubeconfig(Identity::Worker, &site.server(), &worker_kubeconfig)?;

        network::make_bridge().await?;
        let registry = Registry::start().await.map_err(ClusterError::Registry)?;
        let (containerd, ()) = tokio::try_join!(
            node::start_containerd(parts, site, &registry),
            control_plane::start(parts, site, &pki)
        )?;
        let options = KubeConfigOptions::default();
        let config =
            kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
        let client = kube::Client::try_from(config)
            .map_err(|source| ClusterError::Api { what: "its own kubeconfig", source })?;
        node::start_kubelet(parts, site, &pki, &client).await?;
        tokio::try_join!(network::start(parts, site, &pki), controllers_work(&client))?;
        Ok(Self {
            worker_kubeconfig,
            containerd,
            client,
            token: pki.token(Identity::Admin).to_owned(),
            ca_file: pki.ca_file(),
            server: site.server(),
            _registry: registry,
        })
    }

    /// How the preview service's worker finds this cluster, with no more rights than it needs.
    #[must_use]
    pub fn worker_kubeconfig(&self) -> &Path {
        &self.worker_kubeconfig
    }

    /// containerd's socket; images for pods belong into its namespace `k8s.io`.
    #[must_use]
    pub fn containerd(&self) -> &Path {
        &self.containerd
    }

    /// A client with every right.
    #[must_use]
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The API server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A bearer token with every right.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The certificate that the API server's is signed with.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }
}

/// A pod needs its namespace's service account, which a controller makes.
async fn controllers_work(client: &kube::Client) -> Result<(), ClusterError> {
    let accounts: kube::Api<k8s_openapi::api::core::v1::ServiceAccount> =
        kube::Api::namespaced(client.clone(), "default");
    eventually(CONTROLLERS_PATIENCE, async || {
        accounts.get("default").await.map(drop).map_err(|error| error.to_string())
    })
    .await
    .map_err(ClusterError::Controllers)
}
