//! Which rights the worker's role gives it in the cluster that no test has made use of.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, ensure};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::Deserialize;
use stack::env::StackEnv;

/// The roles of `charts/preview-cluster`, in the cluster and in some namespaces, and the account that has
/// them.
const ROLE: &str = "preview-worker";
/// The API server asks for it when a role is given away, which is no request of its own.
const ASKED_ALONG: &str = "bind";
/// Statuses of answers.
const CREATED: u16 = 201;
const REFUSED: u16 = 403;

/// One thing that may be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    group: String,
    resource: String,
    verb: String,
}

impl Right {
    fn new(group: &str, resource: &str, verb: &str) -> Self {
        Self {
            group: group.to_owned(),
            resource: resource.to_owned(),
            verb: verb.to_owned(),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, resource, verb } = self;
        write!(f, "{verb} {resource}")?;
        if group.is_empty() { Ok(()) } else { write!(f, ".{group}") }
    }
}

/// What the API server records of a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRef {
    #[serde(default)]
    api_group: String,
    resource: String,
    #[serde(default)]
    subresource: String,
}

#[derive(Deserialize)]
struct ResponseStatus {
    code: u16,
}

/// Fails if the role is wider than what the worker has asked of this stack's cluster.
pub(crate) async fn check(env: &StackEnv, audit_log: &Path) -> anyhow::Result<()> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(&env.kubeconfig)?, &options).await?;
    let client = Client::try_from(config)?;
    let cluster_role = Api::<ClusterRole>::all(client.clone()).get(ROLE).await?;
    let so_called = ListParams::default().fields(&format!("metadata.name={ROLE}"));
    let roles = Api::<Role>::all(client).list(&so_called).await?;
    let rules = roles.into_iter().filter_map(|role| role.rules).chain(cluster_role.rules);
    let granted = granted(&rules.flatten().collect::<Vec<_>>());
    let log = File::open(audit_log).with_context(|| audit_log.display().to_string())?;
    let mut used = BTreeSet::new();
    for line in BufReader::new(log).lines() {
        used.extend(used_in(&line?)?);
    }
    let unused: Vec<_> = granted.difference(&used).map(Right::to_string).collect();
    ensure!(
        unused.is_empty(),
        "the role {ROLE} is wider than used: {}. Take it out of charts/preview-cluster, or test what needs it",
        unused.join(", ")
    );
    Ok(())
}

fn granted(rules: &[PolicyRule]) -> BTreeSet<Right> {
    let mut granted = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                let verbs = rule.verbs.iter().filter(|verb| *verb != ASKED_ALONG);
                granted.extend(verbs.map(|verb| Right::new(group, resource, verb)));
            }
        }
    }
    granted
}

/// The rights that a request has made use of.
fn used_in(line: &str) -> anyhow::Result<Vec<Right>> {
    let event: Event = serde_json::from_str(line).with_context(|| format!("in the audit log: {line}"))?;
    let code = event.response_status.map(|status| status.code);
    if code == Some(REFUSED) {
        return Ok(Vec::new());
    }
    let Some(object) = event.object_ref else {
        return Ok(Vec::new());
    };
    let resource = if object.subresource.is_empty() {
        object.resource
    } else {
        format!("{}/{}", object.resource, object.subresource)
    };
    // To apply what is not there yet, one has to have the right to make it.
    let has_made_it = event.verb == "patch" && code == Some(CREATED);
    let verbs = [Some(event.verb.as_str()), has_made_it.then_some("create")];
    let used = verbs.into_iter().flatten();
    Ok(used.map(|verb| Right::new(&object.api_group, &resource, verb)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_request_makes_use_of_a_right() {
        let used = |event: serde_json::Value| {
            let used = used_in(&event.to_string()).expect("an event");
            used.iter().map(Right::to_string).collect::<Vec<_>>().join(", ")
        };
        let log = json!({ "resource": "pods", "subresource": "log", "namespace": "preview-x" });
        let ingress = json!({ "resource": "ingresses", "apiGroup": "networking.k8s.io" });
        let (ok, created, refused) = (json!({ "code": 200 }), json!({ "code": 201 }), json!({ "code": 403 }));
        for (event, rights) in [
            (json!({ "verb": "get", "objectRef": log, "responseStatus": ok }), "get pods/log"),
            (
                json!({ "verb": "patch", "objectRef": ingress, "responseStatus": ok }),
                "patch ingresses.networking.k8s.io",
            ),
            (
                json!({ "verb": "patch", "objectRef": ingress, "responseStatus": created }),
                "patch ingresses.networking.k8s.io, create ingresses.networking.k8s.io",
            ),
            (json!({ "verb": "patch", "objectRef": ingress, "responseStatus": refused }), ""),
            (json!({ "verb": "get", "requestURI": "/version" }), ""),
        ] {
            assert_eq!(used(event), rights);
        }
    }

    #[test]
    fn a_role_grants_each_verb_on_each_resource() {
        let rules: Vec<PolicyRule> = serde_json::from_value(json!([
            { "apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["get", "list"] },
            { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"] },
        ]))
        .expect("rules");
        assert_eq!(granted(&rules).len(), 8);
    }
}
