//! Kinds of objects that operators let charts make, beyond what every chart may.

use std::str::FromStr;

use domain::{AllowedOwners, Repository};

/// What no chart makes, whoever allows it: it would loosen what keeps previews in their place, or hold their
/// namespace.
const NEVER: &[&str] = &[
    "bindings",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "limitranges",
    "localsubjectaccessreviews.authorization.k8s.io",
    "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy",
    "resourcequotas",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
];

/// `daemonsets.apps` in charts of all repositories, or `octo-org/shop=daemonsets.apps` in some.
#[derive(Clone, Debug)]
pub struct AllowedKind {
    of: Option<AllowedOwners>,
    resource: String,
}

/// The text names no kind that can be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllowedKind {
    /// It names nothing.
    #[error(
        "`{0}` names no kind of objects: expected, for example, `daemonsets.apps`, `pods` or `octo-org/shop=daemonsets.apps`"
    )]
    Malformed(String),
    /// It names what would loosen the guards.
    #[error("`{0}` cannot be allowed: it would loosen what keeps previews apart, or hold their namespaces")]
    Never(String),
}

impl AllowedKind {
    /// The kind, if charts of this repository may have it.
    pub(super) fn allowed_in(&self, repository: &Repository) -> Option<&str> {
        let applies = self.of.as_ref().is_none_or(|of| of.cover(repository));
        applies.then_some(&self.resource)
    }
}

impl FromStr for AllowedKind {
    type Err = InvalidAllowedKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || InvalidAllowedKind::Malformed(text.chars().take(100).collect());
        let (of, resource) = match text.split_once('=') {
            Some((of, resource)) => (Some(of.parse().map_err(|_| malformed())?), resource),
            None => (None, text),
        };
        let is_piece = |piece: &str| {
            !piece.is_empty()
                && piece.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !resource.split('.').all(is_piece) {
            return Err(malformed());
        }
        if NEVER.contains(&resource) {
            return Err(InvalidAllowedKind::Never(resource.to_owned()));
        }
        Ok(Self { of, resource: resource.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str, repository: &str) -> Option<String> {
        let kind: AllowedKind = text.parse().expect("a kind");
        kind.allowed_in(&repository.parse().expect("a repository")).map(str::to_owned)
    }

    #[test]
    fn a_kind_is_allowed_everywhere_or_in_some_repositories() {
        assert_eq!(allowed("daemonsets.apps", "octo-org/shop").as_deref(), Some("daemonsets.apps"));
        assert_eq!(allowed("octo-org/shop=pods", "Octo-Org/Shop").as_deref(), Some("pods"));
        assert_eq!(allowed("octo-org/shop=pods", "octo-org/blog"), None);
        assert_eq!(allowed("octo-org=pods", "octo-org/blog").as_deref(), Some("pods"));
    }

    #[test]
    fn what_loosens_the_guards_is_never_allowed() {
        for resource in NEVER {
            assert_eq!(
                resource.parse::<AllowedKind>().err(),
                Some(InvalidAllowedKind::Never((*resource).to_owned()))
            );
        }
        for text in ["", "*", "pods/exec", "Pods", "a..b", "octo-org/shop=", "=pods", "a b"] {
            assert!(matches!(text.parse::<AllowedKind>(), Err(InvalidAllowedKind::Malformed(_))), "{text}");
        }
    }
}
