//! One installation of this service, and the labels of everything that it makes.

use std::{collections::BTreeMap, fmt, str::FromStr};

use k8s_openapi::api::core::v1::Namespace;

/// Label: who made it. With [`INSTANCE`], what all our selections go by.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`] on everything of ours.
const US: &str = "preview";
/// Label: the name of the service instance that made it, so that two of them can share a cluster.
const INSTANCE: &str = "preview.internal/instance";
/// Label: the identity of the Temporal namespace that knows its workflow. What another
/// Temporal knows, this one takes for nobody's.
pub(crate) const TEMPORAL_NAMESPACE: &str = "preview.internal/temporal-namespace";
/// Longest value of a label, and longest DNS label.
pub(crate) const LABEL_VALUE_MAX: usize = 63;

/// The name of one installation of this service within its cluster: 1 to 63
/// lower-case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceName(String);

/// The text cannot name an instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name an instance: use up to 63 lower-case letters, digits and inner hyphens, for example `staging`"
)]
pub struct InvalidInstanceName(String);

impl FromStr for InstanceName {
    type Err = InvalidInstanceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = (1..=LABEL_VALUE_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInstanceName(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a namespace in Temporal: what `DescribeNamespace` calls its ID, a UUID. Unlike its name,
/// no other namespace ever has it, be it on another server; a server that is restored from a backup has the
/// same. At most 63 characters that a label may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporalNamespaceId(String);

/// Temporal's ID of its namespace cannot be written on anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Temporal calls its namespace {0:?}, which cannot be the value of a label")]
pub struct InvalidTemporalNamespaceId(String);

impl FromStr for TemporalNamespaceId {
    type Err = InvalidTemporalNamespaceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.is_empty() && label_value(text) == text {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTemporalNamespaceId(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for TemporalNamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One installation of this service, among all that share its cluster. Two with the
/// same name are told apart by their Temporal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: InstanceName,
    /// What knows its workflows.
    pub temporal: TemporalNamespaceId,
}

impl Instance {
    /// The labels by which everything that we make is known.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        let own = [
            (MANAGED_BY, US.to_owned()),
            (INSTANCE, self.name.to_string()),
            (TEMPORAL_NAMESPACE, self.temporal.to_string()),
        ];
        own.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// Selects everything of this instance, and nothing else.
    pub(crate) fn selector(&self) -> String {
        let labels = self.labels();
        let terms: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        terms.join(",")
    }

    /// Has it made this namespace, as its labels say?
    pub(crate) fn made(&self, namespace: &Namespace) -> bool {
        let found = namespace.metadata.labels.as_ref();
        self.labels()
            .iter()
            .all(|(key, value)| found.and_then(|found| found.get(key)) == Some(value))
    }
}

/// The text as the value of a label: what a label may not hold becomes a dot, and it is cut to length.
pub(crate) fn label_value(text: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut value: String = text.chars().map(|c| if legal(c) { c } else { '.' }).collect();
    value.truncate(LABEL_VALUE_MAX);
    value.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEMPORAL: &str = "01a21419-ea9b-7c2b-94f3-28f6af75b493";

    #[test]
    fn all_of_an_instance_is_selected_by_the_labels_that_it_is_known_by() {
        let instance = Instance {
            name: "default".parse().expect("an instance"),
            temporal: TEMPORAL.parse().expect("a namespace"),
        };
        assert_eq!(
            instance.selector(),
            format!(
                "app.kubernetes.io/managed-by=preview,preview.internal/instance=default,preview.internal/temporal-namespace={TEMPORAL}"
            )
        );
    }

    #[test]
    fn what_cannot_be_a_label_is_no_instance() {
        for text in ["", "-a", "a-", "A", "a.b", "a,b=c", &"a".repeat(64)] {
            assert!(text.parse::<InstanceName>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_label_is_no_identity_of_temporals_namespace() {
        TEMPORAL.parse::<TemporalNamespaceId>().expect("a UUID is one");
        for text in ["", "a b", "-a", "a/b", &"a".repeat(64)] {
            assert!(text.parse::<TemporalNamespaceId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_gives_a_legal_label_value(text in ".{0,200}") {
            let value = label_value(&text);
            prop_assert!(value.len() <= LABEL_VALUE_MAX);
            prop_assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
            let ends_are_legal = value.starts_with(|c: char| c.is_ascii_alphanumeric())
                && value.ends_with(|c: char| c.is_ascii_alphanumeric());
            prop_assert!(value.is_empty() || ends_are_legal);
        }
    }
}
