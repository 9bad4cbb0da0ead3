//! Runs containerd and the kubelet as one node, on which pods really run.
//!
//! Differences from a production node, and why: no OOM scores (they need a right that a container or a
//! sandboxed machine does not have) and no seccomp profiles (see `stack/tools/runc/runc-unfiltered`); no way
//! off the machine, whatever policies allow; images are never garbage-collected and pods never evicted for
//! disk pressure (the registry that is asked has no image to pull again).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use serde_json::json;
use tokio::process::Command;

use super::control_plane::connects;
use super::pki::{Identity, Pki};
use super::registry::Registry;
use super::{ClusterError, NODE, Site, network, pause};
use crate::eventually;
use crate::http_probe::HttpProbe;
use crate::options::Neighbours;
use crate::part::{Part, Parts};
use crate::{private_file, program};

/// A preview has a pod or two; one machine cannot run more than this anyway.
const MAX_PODS: u32 = 250;
/// How long the node may take from the kubelet's start to Ready.
const NODE_PATIENCE: Duration = Duration::from_secs(60);

/// Starts containerd with the sandbox image in it; returns the socket.
pub(super) async fn start_containerd(
    parts: &Parts,
    site: &Site<'_>,
    registry: &Registry,
) -> Result<PathBuf, ClusterError> {
    let folder = site.folder.join("containerd");
    let socket = site.containerd_socket();
    let cni = folder.join("cni");
    fs::create_dir_all(&cni).map_err(ClusterError::file(&cni))?;
    let config = folder.join("config.toml");
    private_file::write(&config, &containerd_config(site, registry, &folder, &cni)?)?;
    private_file::write(&cni.join("10-pods.conflist"), &network::cni(&folder.join("addresses")).to_string())?;

    let programs = site.toolbox.path("containerd")?.parent().unwrap_or(Path::new("/")).to_owned();
    let path = std::env::join_paths(
        [programs]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let part = Part::new("containerd", site.toolbox.path("containerd")?)
        .flag("config", &config)
        // containerd finds its shim on PATH.
        .env("PATH", path.unwrap_or_default());
    parts.start(part, async || connects(&socket).await).await?;
    import_sandbox_image(site, &folder, &socket).await?;
    Ok(socket)
}

fn containerd_config(
    site: &Site<'_>,
    registry: &Registry,
    folder: &Path,
    cni: &Path,
) -> Result<String, ClusterError> {
    let runc = site.toolbox.path("runc-unfiltered")?;
    let plugins = site.toolbox.path("bridge")?.parent().unwrap_or(Path::new("/"));
    let quote = |path: &Path| json!(path.to_string_lossy()).to_string();
    let registries = folder.join("registries");
    let every_registry = registries.join("_default");
    fs::create_dir_all(&every_registry).map_err(ClusterError::file(&every_registry))?;
    private_file::write(&every_registry.join("hosts.toml"), &registry.as_every_host())?;
    if let Some(Neighbours { registry, .. }) = site.neighbours {
        let shared = registries.join(registry);
        fs::create_dir_all(&shared).map_err(ClusterError::file(&shared))?;
        private_file::write(&shared.join("hosts.toml"), &format!("server = \"http://{registry}\"\n"))?;
    }
    Ok(format!(
        r#"version = 3
root = {root}
state = {state}
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.blockfile"]

[grpc]
  address = {socket}

[ttrpc]
  address = {ttrpc}

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  discard_unpacked_layers = false
[plugins."io.containerd.cri.v1.images".registry]
  config_path = {registries}
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{sandbox}"

[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE no process may lower its OOM score, and runc would fail.
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = [{plugins}]
  conf_dir = {cni}
  use_internal_loopback = true
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = {runc}
  SystemdCgroup = false
"#,
        root = quote(&folder.join("root")),
        state = quote(&folder.join("state")),
        socket = quote(&site.containerd_socket()),
        ttrpc = quote(&folder.join("ttrpc.sock")),
        sandbox = pause::IMAGE,
        registries = quote(&registries),
        plugins = quote(plugins),
        cni = quote(cni),
        runc = quote(runc),
    ))
}

async fn import_sandbox_image(site: &Site<'_>, folder: &Path, socket: &Path) -> Result<(), ClusterError> {
    let archive = folder.join("pause.tar");
    pause::write_archive(site.toolbox.path("pause")?, &archive).map_err(ClusterError::file(&archive))?;
    let mut import = Command::new(site.toolbox.path("ctr")?);
    import
        .args(["--address".as_ref(), socket.as_os_str()])
        .args(["--namespace", "k8s.io", "images", "import", "--local"])
        .arg(&archive);
    program::output(import).await.map(drop).map_err(ClusterError::SandboxImage)
}

/// Starts the kubelet; returns when the node is ready and takes pods.
pub(super) async fn start_kubelet(
    parts: &Parts,
    site: &Site<'_>,
    pki: &Pki,
    client: &kube::Client,
) -> Result<(), ClusterError> {
    let folder = site.folder.join("kubelet");
    fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
    let (config, kubeconfig) = (folder.join("config.json"), folder.join("kubeconfig"));
    private_file::write(&config, &format!("{:#}", kubelet_config(site, pki)))?;
    pki.write_kubeconfig(Identity::Kubelet, &site.server(), &kubeconfig)?;
    let part = Part::new("kubelet", site.toolbox.path("kubelet")?)
        .flag("config", &config)
        .flag("kubeconfig", &kubeconfig)
        .flag("root-dir", &folder)
        .flag("hostname-override", NODE)
        // Must not be a loopback address; nothing listens on it.
        .flag("node-ip", network::NODE_ADDRESS.to_string());
    let health = format!("http://127.0.0.1:{}/healthz", site.internal.kubelet_health);
    let probe = HttpProbe::new().map_err(ClusterError::Client)?;
    parts.start(part, async || probe.get(&health).await).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    eventually(NODE_PATIENCE, async || {
        takes_pods(&nodes.get(NODE).await.map_err(|error| error.to_string())?)
    })
    .await
    .map_err(ClusterError::Node)
}

fn takes_pods(node: &Node) -> Result<(), String> {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions
        .filter(|condition| condition.type_ == "Ready")
        .find(|condition| condition.status != "True");
    if let Some(condition) = ready {
        return Err(format!("not ready: {}", condition.message.as_deref().unwrap_or_default()));
    }
    let taints: Vec<_> = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .map(|taint| taint.key.as_str())
        .collect();
    if taints.is_empty() {
        Ok(())
    } else {
        Err(format!("still tainted: {}", taints.join(", ")))
    }
}

fn kubelet_config(site: &Site<'_>, pki: &Pki) -> serde_json::Value {
    let (certificate, key) = pki.server();
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": site.internal.kubelet,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": site.internal.kubelet_health,
        "tlsCertFile": certificate,
        "tlsPrivateKeyFile": key,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": false },
            "x509": { "clientCAFile": pki.ca_file() },
        },
        // Only the API server has a certificate that the line above accepts.
        "authorization": { "mode": "AlwaysAllow" },
        "containerRuntimeEndpoint": format!("unix://{}", site.containerd_socket().display()),
        "podLogsDir": site.folder.join("pod-logs"),
        "resolvConf": "",
        "clusterDNS": [network::DNS_ADDRESS],
        "clusterDomain": network::DOMAIN,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", site.cgroup),
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        "maxPods": MAX_PODS,
        "evictionHard": { "memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%" },
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": false,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 500,
        "kubeAPIBurst": 1000,
        "nodeStatusUpdateFrequency": "2s",
        "shutdownGracePeriod": "0s",
    })
}
