//! Runs kube-router: network policies are enforced. Neither its router nor its own Services are used.

use crate::cluster::pki::{Identity, Pki};
use crate::cluster::{ClusterError, NODE, Site};
use crate::http_probe::HttpProbe;
use crate::part::{Part, Parts};
use crate::ports::free_ports;

/// How long a policy may be without effect when a change was missed.
const SYNC: &str = "1m";

pub(super) async fn start(parts: &Parts, site: &Site<'_>, pki: &Pki) -> Result<(), ClusterError> {
    let kubeconfig = site.folder.join("kube-router.kubeconfig");
    pki.write_kubeconfig(Identity::Admin, &site.server(), &kubeconfig)?;
    let [port] = free_ports()?;
    let part = Part::new("kube-router", site.toolbox.path("kube-router")?)
        .flag("kubeconfig", &kubeconfig)
        .flag("hostname-override", NODE)
        .flag("run-firewall", "true")
        .flag("run-router", "false")
        .flag("run-service-proxy", "false")
        .flag("service-cluster-ip-range", super::SERVICES)
        .flag("iptables-sync-period", SYNC)
        .flag("health-port", port.to_string())
        .flag("metrics-port", "0");
    let probe = HttpProbe::new().map_err(ClusterError::Client)?;
    let health = format!("http://127.0.0.1:{port}/healthz");
    Ok(parts.start(part, async || probe.get(&health).await).await?)
}
