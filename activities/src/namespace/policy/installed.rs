//! Compares the admission policies of the cluster with those that this program was built with, rule by rule:
//! an older chart, or a rule that somebody has taken out, is not what previews are promised.

use futures::future::try_join_all;
use kube::{
    Api,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;

use crate::{
    Cluster,
    cluster::{ClusterError, Doing},
};

const GROUP: &str = "admissionregistration.k8s.io";

/// Policies that are installed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// What charts may make.
    Charts,
    /// How pods are confined in user namespaces.
    Pods,
}

/// An object of a set, as `charts/preview-cluster` has it.
struct Wanted {
    kind: String,
    name: String,
    spec: Value,
}

impl Set {
    const fn text(self) -> &'static str {
        match self {
            Self::Charts => include_str!("../../../../charts/preview-cluster/templates/charts.yaml"),
            Self::Pods => include_str!("../../../../charts/preview-cluster/templates/pods.yaml"),
        }
    }

    fn wanted(self) -> impl Iterator<Item = Wanted> {
        self.text().split("\n---\n").filter_map(|document| {
            let object: Value = serde_saphyr::from_str(document).expect("the chart's templates are YAML");
            let is_policy = object["apiVersion"].as_str()?.starts_with(GROUP);
            is_policy.then(|| Wanted {
                kind: object["kind"].as_str().unwrap_or_default().to_owned(),
                name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                spec: object["spec"].clone(),
            })
        })
    }
}

/// What is missing of the set in this cluster, or is not as it should be: the first such object.
pub(crate) async fn difference(cluster: &Cluster, set: Set) -> Result<Option<String>, ClusterError> {
    let differences = set.wanted().map(|wanted| difference_of(cluster, wanted));
    Ok(try_join_all(differences).await?.into_iter().flatten().next())
}

async fn difference_of(cluster: &Cluster, wanted: Wanted) -> Result<Option<String>, ClusterError> {
    let Wanted { kind, name, spec } = wanted;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", &kind));
    let objects: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
    let found = match objects.get_opt(&name).await {
        // The cluster knows no such kind.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => None,
        found => found.doing(|| format!("reading {kind} {name}"))?,
    };
    Ok(match found {
        None => Some(format!("there is no {kind} {name}")),
        Some(found) if found.data["spec"] != spec => Some(format!("{kind} {name} is another version")),
        Some(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_is_compared_with_its_binding() {
        let names = |set: Set| -> Vec<String> {
            set.wanted().map(|wanted| format!("{} {}", wanted.kind, wanted.name)).collect()
        };
        assert_eq!(
            names(Set::Charts),
            [
                "ValidatingAdmissionPolicy preview-charts",
                "ValidatingAdmissionPolicyBinding preview-charts"
            ]
        );
        assert_eq!(
            names(Set::Pods),
            [
                "MutatingAdmissionPolicy preview-pod-defaults",
                "MutatingAdmissionPolicyBinding preview-pod-defaults",
                "MutatingAdmissionPolicy preview-account-defaults",
                "MutatingAdmissionPolicyBinding preview-account-defaults",
                "ValidatingAdmissionPolicy preview-pods",
                "ValidatingAdmissionPolicyBinding preview-pods",
            ]
        );
    }

    #[test]
    fn every_object_has_a_spec_and_no_template() {
        for set in [Set::Charts, Set::Pods] {
            assert!(set.wanted().all(|wanted| wanted.spec.is_object()), "{set:?}");
            assert!(!set.text().contains("{{"), "Helm changes nothing: {set:?}");
        }
    }
}
