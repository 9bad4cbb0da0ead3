//! Leads a preview's address to a Service of its chart, where the chart makes no Ingress for it.
//!
//! The Ingress is ours, like the one of the pull request's own address, which is made after it. It goes with
//! its namespace.

use domain::preview::{Expose, ServicePort};
use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::{Value, json};

use super::ReadinessError;
use crate::{
    Cluster,
    cluster::{ClusterError, Doing, apply},
    failure::explain,
    listed::listed,
};

/// The name of our Ingress.
const NAME: &str = "preview-address";
/// Of what is there, so much is named.
const NAMED_MAX: usize = 10;

/// Does the chart lead the host anywhere by an Ingress?
pub(super) async fn has_ingress(
    cluster: &Cluster,
    namespace: &str,
    host: &str,
) -> Result<bool, ClusterError> {
    let ingresses: Api<Ingress> = Api::namespaced(cluster.client.clone(), namespace);
    let found = ingresses
        .list(&ListParams::default())
        .await
        .doing(|| format!("listing the Ingresses in namespace {namespace}"))?;
    Ok(found.iter().any(|ingress| ingress.name_any() != NAME && serves(ingress, host)))
}

fn serves(ingress: &Ingress, host: &str) -> bool {
    let rules = ingress.spec.as_ref().and_then(|spec| spec.rules.as_deref());
    rules.unwrap_or_default().iter().any(|rule| rule.host.as_deref() == Some(host))
}

/// Leads the host to the Service. The same again changes nothing.
pub(super) async fn expose(
    cluster: &Cluster,
    ingress_class: Option<&str>,
    namespace: &str,
    host: &str,
    release: &str,
    expose: &Expose,
) -> Result<(), ReadinessError> {
    if has_ingress(cluster, namespace, host).await? {
        return Ok(());
    }
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
    let found = services
        .list(&ListParams::default())
        .await
        .doing(|| format!("listing the Services in namespace {namespace}"))?;
    let backend = backend(&found.items, release, expose).map_err(|reason| ReadinessError::Failed {
        kind: "NothingToExpose",
        explanation: explain(format!("`expose`: {reason}")),
    })?;
    let mut spec = json!({
        "rules": [{ "host": host, "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] } }],
    });
    if let Some(class) = ingress_class {
        spec["ingressClassName"] = json!(class);
    }
    Ok(apply::<Ingress>(cluster, namespace, NAME, json!({ "spec": spec })).await?)
}

/// Where the host leads, in the words of an Ingress.
fn backend(services: &[Service], release: &str, expose: &Expose) -> Result<Value, String> {
    let name = expose.service.name(release);
    let Some(service) = services.iter().find(|service| service.name_any() == name) else {
        let there = listed(services.iter().take(NAMED_MAX).map(ResourceExt::name_any));
        return Err(format!("the chart makes no Service `{name}`; it makes {there}."));
    };
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let is_there = ports.iter().any(|port| match &expose.port {
        ServicePort::Number(number) => port.port == i32::from(*number),
        ServicePort::Name(name) => port.name.as_deref() == Some(name.as_str()),
    });
    if !is_there {
        let there = listed(ports.iter().take(NAMED_MAX).map(|port| match &port.name {
            Some(name) => format!("{} ({name})", port.port),
            None => port.port.to_string(),
        }));
        return Err(format!("the Service `{name}` has no port `{}`; it has {there}.", expose.port));
    }
    let port = match &expose.port {
        ServicePort::Number(number) => json!({ "number": number }),
        ServicePort::Name(name) => json!({ "name": name }),
    };
    Ok(json!({ "service": { "name": name, "port": port } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Vec<Service> {
        let service = |name: &str, ports: Value| {
            let service = json!({ "metadata": { "name": name }, "spec": { "ports": ports } });
            serde_json::from_value(service).expect("a Service")
        };
        vec![
            service("preview-pr-12-web", json!([{ "port": 80, "name": "http" }, { "port": 9090 }])),
            service("db", json!([{ "port": 5432 }])),
        ]
    }

    fn led(expose: Value) -> Result<Value, String> {
        let expose = serde_json::from_value(expose).expect("settings");
        backend(&services(), "preview-pr-12", &expose)
    }

    #[test]
    fn the_host_leads_to_the_service_by_its_ports_number_or_name() {
        assert_eq!(
            led(json!({ "service": "{release}-web", "port": { "number": 9090 } })),
            Ok(json!({ "service": { "name": "preview-pr-12-web", "port": { "number": 9090 } } }))
        );
        assert_eq!(
            led(json!({ "service": "{release}-web", "port": { "name": "http" } })),
            Ok(json!({ "service": { "name": "preview-pr-12-web", "port": { "name": "http" } } }))
        );
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        assert_eq!(
            led(json!({ "service": "web", "port": { "number": 80 } })),
            Err("the chart makes no Service `web`; it makes `preview-pr-12-web`, `db`.".to_owned())
        );
        assert_eq!(
            led(json!({ "service": "{release}-web", "port": { "number": 81 } })),
            Err("the Service `preview-pr-12-web` has no port `81`; it has `80 (http)`, `9090`.".to_owned())
        );
    }
}
