//! Starts the parts of a stack in their order, says where they are, and stops them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cluster::{Cluster, InternalPorts, Site, cgroups};
use crate::env::{ServiceEnv, StackEnv};
use crate::error::StackError;
use crate::file_lock::FileLock;
use crate::forward::Forward;
use crate::images::{Buildkit, REGISTRY};
use crate::options::{ClusterChoice, StackOptions};
use crate::part::{PartError, Parts, Watcher};
use crate::published::Published;
use crate::tools::Toolbox;
use crate::{charts, ingress, namespace, prerequisites, temporal};

/// Everything that one stack holds: its folder, its ports, its running parts.
pub struct Stack {
    pub(crate) options: StackOptions,
    pub(crate) toolbox: Toolbox,
    pub(crate) parts: Parts,
    watcher: Watcher,
    /// What pods and image builds are below, where the cluster is the stack's own.
    pub(crate) cgroup: Option<String>,
    _forwards: Vec<Forward>,
    /// Held while the stack runs.
    _lock: FileLock,
}

impl Stack {
    /// Claims the state folder, empties it, and removes what a stack that was killed has left there.
    ///
    /// # Errors
    /// When the folder is in use or cannot be used, or the machine does not let us.
    pub async fn prepare(
        options: StackOptions,
        published: Published,
        toolbox: Toolbox,
    ) -> Result<Self, StackError> {
        let lock = claim(&options.state)?;
        let (parts, watcher) = Parts::new(&options.folder("logs")).map_err(failed(&options.state))?;
        let forwards = published.forward().map_err(StackError::Published)?;
        let mut stack = Self {
            options,
            toolbox,
            parts,
            watcher,
            cgroup: None,
            _forwards: forwards,
            _lock: lock,
        };
        if matches!(stack.options.cluster, ClusterChoice::Embedded) {
            namespace::make_private().map_err(StackError::Namespace)?;
            let cgroup = stack.cgroup.insert(cgroups::name(&stack.options.state));
            remove(cgroup).await;
            cgroups::create(cgroup).map_err(StackError::Cgroup)?;
        }
        Ok(stack)
    }

    /// Starts Temporal and, unless the person brought a cluster, Kubernetes and its
    /// ingress; returns when all of it is ready.
    ///
    /// # Errors
    /// Names the part that failed, its log, and the log's last lines.
    pub async fn start_platform(&self) -> Result<Platform, StackError> {
        let ((), cluster) = tokio::try_join!(self.start_temporal(), self.start_cluster())?;
        Ok(Platform { cluster })
    }

    async fn start_cluster(&self) -> Result<Option<Cluster>, StackError> {
        let Some(cgroup) = self.cgroup.clone() else {
            return Ok(None);
        };
        let cluster = self.start_kubernetes(cgroup).await?;
        let kubeconfig = self.options.folder("kubeconfig");
        let prerequisites = prerequisites::install(self.toolbox.path("helm")?, &kubeconfig);
        tokio::try_join!(self.start_ingress(&cluster), prerequisites)?;
        Ok(Some(cluster))
    }

    /// Starts Kubernetes and its ingress, and nothing else: a node for those who install all the rest
    /// themselves.
    ///
    /// # Errors
    /// Names the part that failed, its log, and the log's last lines.
    pub async fn start_node(&self) -> Result<Cluster, StackError> {
        let cluster = self.start_kubernetes(self.cgroup.clone().unwrap_or_default()).await?;
        self.start_ingress(&cluster).await?;
        Ok(cluster)
    }

    async fn start_kubernetes(&self, cgroup: String) -> Result<Cluster, StackError> {
        let site = Site {
            toolbox: &self.toolbox,
            folder: self.options.folder("cluster"),
            cgroup,
            api_port: self.options.ports.api_server,
            internal: InternalPorts::choose()?,
            neighbours: self.options.neighbours.as_ref(),
        };
        Ok(Cluster::start(&self.parts, &site, &self.options.folder("kubeconfig")).await?)
    }

