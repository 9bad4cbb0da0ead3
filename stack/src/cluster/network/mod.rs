//! Makes the pods' network: a bridge in the stack's own network namespace, with Services, cluster DNS and
//! enforced network policies. No route leads off the machine.

mod dns;
mod policies;
mod services;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

pub(super) use dns::DOMAIN;

use super::pki::Pki;
use super::{ClusterError, Site};
use crate::part::Parts;
use crate::program::output;

/// The bridge that pods sit on.
const BRIDGE: &str = "pods0";
/// Where pods get their addresses from.
const PODS: &str = "10.213.0.0/24";
/// The node's own address.
pub const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);
/// Where Services get their addresses from.
pub(super) const SERVICES: &str = "10.96.0.0/16";
/// The address of the API server as a Service, which is the first of them.
pub(super) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// Where cluster DNS answers: on the node and at a link-local address, as `NodeLocal` DNSCache does, of GKE's
/// among others. So what is tried here also holds where DNS is no pod.
pub(super) const DNS_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 20, 10);
/// Settings of the network namespace: packets are forwarded from pod to pod and from pod to Service, and the
/// firewall sees them although they only cross the bridge.
const SETTINGS: &[&str] = &["net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"];

/// Why there is no pod network.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NetworkError {
    #[error("`ip {arguments}` failed: {message}")]
    Ip { arguments: String, message: String },
    #[error("cannot set {setting} ({source}); is the kernel's module br_netfilter loaded?")]
    Setting {
        setting: &'static str,
        source: std::io::Error,
    },
}

/// Makes the bridge, in a network namespace that has none.
pub(super) async fn make_bridge() -> Result<(), NetworkError> {
    for setting in SETTINGS {
        fs::write(Path::new("/proc/sys").join(setting), "1")
            .map_err(|source| NetworkError::Setting { setting, source })?;
    }
    ip(&["link", "add", BRIDGE, "type", "bridge"]).await?;
    ip(&["address", "add", &format!("{NODE_ADDRESS}/24"), "dev", BRIDGE]).await?;
    ip(&["address", "add", &format!("{DNS_ADDRESS}/32"), "dev", BRIDGE]).await?;
    ip(&["link", "set", BRIDGE, "up"]).await?;
    // A node with a way to the Internet needs no route of their own to reach Services.
    ip(&["route", "add", SERVICES, "dev", BRIDGE]).await
}

/// What containerd tells the CNI plugins. A pod has routes to other pods, to Services and to cluster DNS, and
/// none that leads elsewhere.
pub(super) fn cni(addresses: &Path) -> Value {
    let route = |to: String| json!({ "dst": to, "gw": NODE_ADDRESS });
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge",
            "bridge": BRIDGE,
            // It has its address already.
            "isGateway": false,
            "ipMasq": false,
            // A pod reaches itself through its Service.
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "dataDir": addresses,
                "ranges": [[{ "subnet": PODS, "gateway": NODE_ADDRESS }]],
                "routes": [route(SERVICES.to_owned()), route(format!("{DNS_ADDRESS}/32"))],
            },
        }],
    })
}

/// Starts what makes Services, names and policies work; returns when they do.
pub(super) async fn start(parts: &Parts, site: &Site<'_>, pki: &Pki) -> Result<(), ClusterError> {
    tokio::try_join!(
        services::start(parts, site, pki),
        dns::start(parts, site, pki),
        policies::start(parts, site, pki),
    )?;
    Ok(())
}

async fn ip(arguments: &[&str]) -> Result<(), NetworkError> {
    let mut command = Command::new("ip");
    command.args(arguments);
    let failed = |message| NetworkError::Ip { arguments: arguments.join(" "), message };
    output(command).await.map(drop).map_err(failed)
}
