//! Admits a preview while there is room for it.
//!
//! A namespace is the claim to a place: whoever made theirs before is counted, whoever makes theirs later is
//! not. So of any number that come at once exactly as many are admitted as there are places, on whichever
//! workers.

use domain::preview::{Capacity, Occupant};
use k8s_openapi::api::core::v1::Namespace;
use kube::{ResourceExt, api::ListParams};
use workflows::contract::CreateNamespace;

use super::NamespaceError;
use crate::{
    Cluster,
    cluster::Doing,
    ownership::{is_terminating, occupant},
};

/// The run's own namespace is one of those that live, and must not be one too many.
pub(super) async fn assert_room(
    cluster: &Cluster,
    capacity: &Capacity,
    request: &CreateNamespace,
    own: &Namespace,
) -> Result<(), NamespaceError> {
    let selector = cluster.instance.selector();
    let all = cluster
        .namespaces()
        .list(&ListParams::default().labels(&selector))
        .await
        .doing(|| "counting the previews that live".to_owned())?;
    let earlier: Vec<Occupant> = all
        .iter()
        .filter(|other| is_earlier(other, own))
        .filter_map(|other| occupant(other, &cluster.instance))
        .collect();
    let wanted = Occupant {
        repository: request.owner.preview.repository.clone(),
        requested_by: request.requested_by.clone(),
    };
    match capacity.full(&wanted, request.limits, &earlier) {
        Some(full) => Err(NamespaceError::Full(full)),
        None => Ok(()),
    }
}

/// Was it made before ours, and does it stay? Within a second the versions tell: what etcd has written
/// earlier has the lower one, until somebody writes to it again.
fn is_earlier(other: &Namespace, own: &Namespace) -> bool {
    let version = |namespace: &Namespace| namespace.resource_version()?.parse::<u64>().ok();
    let was_written_earlier =
        matches!((version(other), version(own)), (Some(other), Some(own)) if other < own);
    let is_older = was_written_earlier || other.creation_timestamp() < own.creation_timestamp();
    is_older && !is_terminating(other) && other.uid() != own.uid()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

    use super::*;

    fn namespace(uid: &str, version: &str) -> Namespace {
        Namespace {
            metadata: ObjectMeta {
                uid: Some(uid.to_owned()),
                resource_version: Some(version.to_owned()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        }
    }

    #[test]
    fn what_was_made_earlier_counts_unless_it_is_going() {
        let own = namespace("own", "100");
        assert!(is_earlier(&namespace("a", "99"), &own));
        assert!(!is_earlier(&namespace("a", "1000"), &own));
        assert!(!is_earlier(&namespace("own", "99"), &own), "its own");
        let made = |mut namespace: Namespace, second| {
            namespace.metadata.creation_timestamp = Some(Time(jiff::Timestamp::from_second(second).unwrap()));
            namespace
        };
        let (other, own) = (made(namespace("a", "1000"), 1), made(own, 2));
        assert!(is_earlier(&other, &own), "what was written to since is as old as before");
        let mut going = other;
        going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        assert!(!is_earlier(&going, &own));
    }
}
