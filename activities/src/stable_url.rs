//! Points a pull request's stable URL to one preview, and to no other.
//!
//! A chart makes an Ingress for the address of its commit. Beside it, in the same namespace, stands one of
//! ours: its *alias*, which says the same of the pull request's own address. It goes when its namespace goes.
//! Only after it stands are those removed that lead elsewhere, so that at no time the address leads nowhere.
//! But some ingress controllers admit no two Ingresses for one host: there the others go first.
//!
//! Then the app is asked at that address too: it may refuse a host name that it does not know.

use std::{collections::BTreeMap, time::Duration};

use domain::{PreviewId, RunIdentity, preview::Answering};
use jiff::Timestamp;
use k8s_openapi::api::networking::v1::{Ingress, IngressRule, IngressSpec, IngressTLS};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, Preconditions},
};
use temporalio_client::Client as Temporal;
use tokio::time::{Instant, sleep};
use workflows::contract::PointStableUrl;

use crate::{
    Cluster, ReadinessConfig,
    cluster::{ClusterError, Doing, FIELD_MANAGER, delete_exactly},
    failure::{ActivityFailure, Failure, explain},
    namespace::{NamespaceLost, find_by_owner, host_of},
    ownership::{address_mark, address_selector, decided_at, is_address_of},
    temporal::{TemporalError, latest_run},
    time_left::within,
};

/// What an alias is called after the Ingress that it stands beside.
const SUFFIX: &str = "-stable-address";
/// Annotations that tell who made an Ingress, not how it serves.
const NOT_COPIED: [&str; 2] = ["kubectl.kubernetes.io/", "meta.helm.sh/"];
/// Annotations by which a certificate is ordered into the secret that the Ingress names.
const ORDERS_CERTIFICATE: &str = "cert-manager.io/";
/// An ingress controller that admits a host once knows within this time that another Ingress has gone.
const ADMITTED_AFTER: Duration = Duration::from_secs(2);
/// Between two questions whether it does.
const PAUSE: Duration = Duration::from_millis(100);

/// The address does not lead there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StableUrlError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Temporal(#[from] TemporalError),
    #[error(transparent)]
    NamespaceLost(#[from] NamespaceLost),
    #[error("no Ingress in namespace {namespace} serves {host}; does the chart make one for `{{host}}`?")]
    NoIngress { namespace: String, host: String },
    #[error("the cluster did not take the new address within {} s", time_left.as_secs())]
    TooSlow { time_left: Duration },
    #[error("{preview} does not answer at its stable URL: {seen}")]
    NoAnswer { preview: PreviewId, seen: String },
}

impl StableUrlError {
    fn is_denied_by_admission(&self) -> bool {
        matches!(self, Self::Cluster(error) if error.is_denied_by_admission())
    }
}

impl ActivityFailure for StableUrlError {
    fn failure(&self) -> Failure {
        match self {
            Self::Cluster(error) => error.failure(),
            Self::Temporal(error) => error.failure(),
            Self::NamespaceLost(error) => error.failure(),
            Self::NoIngress { host, .. } => Failure::permanent(
                "NoIngress",
                explain(format!(
                    "The chart makes no Ingress for `{host}`, so the pull request's stable URL cannot point to this preview."
                )),
            ),
            Self::TooSlow { .. } => Failure::temporary(
                "ClusterUnavailable",
                explain("The cluster did not answer in time while the stable URL was being changed."),
            ),
            // Some ingress controllers take minutes. The preview is published without it, and its pull
            // request's workflow comes back to it.
            Self::NoAnswer { seen, .. } => Failure::permanent(
                "StableUrlDoesNotAnswer",
                explain(format!(
                    "The stable URL leads to the preview, but it cannot be reached there: {seen}."
                )),
            ),
        }
    }
}

/// Returns the address, which leads to the preview from then on, and how the app answers there.
///
/// It must end by itself within `time_left`, before Temporal gives it up: beside its successor it
/// could lead the address to another preview.
pub(crate) async fn point_to(
    cluster: &Cluster,
    readiness: &ReadinessConfig,
    temporal: &Temporal,
    request: &PointStableUrl,
    time_left: Duration,
) -> Result<Answering, StableUrlError> {
    within(time_left, async {
        let owner = owner(temporal, &request.to).await?;
        let applied = match apply_aliases(cluster, &owner, request.decided_at).await {
            Err(error) if error.is_denied_by_admission() => {
                tracing::info!(preview = %owner.preview, %error, "the address leads nowhere for a moment");
                remove_others(cluster, request, &[]).await?;
                apply_aliases_once_admitted(cluster, &owner, request.decided_at).await?
            }
            applied => applied?,
        };
        remove_others(cluster, request, &applied).await?;
        let preview = &request.to.preview;
        let answering = readiness.ask_stable_url(cluster, preview, &request.probe).await;
        answering.map_err(|seen| StableUrlError::NoAnswer { preview: preview.clone(), seen })
    })
    .await
    .unwrap_or(Err(StableUrlError::TooSlow { time_left }))
}

