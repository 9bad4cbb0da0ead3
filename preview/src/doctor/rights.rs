//! May this account do in the cluster what the role of `charts/preview-cluster` grants?

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    rbac::v1::PolicyRule,
};
use kube::{Api, Client, api::PostParams};
use serde::Deserialize;

use super::line::Line;

const CHECK: &str = "rights";
/// The roles that the worker has, as the chart grants them.
const ROLES: [&str; 2] = [
    include_str!("../../../charts/preview-cluster/templates/worker.yaml"),
    include_str!("../../../charts/preview-cluster/templates/network-probe.yaml"),
];
/// Reviews at the same time.
const AT_ONCE: usize = 8;
/// As many missing rights are named.
const NAMED_MAX: usize = 5;

/// As much of a role as matters.
#[derive(Deserialize)]
struct Role {
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    rules: Vec<PolicyRule>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    namespace: Option<String>,
}

pub(super) async fn check(cluster: &Client, release_role: &str) -> Line {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.clone());
    let wanted = wanted(release_role);
    let count = wanted.len();
    let refused = stream::iter(wanted).map(|right| refused(&reviews, right)).buffered(AT_ONCE);
    match refused.try_collect::<Vec<_>>().await {
        Ok(refused) => judge(count, &refused.into_iter().flatten().collect::<Vec<_>>()),
        Err(error) => Line::unknown(CHECK, error.to_string(), "try again"),
    }
}

/// The right, unless the account has it.
async fn refused(
    reviews: &Api<SelfSubjectAccessReview>,
    right: ResourceAttributes,
) -> Result<Option<String>, kube::Error> {
    let shown = in_words(&right);
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(right),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = reviews.create(&PostParams::default(), &review).await?;
    let is_allowed = answer.status.is_some_and(|status| status.allowed);
    Ok((!is_allowed).then_some(shown))
}

pub(super) fn judge(count: usize, refused: &[String]) -> Line {
    if refused.is_empty() {
        return Line::fine(CHECK, format!("all {count} that the worker needs"));
    }
    let (named, others) = refused.split_at(refused.len().min(NAMED_MAX));
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(" and {} more", others.len())
    };
    Line::wrong(
        CHECK,
        format!("this account may not: {}{others}", named.join(", ")),
        "install charts/preview-cluster of this version, and run as the service account that its role is bound to",
    )
}

/// Each right of each role by itself.
pub(super) fn wanted(release_role: &str) -> Vec<ResourceAttributes> {
    let documents = ROLES.iter().flat_map(|text| text.split("\n---\n"));
    let roles = documents.filter_map(|document| {
        let role: Role = serde_saphyr::from_str(&filled_in(document, release_role)).ok()?;
        matches!(role.kind.as_str(), "Role" | "ClusterRole").then_some(role)
    });
    roles
        .flat_map(|role| {
            role.rules
                .into_iter()
                .flat_map(move |rule| rights(&rule, role.metadata.namespace.as_ref()))
        })
        .collect()
}

/// A template of the chart as YAML. Of its values only the role for Helm stands in a rule.
fn filled_in(template: &str, release_role: &str) -> String {
    let lines = template.lines().filter(|line| !line.trim_start().starts_with("{{"));
    let filled = lines.map(|line| {
        let line = line.replace("{{ .Values.releaseRole | quote }}", release_role);
        match (line.find("{{"), line.rfind("}}")) {
            (Some(start), Some(end)) => format!("{}x{}", &line[..start], &line[end + 2..]),
            _ => line,
        }
    });
    filled.collect::<Vec<_>>().join("\n")
}

fn rights(rule: &PolicyRule, namespace: Option<&String>) -> Vec<ResourceAttributes> {
    let any = vec![String::new()];
    let names = rule.resource_names.as_ref().unwrap_or(&any);
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                for name in names {
                    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
                    rights.push(ResourceAttributes {
                        group: given(group),
                        resource: given(resource),
                        subresource: given(subresource),
                        verb: given(verb),
                        name: given(name),
                        namespace: namespace.cloned(),
                        ..ResourceAttributes::default()
                    });
                }
            }
        }
    }
    rights
}

fn in_words(right: &ResourceAttributes) -> String {
    let part = |prefix: &str, part: &Option<String>| {
        part.as_ref().map(|part| format!("{prefix}{part}")).unwrap_or_default()
    };
    format!(
        "{} {}{}{}{}{}",
        right.verb.as_deref().unwrap_or_default(),
        right.resource.as_deref().unwrap_or_default(),
        part("/", &right.subresource),
        part(".", &right.group),
        part(" ", &right.name),
        part(" in ", &right.namespace),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_of_the_charts_roles_is_asked_for() {
        let wanted: Vec<_> = wanted("edit").iter().map(in_words).collect();
        for right in [
            "create namespaces",
            "bind clusterroles.rbac.authorization.k8s.io edit",
            "create serviceaccounts/token preview-release",
            "get validatingadmissionpolicies.admissionregistration.k8s.io preview-charts",
            "create pods in preview-admission-probe",
            "create jobs.batch in preview-network-probe",
            "delete ingresses.networking.k8s.io",
        ] {
            assert!(wanted.iter().any(|it| it == right), "{right} is not in {wanted:#?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_as_far_as_a_line_goes() {
        assert!(!judge(60, &[]).is_wrong());
        let refused: Vec<_> = (1..=7).map(|number| format!("right {number}")).collect();
        let wrong = format!("{:?}", judge(60, &refused));
        assert!(wrong.contains("right 5 and 2 more"), "{wrong}");
    }
}
