//! Runs kube-proxy: a Service's address leads to its pods.

use serde_json::json;

use super::PODS;
use crate::cluster::pki::{Identity, Pki};
use crate::cluster::{ClusterError, NODE, Site};
use crate::http_probe::HttpProbe;
use crate::part::{Part, Parts};
use crate::ports::free_ports;
use crate::private_file;

pub(super) async fn start(parts: &Parts, site: &Site<'_>, pki: &Pki) -> Result<(), ClusterError> {
    let (config, kubeconfig) =
        (site.folder.join("kube-proxy.json"), site.folder.join("kube-proxy.kubeconfig"));
    pki.write_kubeconfig(Identity::Proxy, &site.server(), &kubeconfig)?;
    let [port] = free_ports()?;
    let health = format!("127.0.0.1:{port}");
    let content = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": { "kubeconfig": kubeconfig },
        "clusterCIDR": PODS,
        "hostnameOverride": NODE,
        "healthzBindAddress": health,
        "metricsBindAddress": "",
        // As the machine has them: they are not the namespace's to change.
        "conntrack": { "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s" },
        "nftables": { "minSyncPeriod": "0s" },
    });
    private_file::write(&config, &format!("{content:#}"))?;
    let part = Part::new("kube-proxy", site.toolbox.path("kube-proxy")?).flag("config", &config);
    let probe = HttpProbe::new().map_err(ClusterError::Client)?;
    let healthy = format!("http://{health}/healthz");
    Ok(parts.start(part, async || probe.get(&healthy).await).await?)
}