/// Where an alias is: namespace and name.
type Place = (String, String);

/// Whom the run's namespace names: after a reset, the run that was reset. A run that is closed has none.
async fn owner(temporal: &Temporal, run: &RunIdentity) -> Result<RunIdentity, StableUrlError> {
    let latest = latest_run(temporal, &run.preview.to_string()).await?;
    match latest.filter(|latest| latest.is_open && latest.run_id == run.run_id) {
        Some(open) => Ok(RunIdentity { run_id: open.first_run_id, ..run.clone() }),
        None => Err(NamespaceLost::of(&run.preview).into()),
    }
}

async fn apply_aliases(
    cluster: &Cluster,
    owner: &RunIdentity,
    decided_at: Option<Timestamp>,
) -> Result<Vec<Place>, StableUrlError> {
    let preview = &owner.preview;
    // An address must not lead into a namespace that has a new owner.
    let Some(held) = find_by_owner(cluster, owner).await? else {
        return Err(NamespaceLost::of(preview).into());
    };
    let (namespace, host) = (held.name_any(), host_of(&held, cluster, preview));

    let ingresses: Api<Ingress> = Api::namespaced(cluster.client.clone(), &namespace);
    let found = ingresses
        .list(&ListParams::default())
        .await
        .doing(|| format!("listing the Ingresses in namespace {namespace}"))?;
    let stable_host = cluster.names.stable_host(preview);
    let mark = address_mark(preview, decided_at, &cluster.instance, &cluster.names);
    let aliases: Vec<_> = found
        .iter()
        .filter_map(|ingress| alias(ingress, &host, &stable_host, &mark))
        .collect();
    if aliases.is_empty() {
        return Err(StableUrlError::NoIngress { namespace, host });
    }
    let mut applied = Vec::with_capacity(aliases.len());
    for alias in aliases {
        let name = alias.name_any();
        let params = PatchParams::apply(FIELD_MANAGER).force();
        ingresses
            .patch(&name, &params, &Patch::Apply(&alias))
            .await
            .doing(|| format!("applying Ingress {name} in namespace {namespace}"))?;
        applied.push((namespace.clone(), name));
    }
    Ok(applied)
}

async fn apply_aliases_once_admitted(
    cluster: &Cluster,
    owner: &RunIdentity,
    decided_at: Option<Timestamp>,
) -> Result<Vec<Place>, StableUrlError> {
    let end = Instant::now() + ADMITTED_AFTER;
    loop {
        match apply_aliases(cluster, owner, decided_at).await {
            Err(error) if error.is_denied_by_admission() && Instant::now() < end => sleep(PAUSE).await,
            applied => return applied,
        }
    }
}

/// Removes the pull request's aliases that do not stand where they shall. Those that were decided on later
/// stay: a worker that was stopped may do this late.
async fn remove_others(
    cluster: &Cluster,
    request: &PointStableUrl,
    applied: &[Place],
) -> Result<(), ClusterError> {
    let preview = &request.to.preview;
    let all: Api<Ingress> = Api::all(cluster.client.clone());
    let selector = address_selector(preview, &cluster.instance, &cluster.names);
    let aliases = all
        .list_metadata(&ListParams::default().labels(&selector))
        .await
        .doing(|| format!("looking for where the address of {preview} leads"))?;
    for alias in aliases {
        if !points_elsewhere(&alias.metadata, request, applied) {
            continue;
        }
        let (namespace, name) = (alias.namespace().unwrap_or_default(), alias.name_any());
        let ingresses: Api<Ingress> = Api::namespaced(cluster.client.clone(), &namespace);
        let exactly_this = Preconditions { uid: alias.uid(), resource_version: None };
        delete_exactly(&ingresses, &name, exactly_this, DeleteParams::default())
            .await
            .doing(|| format!("deleting Ingress {name} in namespace {namespace}"))?;
    }
    Ok(())
}

/// Does this alias lead the pull request's address anywhere but where it shall?
fn points_elsewhere(alias: &ObjectMeta, request: &PointStableUrl, applied: &[Place]) -> bool {
    let place = (alias.namespace.clone().unwrap_or_default(), alias.name.clone().unwrap_or_default());
    let is_newer = decided_at(alias) > request.decided_at;
    is_address_of(alias, &request.to.preview) && !applied.contains(&place) && !is_newer
}

