//! Runs `CoreDNS`: Services are found by name.

use super::DNS_ADDRESS;
use crate::cluster::pki::{Identity, Pki};
use crate::cluster::{ClusterError, Site};
use crate::http_probe::HttpProbe;
use crate::part::{Part, Parts};
use crate::ports::free_ports;
use crate::private_file;

/// What Services are called below their namespace.
pub(in crate::cluster) const DOMAIN: &str = "cluster.local";

pub(super) async fn start(parts: &Parts, site: &Site<'_>, pki: &Pki) -> Result<(), ClusterError> {
    let (config, kubeconfig) = (site.folder.join("Corefile"), site.folder.join("coredns.kubeconfig"));
    pki.write_kubeconfig(Identity::Admin, &site.server(), &kubeconfig)?;
    let [port] = free_ports()?;
    let ready = format!("127.0.0.1:{port}");
    // Other names are refused at once, as nothing leads to whoever knows them.
    let content = format!(
        "{DOMAIN} {{
    bind {DNS_ADDRESS}
    errors
    ready {ready}
    kubernetes {DOMAIN} {{
        kubeconfig {}
        ttl 5
    }}
}}
",
        kubeconfig.display()
    );
    private_file::write(&config, &content)?;
    let part = Part::new("coredns", site.toolbox.path("coredns")?).arg("-conf").arg(&config);
    let probe = HttpProbe::new().map_err(ClusterError::Client)?;
    let is_ready = format!("http://{ready}/ready");
    Ok(parts.start(part, async || probe.get(&is_ready).await).await?)
}
