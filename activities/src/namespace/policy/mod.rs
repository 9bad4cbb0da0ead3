//! The admission policy for charts.
//!
//! The rules are `charts/preview-cluster`, and the API server enforces them in every namespace of a preview,
//! wherever its chart comes from. What differs between previews stands in the namespace's annotations, which
//! nothing in the namespace can change.

mod annotation_key;
mod installed;
mod kind;
mod probe;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use workflows::contract::CreateNamespace;

use crate::Images;
pub use annotation_key::{AnnotationKey, InvalidAnnotationKey};
pub(crate) use installed::{Set, difference};
pub use kind::{AllowedKind, InvalidAllowedKind};
pub(crate) use probe::{NotInForce, assert_in_force};

/// Annotations: the one host that an Ingress may be for, its class, where images may be, and which
/// annotations may be set. Lists have commas.
const HOST: &str = "preview.internal/host";
const INGRESS_CLASS: &str = "preview.internal/ingress-class";
const ALLOWED_IMAGES: &str = "preview.internal/allowed-images";
const ALLOWED_ANNOTATIONS: &str = "preview.internal/allowed-annotations";
const ALLOWED_KINDS: &str = "preview.internal/allowed-kinds";

/// What a chart may refer to.
#[derive(Clone, Debug)]
pub struct ChartBounds {
    /// The class of the ingress controller.
    pub ingress_class: String,
    /// Where images may be.
    pub images: Images,
    /// Which annotations may be set, besides Helm's own.
    pub annotations: Vec<AnnotationKey>,
    /// What else may be made.
    pub kinds: Vec<AllowedKind>,
}

/// Writes on a namespace what the policy has to know about its preview.
pub(super) fn write_on(
    namespace: &mut Namespace,
    bounds: &ChartBounds,
    request: &CreateNamespace,
    host: String,
) {
    let preview = &request.owner.preview;
    let keys: Vec<_> = bounds.annotations.iter().map(|key| key.0.as_str()).collect();
    let places = bounds.images.places(&preview.repository);
    let kinds = bounds.kinds.iter().filter_map(|kind| kind.allowed_in(&preview.repository));
    let annotations = [
        (HOST, host),
        (INGRESS_CLASS, bounds.ingress_class.clone()),
        (ALLOWED_IMAGES, places.join(",")),
        (ALLOWED_ANNOTATIONS, keys.join(",")),
        (ALLOWED_KINDS, kinds.collect::<Vec<_>>().join(",")),
    ];
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value));
    namespace.annotations_mut().extend(annotations);
}

/// The host that was written.
pub(super) fn written_host(namespace: &Namespace) -> Option<&String> {
    namespace.annotations().get(HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = include_str!("../../../../charts/preview-cluster/templates/charts.yaml");

    #[test]
    fn the_policy_reads_what_is_written_and_nothing_else() {
        let known = [HOST, INGRESS_CLASS, ALLOWED_IMAGES, ALLOWED_ANNOTATIONS, ALLOWED_KINDS];
        for key in known {
            assert!(POLICY.contains(&format!("variables.own['{key}']")), "{key}");
        }
        let read = POLICY.split("variables.own['").skip(1);
        for key in read.filter_map(|rest| rest.split('\'').next()) {
            assert!(known.contains(&key), "{key}");
        }
    }
}