/// What an Ingress says of `host`, said of `stable_host`; nothing if it says nothing of it.
fn alias(ingress: &Ingress, host: &str, stable_host: &str, mark: &ObjectMeta) -> Option<Ingress> {
    let spec = ingress.spec.as_ref()?;
    let rules: Vec<_> = spec
        .rules
        .iter()
        .flatten()
        .filter(|rule| rule.host.as_deref() == Some(host))
        .map(|rule| IngressRule { host: Some(stable_host.to_owned()), http: rule.http.clone() })
        .collect();
    if rules.is_empty() {
        return None;
    }
    let mut annotations: BTreeMap<_, _> = ingress
        .annotations()
        .iter()
        .filter(|(key, _)| !NOT_COPIED.iter().any(|prefix| key.starts_with(prefix)))
        .map(|(key, value)| (key.clone(), value.replace(host, stable_host)))
        .collect();
    annotations.extend(mark.annotations.clone().unwrap_or_default());
    // Two Ingresses that order certificates for different hosts into one secret would overwrite each other's.
    let orders_certificate = annotations.keys().any(|key| key.starts_with(ORDERS_CERTIFICATE));
    let tls: Vec<_> = spec
        .tls
        .iter()
        .flatten()
        .filter_map(|tls| alias_tls(tls, host, stable_host, orders_certificate))
        .collect();
    Some(Ingress {
        metadata: ObjectMeta {
            name: Some(format!("{}{SUFFIX}", ingress.name_any())),
            labels: mark.labels.clone(),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec: Some(IngressSpec {
            ingress_class_name: spec.ingress_class_name.clone(),
            rules: Some(rules),
            tls: (!tls.is_empty()).then_some(tls),
            default_backend: None,
        }),
        status: None,
    })
}

/// An entry without hosts, or with a wildcard, holds for the new host as well.
fn alias_tls(
    tls: &IngressTLS,
    host: &str,
    stable_host: &str,
    orders_certificate: bool,
) -> Option<IngressTLS> {
    let hosts = tls.hosts.clone().unwrap_or_default();
    let kept: Vec<_> = hosts
        .iter()
        .filter(|named| *named == host || named.starts_with("*."))
        .map(|named| if named == host { stable_host } else { named })
        .map(str::to_owned)
        .collect();
    if kept.is_empty() && !hosts.is_empty() {
        return None;
    }
    let secret_name = tls
        .secret_name
        .clone()
        .map(|name| if orders_certificate { format!("{name}{SUFFIX}") } else { name });
    Some(IngressTLS { hosts: (!kept.is_empty()).then_some(kept), secret_name })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HOST: &str = "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com";
    const STABLE: &str = "pr-12-hello-world-7098e268b3.previews.example.com";

    fn alias_of(ingress: Value) -> Option<Value> {
        let ingress: Ingress = serde_json::from_value(ingress).expect("an Ingress");
        let mark = ObjectMeta {
            labels: Some(BTreeMap::from([("preview.internal/instance".to_owned(), "default".to_owned())])),
            annotations: Some(BTreeMap::from([(
                "preview.internal/address-of".to_owned(),
                "octo-org/hello-world#12".to_owned(),
            )])),
            ..ObjectMeta::default()
        };
        alias(&ingress, HOST, STABLE, &mark).map(|alias| serde_json::to_value(alias).expect("JSON"))
    }

    fn rule(host: &str) -> Value {
        json!({ "host": host, "http": { "paths": [{
            "path": "/", "pathType": "Prefix",
            "backend": { "service": { "name": "preview-pr-12", "port": { "name": "http" } } },
        }]}})
    }

    fn ingress(spec: &Value, annotations: &Value) -> Value {
        json!({
            "metadata": {
                "name": "preview-pr-12", "namespace": "preview-x", "uid": "u", "resourceVersion": "7",
                "labels": { "app.kubernetes.io/managed-by": "Helm" }, "annotations": annotations,
            },
            "spec": spec,
        })
    }

    #[test]
    fn an_alias_says_the_same_of_the_stable_host_and_belongs_to_us() {
        let chart = ingress(
            &json!({ "ingressClassName": "traefik", "rules": [rule(HOST), rule("other.example.com")] }),
            &json!({
                "meta.helm.sh/release-name": "preview-pr-12",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "external-dns.alpha.kubernetes.io/hostname": HOST,
                "traefik.ingress.kubernetes.io/router.middlewares": "auth@kubernetescrd",
                "preview.internal/address-of": "octo-org/another#1",
            }),
        );
        insta::assert_json_snapshot!(alias_of(chart), @r#"
        {
          "apiVersion": "networking.k8s.io/v1",
          "kind": "Ingress",
          "metadata": {
            "annotations": {
              "external-dns.alpha.kubernetes.io/hostname": "pr-12-hello-world-7098e268b3.previews.example.com",
              "preview.internal/address-of": "octo-org/hello-world#12",
              "traefik.ingress.kubernetes.io/router.middlewares": "auth@kubernetescrd"
            },
            "labels": {
              "preview.internal/instance": "default"
            },
            "name": "preview-pr-12-stable-address"
          },
          "spec": {
            "ingressClassName": "traefik",
            "rules": [
              {
                "host": "pr-12-hello-world-7098e268b3.previews.example.com",
                "http": {
                  "paths": [
                    {
                      "backend": {
                        "service": {
                          "name": "preview-pr-12",
                          "port": {
                            "name": "http"
                          }
                        }
                      },
                      "path": "/",
                      "pathType": "Prefix"
                    }
                  ]
                }
              }
            ]
          }
        }
        "#);
    }

    #[test]
    fn certificates_hold_for_the_stable_host_too() {
        let tls = |annotations: Value, tls: Value| {
            let chart = ingress(&json!({ "rules": [rule(HOST)], "tls": tls }), &annotations);
            alias_of(chart).expect("an alias")["spec"]["tls"].clone()
        };
        let ordered = json!({ "cert-manager.io/cluster-issuer": "letsencrypt" });
        let own = json!([{ "hosts": [HOST, "other.example.com"], "secretName": "tls" }]);
        assert_eq!(tls(json!({}), own.clone()), json!([{ "hosts": [STABLE], "secretName": "tls" }]));
        assert_eq!(tls(ordered, own), json!([{ "hosts": [STABLE], "secretName": "tls-stable-address" }]));
        for everybodys in [
            json!([{ "hosts": ["*.previews.example.com"], "secretName": "wildcard" }]),
            json!([{ "secretName": "wildcard" }]),
        ] {
            assert_eq!(tls(json!({}), everybodys.clone()), everybodys);
        }
        let others = json!([{ "hosts": ["other.example.com"], "secretName": "tls" }]);
        assert_eq!(tls(json!({}), others), json!(null));
    }

    /// A label can be alike by chance, or because somebody has looked for a name that makes it so.
    #[test]
    fn only_the_same_pull_requests_aliases_are_removed() {
        let request = pointing("2026-11-26T12:00:00Z");
        let applied = [("preview-new".to_owned(), "app-stable-address".to_owned())];
        let alias = |namespace: &str, of: Option<&str>| ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some("app-stable-address".to_owned()),
            annotations: of
                .map(|of| BTreeMap::from([("preview.internal/address-of".to_owned(), of.to_owned())])),
            ..ObjectMeta::default()
        };
        for (namespace, of, is_removed) in [
            ("preview-old", Some("octo-org/shop#12"), true),
            ("preview-new", Some("octo-org/shop#12"), false),
            ("preview-old", Some("octo-org/shop..-_._--.__-#12"), false),
            ("preview-old", Some("octo-org/shop#1"), false),
            ("preview-old", None, false),
        ] {
            let alias = alias(namespace, of);
            assert_eq!(points_elsewhere(&alias, &request, &applied), is_removed, "{namespace} {of:?}");
        }
    }

    fn pointing(decided_at: &str) -> PointStableUrl {
        let preview = format!("octo-org/shop#12:{}", "0".repeat(40)).parse().expect("an id");
        PointStableUrl {
            to: RunIdentity { preview, run_id: "run-1".to_owned() },
            probe: domain::preview::Probe::default(),
            decided_at: Some(decided_at.parse().expect("a time")),
        }
    }

    #[test]
    fn an_alias_that_was_decided_on_later_stays() {
        let alias = |annotations: Value| ObjectMeta {
            annotations: serde_json::from_value(annotations).expect("annotations"),
            ..ObjectMeta::default()
        };
        let of = "octo-org/shop#12";
        let newer = alias(json!({
            "preview.internal/address-of": of, "preview.internal/decided-at": "2026-11-26T12:00:01Z",
        }));
        assert!(!points_elsewhere(&newer, &pointing("2026-11-26T12:00:00Z"), &[]));
        assert!(points_elsewhere(&newer, &pointing("2026-11-26T12:00:01Z"), &[]));
        let of_an_earlier_version = alias(json!({ "preview.internal/address-of": of }));
        assert!(points_elsewhere(&of_an_earlier_version, &pointing("2026-11-26T12:00:00Z"), &[]));
    }

    #[test]
    fn an_ingress_for_another_host_has_no_alias() {
        for spec in [
            json!({ "rules": [rule("other.example.com")] }),
            json!({ "defaultBackend": { "service": { "name": "x", "port": { "number": 80 } } } }),
            // An alias itself.
            json!({ "rules": [rule(STABLE)] }),
        ] {
            assert_eq!(alias_of(ingress(&spec, &json!({}))), None, "{spec}");
        }
    }
}
