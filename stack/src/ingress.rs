//! Runs Traefik, the ingress controller of the embedded cluster.

use std::net::Ipv4Addr;

use k8s_openapi::api::networking::v1::IngressClass;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::cluster::{Cluster, ClusterError};
use crate::error::StackError;
use crate::http_probe::HttpProbe;
use crate::part::Part;
use crate::ports::free_ports;
use crate::private_file;
use crate::stack::Stack;

/// The class that an Ingress names to be served by it.
pub const CLASS: &str = "traefik";
/// Previews are served under names below it, all of which lead to this machine without any DNS.
pub const DOMAIN: &str = "preview.localhost";
/// What Traefik calls itself in an `IngressClass`.
const CONTROLLER: &str = "traefik.io/ingress-controller";
/// How long Traefik collects changes before it uses them; its default of 2 s
/// would be most of a preview's start.
const THROTTLE: &str = "100ms";

impl Stack {
    /// Starts Traefik on 127.0.0.1, or on all addresses if neighbours use it; it sends requests straight to
    /// the pods.
    pub(super) async fn start_ingress(&self, cluster: &Cluster) -> Result<(), StackError> {
        create_class(cluster).await?;
        let address = match self.options.neighbours {
            Some(_) => Ipv4Addr::UNSPECIFIED,
            None => Ipv4Addr::LOCALHOST,
        };
        let [health] = free_ports()?;
        let config = self.options.folder("cluster/traefik.json");
        let content = json!({
            "global": { "checkNewVersion": false, "sendAnonymousUsage": false },
            "log": { "level": "INFO" },
            "ping": { "entryPoint": "health" },
            "entryPoints": {
                "previews": { "address": format!("{address}:{}", self.options.ports.ingress) },
                "health": { "address": format!("127.0.0.1:{health}") },
            },
            "providers": {
                "providersThrottleDuration": THROTTLE,
                "kubernetesIngress": {
                    "endpoint": cluster.server(),
                    "token": cluster.token(),
                    "certAuthFilePath": cluster.ca_file(),
                    "throttleDuration": THROTTLE,
                },
            },
        });
        private_file::write(&config, &format!("{content:#}"))?;
        let part = Part::new("traefik", self.toolbox.path("traefik")?).flag("configFile", &config);
        let probe = HttpProbe::new().map_err(StackError::Client)?;
        let ping = format!("http://127.0.0.1:{health}/ping");
        self.parts.start(part, async || probe.get(&ping).await).await?;
        Ok(())
    }
}

/// An Ingress that names a class is served only when the class exists.
async fn create_class(cluster: &Cluster) -> Result<(), ClusterError> {
    let mut class = IngressClass::default();
    class.metadata.name = Some(CLASS.to_owned());
    class.spec.get_or_insert_default().controller = Some(CONTROLLER.to_owned());
    let classes: Api<IngressClass> = Api::all(cluster.client().clone());
    let created = classes.create(&PostParams::default(), &class).await;
    created
        .map(drop)
        .map_err(|source| ClusterError::Api { what: "the ingress class", source })
}
