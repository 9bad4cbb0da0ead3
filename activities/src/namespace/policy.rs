//! What is a chart held to that lies in the repository?
//!
//! The rules are `charts/preview-cluster`, and the API server enforces them in every namespace with [`LABEL`]. What differs between previews stands in
//! the namespace's annotations, which nothing in the namespace can change.

use std::{collections::BTreeMap, fmt, str::FromStr};

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use workflows::{
    activities::CreateNamespace,
    vocabulary::{ChartSource, PreviewDomain},
};

use crate::Images;

/// Label: where the chart comes from that is installed here, if it is not one that the operators of the service trust.
pub(super) const LABEL: &str = "preview.dev/chart";
/// The value of [`LABEL`] that the policy selects.
const REPOSITORY: &str = "repository";
/// Annotations: the one host that an Ingress may be for, its class, where images may be, and which annotations may be set. Lists have commas.
const HOST: &str = "preview.dev/host";
const INGRESS_CLASS: &str = "preview.dev/ingress-class";
const ALLOWED_IMAGES: &str = "preview.dev/allowed-images";
const ALLOWED_ANNOTATIONS: &str = "preview.dev/allowed-annotations";
/// Longest name after the slash, and longest before it.
const NAME_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

/// What a chart from a repository may refer to.
#[derive(Clone, Debug)]
pub struct ChartBounds {
    /// Below which previews get their host names.
    pub domain: PreviewDomain,
    /// The class of the ingress controller.
    pub ingress_class: String,
    /// Where images may be.
    pub images: Images,
    /// Which annotations may be set, besides Helm's own.
    pub annotations: Vec<AnnotationKey>,
}

/// The name of an annotation: `prometheus.io/scrape`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationKey(String);

/// The text cannot name an annotation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no annotation: expected, for example, `prometheus.io/scrape`")]
pub struct InvalidAnnotationKey(String);

impl FromStr for AnnotationKey {
    type Err = InvalidAnnotationKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ends_are_alphanumeric = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        let (prefix, name) = text.split_once('/').unwrap_or(("x", text));
        let prefix_is_legal = prefix.len() <= PREFIX_MAX
            && prefix
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        let name_is_legal = name.len() <= NAME_MAX
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if prefix_is_legal
            && name_is_legal
            && ends_are_alphanumeric(prefix)
            && ends_are_alphanumeric(name)
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAnnotationKey(text.chars().take(NAME_MAX).collect()))
        }
    }
}

impl fmt::Display for AnnotationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does the policy hold for this namespace? The value of [`LABEL`] then; none otherwise.
pub(super) fn label(request: &CreateNamespace) -> Option<&'static str> {
    matches!(request.chart, Some(ChartSource::Path(_))).then_some(REPOSITORY)
}

/// Was the namespace made for a chart that is held to the same rules as this one?
pub(super) fn is_held_alike(found: &Namespace, request: &CreateNamespace) -> bool {
    found.labels().get(LABEL).map(String::as_str) == label(request)
}

/// What the policy has to know about this preview.
pub(super) fn annotations(
    bounds: &ChartBounds,
    request: &CreateNamespace,
) -> BTreeMap<String, String> {
    let preview = &request.owner.preview;
    let keys: Vec<_> = bounds
        .annotations
        .iter()
        .map(|key| key.0.as_str())
        .collect();
    [
        (HOST, bounds.domain.host(preview)),
        (INGRESS_CLASS, bounds.ingress_class.clone()),
        (
            ALLOWED_IMAGES,
            bounds.images.places(&preview.repository).join(","),
        ),
        (ALLOWED_ANNOTATIONS, keys.join(",")),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = include_str!("../../../charts/preview-cluster/templates/policy.yaml");

    #[test]
    fn the_policy_reads_what_is_written_and_nothing_else() {
        assert!(POLICY.contains(&format!("{LABEL}: {REPOSITORY}\n")));
        let known = [HOST, INGRESS_CLASS, ALLOWED_IMAGES, ALLOWED_ANNOTATIONS];
        for key in known {
            assert!(POLICY.contains(&format!("variables.own['{key}']")), "{key}");
        }
        let read = POLICY.split("variables.own['").skip(1);
        for key in read.filter_map(|rest| rest.split('\'').next()) {
            assert!(known.contains(&key), "{key}");
        }
    }

    #[test]
    fn an_annotation_is_named_as_kubernetes_names_it() {
        for text in [
            "cert-manager.io/cluster-issuer",
            "nginx.ingress.kubernetes.io/proxy-body-size",
            "plain",
        ] {
            assert!(text.parse::<AnnotationKey>().is_ok(), "{text}");
        }
        for text in [
            "", "/", "a/", "/a", "a b", "a,b", "a/b/c", "A.io/x", "a.io/-x",
        ] {
            assert!(text.parse::<AnnotationKey>().is_err(), "{text}");
        }
    }
}
