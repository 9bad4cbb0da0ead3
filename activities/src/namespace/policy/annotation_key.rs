//! The key of an annotation.

use std::str::FromStr;

/// Longest name after the slash, and longest before it.
const NAME_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

/// The name of an annotation: `prometheus.io/scrape`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationKey(pub(super) String);

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
        if prefix_is_legal && name_is_legal && ends_are_alphanumeric(prefix) && ends_are_alphanumeric(name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAnnotationKey(text.chars().take(NAME_MAX).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_named_as_kubernetes_names_it() {
        for text in ["cert-manager.io/cluster-issuer", "nginx.ingress.kubernetes.io/proxy-body-size", "plain"]
        {
            assert!(text.parse::<AnnotationKey>().is_ok(), "{text}");
        }
        for text in ["", "/", "a/", "/a", "a b", "a,b", "a/b/c", "A.io/x", "a.io/-x"] {
            assert!(text.parse::<AnnotationKey>().is_err(), "{text}");
        }
    }
}