    /// Where everything is.
    ///
    /// # Errors
    /// When a program was not among the tools asked for.
    pub fn env(
        &self,
        platform: &Platform,
        buildkit: &Buildkit,
        service: Option<ServiceEnv>,
    ) -> Result<StackEnv, StackError> {
        let ports = &self.options.ports;
        let common = StackEnv {
            worker_kubeconfig: platform.cluster.as_ref().map_or_else(
                || self.options.folder("kubeconfig"),
                |cluster| cluster.worker_kubeconfig().to_owned(),
            ),
            kubeconfig: self.options.folder("kubeconfig"),
            kube_context: None,
            temporal_address: format!("127.0.0.1:{}", ports.temporal),
            temporal_ui_url: format!("http://127.0.0.1:{}", ports.temporal_ui),
            temporal_namespace: temporal::NAMESPACE.to_owned(),
            temporal_cli: self.toolbox.path("temporal")?.to_owned(),
            preview_domain: format!("http://{}:{}", ingress::DOMAIN, ports.ingress),
            preview_image: format!("{REGISTRY}/{{owner}}/{{repo}}:{{commit}}"),
            preview_ingress_address: format!("127.0.0.1:{}", ports.ingress),
            preview_ingress_class: ingress::CLASS.to_owned(),
            preview_chart: charts::folder("hello-world-app"),
            helm: self.toolbox.path("helm")?.to_owned(),
            kubectl: None,
            ctr: None,
            containerd_address: None,
            buildkit_host: Some(format!("unix://{}", buildkit.socket.display())),
            service,
        };
        Ok(match (&self.options.cluster, &platform.cluster) {
            (ClusterChoice::Existing(cluster), _) => StackEnv {
                kubeconfig: cluster.kubeconfig.clone(),
                worker_kubeconfig: cluster.kubeconfig.clone(),
                kube_context: Some(cluster.context.clone()),
                preview_domain: format!(
                    "http://{}:{}",
                    cluster.preview_domain,
                    cluster.ingress_address.port()
                ),
                preview_ingress_address: cluster.ingress_address.to_string(),
                preview_ingress_class: cluster.ingress_class.clone(),
                ..common
            },
            (ClusterChoice::Embedded, cluster) => StackEnv {
                kubectl: Some(self.toolbox.path("kubectl")?.to_owned()),
                ctr: Some(self.toolbox.path("ctr")?.to_owned()),
                containerd_address: cluster.as_ref().map(|cluster| cluster.containerd().to_owned()),
                ..common
            },
        })
    }

    /// Tells clients that the stack is ready, and where everything is.
    ///
    /// # Errors
    /// When the state folder cannot be written to.
    pub fn publish(&self, env: &StackEnv) -> Result<PathBuf, StackError> {
        let file = StackEnv::file(&self.options.state);
        env.write(&file)?;
        Ok(file)
    }

    /// Takes back what a stack that was killed has published in its state folder; nothing if one runs there.
    pub fn withdraw(state: &Path) {
        if !FileLock::is_held(&lock_file(state)) {
            let _ = fs::remove_file(StackEnv::file(state));
        }
    }

    /// Waits until a part ends by itself, and says which and why.
    pub async fn ended(&mut self) -> PartError {
        self.watcher.ended().await
    }

    /// Lets the parts finish that have work to finish, ends everything else, and removes the cgroup.
    pub async fn stop(self) {
        let _ = fs::remove_file(StackEnv::file(&self.options.state));
        self.parts.stop().await;
        namespace::kill_everything();
        if let Some(cgroup) = &self.cgroup {
            remove(cgroup).await;
        }
    }
}

/// What a stack stands on.
pub struct Platform {
    /// The embedded cluster, if it is the stack's own.
    pub cluster: Option<Cluster>,
}

/// Locks the folder for this process, and empties it of an earlier stack's state.
fn claim(state: &Path) -> Result<FileLock, StackError> {
    fs::create_dir_all(state).map_err(failed(state))?;
    let lock = FileLock::try_take(&lock_file(state))
        .map_err(failed(state))?
        .ok_or_else(|| StackError::AlreadyRunning(state.to_owned()))?;
    for folder in ["cluster", "logs"] {
        gone(fs::remove_dir_all(state.join(folder))).map_err(failed(state))?;
    }
    for file in ["stack.env", "kubeconfig", "temporal.db", "temporal.db-shm", "temporal.db-wal"] {
        gone(fs::remove_file(state.join(file))).map_err(failed(state))?;
    }
    fs::create_dir_all(state.join("cluster")).map_err(failed(state))?;
    Ok(lock)
}

/// It is as well if it was not there.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// Removes a cgroup, or says what it could not remove: the next start tries again.
async fn remove(cgroup: &str) {
    if let Err(error) = cgroups::remove(cgroup).await {
        eprintln!("{error}");
    }
}

/// The file that a running stack holds locked in its state folder.
fn lock_file(state: &Path) -> PathBuf {
    state.join("lock")
}

fn failed(state: &Path) -> impl FnOnce(io::Error) -> StackError + use<> {
    let path = state.to_owned();
    move |source| StackError::State { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_belongs_to_one_stack_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("cluster/etcd")).unwrap();
        fs::write(folder.path().join("stack.env"), "KUBECONFIG=/x\n").unwrap();

        let lock = claim(folder.path()).unwrap();
        assert!(!folder.path().join("cluster/etcd").exists() && !folder.path().join("stack.env").exists());
        assert!(matches!(claim(folder.path()), Err(StackError::AlreadyRunning(_))));
        fs::write(folder.path().join("stack.env"), "").unwrap();
        Stack::withdraw(folder.path());
        assert!(folder.path().join("stack.env").exists(), "the stack that runs keeps it");
        drop(lock);
        Stack::withdraw(folder.path());
        assert!(!folder.path().join("stack.env").exists());
        claim(folder.path()).unwrap();
    }
}
