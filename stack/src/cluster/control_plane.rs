//! Runs etcd, the API server, the controller manager and the scheduler.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::pki::{Identity, Pki};
use super::{AUDIT_LOG, ClusterError, Site, network};
use crate::http_probe::HttpProbe;
use crate::part::{Part, Parts};
use crate::private_file;

/// On a busy machine the API server has taken this long.
const API_SERVER_PATIENCE: Duration = Duration::from_secs(90);

/// Starts all four; returns when they answer.
pub(super) async fn start(parts: &Parts, site: &Site<'_>, pki: &Pki) -> Result<(), ClusterError> {
    let probe = HttpProbe::trusting(pki.ca()).map_err(ClusterError::Client)?;
    let folder = &site.folder;
    let etcd_socket = folder.join("etcd.sock");
    parts
        .start(etcd(site, &etcd_socket)?, async || connects(&etcd_socket).await)
        .await?;

    let server = site.server();
    let ready = format!("{server}/readyz");
    let token = pki.token(Identity::Admin);
    parts
        .start(api_server(site, pki, &etcd_socket)?, async || probe.get_with_token(&ready, token).await)
        .await?;

    let controllers = component(site, pki, "kube-controller-manager", Identity::ControllerManager, site.internal.controller_manager)?
        .flag("service-account-private-key-file", pki.service_account_key())
        .flag("root-ca-file", pki.ca_file())
        .flag("use-service-account-credentials", "true")
        // A preview ends with its namespace: many may end at the same moment.
        .flag("concurrent-namespace-syncs", "20")
        .flag("concurrent-deployment-syncs", "20")
        .flag("concurrent-replicaset-syncs", "20")
        .flag("controllers", "*,-nodeipam,-service-lb-controller,-persistentvolume-binder-controller,-persistentvolume-attach-detach-controller");
    let scheduler = component(site, pki, "kube-scheduler", Identity::Scheduler, site.internal.scheduler)?;
    let health = |port: u16| format!("https://127.0.0.1:{port}/healthz");
    tokio::try_join!(
        parts.start(controllers, async || probe.get(&health(site.internal.controller_manager)).await),
        parts.start(scheduler, async || probe.get(&health(site.internal.scheduler)).await),
    )?;
    Ok(())
}

fn etcd(site: &Site<'_>, socket: &Path) -> Result<Part, ClusterError> {
    // Only other members would use these; etcd refuses a socket's path here.
    let (advertised_client, advertised_peer) = ("http://127.0.0.1:2379", "http://127.0.0.1:2380");
    Ok(Part::new("etcd", site.toolbox.path("etcd")?)
        .flag("data-dir", site.folder.join("etcd"))
        // Sockets, so that only this user reaches the cluster's data.
        .flag("listen-client-urls", unix(socket))
        .flag("listen-peer-urls", unix(&site.folder.join("etcd-peer.sock")))
        .flag("advertise-client-urls", advertised_client)
        .flag("initial-advertise-peer-urls", advertised_peer)
        .flag("initial-cluster", format!("default={advertised_peer}"))
        // The data does not outlive the stack, so it need not survive a power cut.
        .flag("unsafe-no-fsync", "true")
        .flag("log-level", "warn"))
}

fn api_server(site: &Site<'_>, pki: &Pki, etcd: &Path) -> Result<Part, ClusterError> {
    let (certificate, key) = pki.server();
    let (client_certificate, client_key) = pki.client();
    let audit_policy = site.folder.join("audit-policy.json");
    private_file::write(&audit_policy, &audited().to_string())?;
    let part = Part::new("kube-apiserver", site.toolbox.path("kube-apiserver")?)
        .flag("etcd-servers", unix(etcd))
        // Pods reach it too, as on other clusters, unless a policy forbids it.
        .flag("bind-address", "0.0.0.0")
        .flag("secure-port", site.api_port.to_string())
        .flag("advertise-address", network::NODE_ADDRESS.to_string())
        .flag("tls-cert-file", certificate)
        .flag("tls-private-key-file", key)
        .flag("token-auth-file", pki.token_file())
        .flag("anonymous-auth", "false")
        .flag("authorization-mode", "Node,RBAC")
        .flag("enable-admission-plugins", "NodeRestriction")
        .flag("allow-privileged", "false")
        .flag("service-account-issuer", "https://kubernetes.default.svc")
        .flag("service-account-key-file", pki.service_account_public_key())
        .flag("service-account-signing-key-file", pki.service_account_key())
        .flag("service-cluster-ip-range", network::SERVICES)
        // The kubelet answers on loopback only, under the node's name.
        .flag("kubelet-preferred-address-types", "Hostname")
        .flag("kubelet-certificate-authority", pki.ca_file())
        .flag("kubelet-client-certificate", client_certificate)
        .flag("kubelet-client-key", client_key)
        .flag("audit-policy-file", audit_policy)
        .flag("audit-log-path", site.folder.join(AUDIT_LOG))
        .flag("profiling", "false");
    Ok(Part { patience: API_SERVER_PATIENCE, ..part })
}

/// What the worker asks, and nothing else.
fn audited() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{ "level": "Metadata", "users": [Identity::Worker.subject().0] }, { "level": "None" }],
    })
}

/// What the controller manager and the scheduler have in common.
fn component(
    site: &Site<'_>,
    pki: &Pki,
    name: &'static str,
    identity: Identity,
    port: u16,
) -> Result<Part, ClusterError> {
    let kubeconfig = site.folder.join(format!("{name}.kubeconfig"));
    pki.write_kubeconfig(identity, &site.server(), &kubeconfig)?;
    let (certificate, key) = pki.server();
    Ok(Part::new(name, site.toolbox.path(name)?)
        .flag("kubeconfig", &kubeconfig)
        .flag("bind-address", "127.0.0.1")
        .flag("secure-port", port.to_string())
        .flag("tls-cert-file", certificate)
        .flag("tls-private-key-file", key)
        .flag("leader-elect", "false")
        .flag("profiling", "false")
        // Hundreds of objects per preview and dozens of previews: the default 20
        // requests a second would be the bottleneck.
        .flag("kube-api-qps", "500")
        .flag("kube-api-burst", "1000"))
}

fn unix(socket: &Path) -> String {
    format!("unix://{}", socket.display())
}

/// Whether something accepts connections at `socket`.
pub(super) async fn connects(socket: &Path) -> Result<(), String> {
    let connected = tokio::net::UnixStream::connect(socket).await;
    connected
        .map(drop)
        .map_err(|error| format!("{} does not accept connections ({error})", socket.display()))
}

impl Site<'_> {
    /// The API server's address.
    pub(super) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }
}
