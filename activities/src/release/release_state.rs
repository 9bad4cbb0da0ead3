//! What an earlier attempt left of a release, and whether it is what is wanted.
//!
//! Helm notes each release in a Secret before it acts, with its state as a label. Only a release that is
//! `deployed` has had all its hooks; in any other state Helm was killed, stopped or failed on the way.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt, api::ListParams};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    cluster::{ClusterError, Doing},
    instance::LABEL_VALUE_MAX,
    namespace::Login,
};

/// Label of Helm's record: what the release was installed from.
const INSTALLED_FROM: &str = "preview.internal/installed-from";

/// What a release is installed from, as a label's value: equal for equal charts and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(String);

impl Origin {
    pub(super) fn of(chart: &impl Serialize, values: &serde_json::Value) -> Self {
        // Maps of JSON values are sorted by their keys.
        let text = serde_json::json!([chart, values]).to_string();
        let mut digest = hex::encode(Sha256::digest(text));
        digest.truncate(LABEL_VALUE_MAX);
        Self(digest)
    }

    /// For `helm install --labels`.
    pub(super) fn label(&self) -> String {
        format!("{INSTALLED_FROM}={}", self.0)
    }
}

/// What stands of a release.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReleaseState {
    /// Nothing that Helm has noted.
    Nothing,
    /// Exactly what is wanted, complete.
    AsWanted,
    /// Incomplete, or installed from something else.
    Otherwise,
}

/// Looks at Helm's records.
pub(super) async fn look(
    login: &Login,
    namespace: &str,
    release: &str,
    wanted: &Origin,
) -> Result<ReleaseState, ClusterError> {
    let secrets: Api<Secret> = Api::namespaced(login.client.clone(), namespace);
    let records = secrets
        .list_metadata(&ListParams::default().labels(&selector(release)))
        .await
        .doing(|| format!("looking for the release {release} in namespace {namespace}"))?;
    let states = records.iter().map(|record| {
        let label = |key| record.labels().get(key).map(String::as_str);
        (label("status"), label(INSTALLED_FROM))
    });
    Ok(release_state(states, wanted))
}

/// Selects the records of one release.
pub(super) fn selector(release: &str) -> String {
    format!("owner=helm,name={release}")
}

fn release_state<'a>(
    records: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
    wanted: &Origin,
) -> ReleaseState {
    let records: Vec<_> = records.collect();
    match records.as_slice() {
        [] => ReleaseState::Nothing,
        [(Some("deployed"), Some(origin))] if *origin == wanted.0 => ReleaseState::AsWanted,
        _ => ReleaseState::Otherwise,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_complete_install_of_the_same_chart_and_values_stands() {
        let wanted = Origin::of(&"charts/app", &json!({ "host": "a", "tag": 1 }));
        let same = Origin::of(&"charts/app", &json!({ "tag": 1, "host": "a" }));
        let others = [
            Origin::of(&"charts/app", &json!({ "host": "b", "tag": 1 })),
            Origin::of(&"charts/other", &json!({ "host": "a", "tag": 1 })),
        ];
        let with = |records: &[(&'static str, &Origin)]| {
            let records = records.iter().map(|(state, origin)| (Some(*state), Some(origin.0.as_str())));
            release_state(records, &wanted)
        };
        assert_eq!(with(&[]), ReleaseState::Nothing);
        assert_eq!(with(&[("deployed", &same)]), ReleaseState::AsWanted);
        for other in &others {
            assert_eq!(with(&[("deployed", other)]), ReleaseState::Otherwise);
        }
        for state in ["pending-install", "failed", "uninstalling", "superseded", "pending-upgrade", "unknown"]
        {
            assert_eq!(with(&[(state, &same)]), ReleaseState::Otherwise, "{state}");
        }
        // Nobody upgrades a preview: two records are none of ours.
        assert_eq!(with(&[("superseded", &same), ("deployed", &same)]), ReleaseState::Otherwise);
        let unlabelled = [(Some("deployed"), None)];
        assert_eq!(release_state(unlabelled.into_iter(), &wanted), ReleaseState::Otherwise);
    }
}
