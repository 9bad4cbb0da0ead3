//! Surveys one page of our namespaces.
//!
//! One question to Temporal's records names those of the page whose workflow is open. Records lag a moment
//! behind, so a workflow that they do not name is only suspected to be closed, and asked for by itself.

use std::collections::HashSet;

use domain::{
    NamespaceHandle, PreviewId,
    orphan_sweep::{Note, NotedNamespace, SurveyedPage},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{ResourceExt, api::ListParams, core::ObjectList};
use temporalio_client::Client as Temporal;
use workflows::contract::{SurveyPage, Surveyed};

use super::{AT_ONCE, SweepError};
use crate::{
    Cluster, Instance,
    cluster::{ClusterError, Doing},
    namespace::what_holds,
    ownership::{Claim, Unaccounted, is_terminating},
    temporal::{describe_namespace, latest_run, open_among},
};

/// Namespaces on a page: as many as Temporal names workflows in one answer.
const PAGE: u32 = 1_000;

pub(super) async fn page(
    cluster: &Cluster,
    temporal: &Temporal,
    page: &SurveyPage,
) -> Result<Surveyed, SweepError> {
    assert_same_temporal(cluster, temporal).await?;
    let Some(list) = list(cluster, page.continue_token.as_deref()).await? else {
        return Ok(Surveyed::Expired);
    };
    let continue_token = list.metadata.continue_.filter(|token| !token.is_empty());
    let observations: Vec<_> = list
        .items
        .iter()
        .filter_map(|namespace| Observation::of(namespace, &cluster.instance))
        .collect();
    let open = open_among(temporal, observations.iter().filter_map(Observation::preview)).await?;

    let previews = observations.iter().filter_map(Observation::preview).count();
    let noted = stream::iter(observations)
        .map(|observation| note(observation, &open, temporal))
        .buffered(AT_ONCE)
        .filter_map(async |noted| noted)
        .collect()
        .await;
    Ok(Surveyed::Page(SurveyedPage { previews, noted, continue_token }))
}

/// A connection may come to lead somewhere else, to a server that was set up anew for
/// example, which knows none of the workflows.
pub(super) async fn assert_same_temporal(cluster: &Cluster, temporal: &Temporal) -> Result<(), SweepError> {
    let expected = cluster.instance.temporal.to_string();
    let found = describe_namespace(temporal).await?;
    if found == expected {
        Ok(())
    } else {
        Err(SweepError::OtherTemporal { expected, found })
    }
}

async fn list(
    cluster: &Cluster,
    continue_token: Option<&str>,
) -> Result<Option<ObjectList<Namespace>>, ClusterError> {
    let mut ours = ListParams::default().labels(&cluster.instance.selector()).limit(PAGE);
    if let Some(token) = continue_token {
        ours = ours.continue_token(token);
    }
    unless_expired(cluster.namespaces().list(&ours).await)
}

/// `None` if the API server does not remember the list that it was to continue: it does so for a few minutes.
fn unless_expired<T>(listed: Result<T, kube::Error>) -> Result<Option<T>, ClusterError> {
    match listed {
        Err(kube::Error::Api(status)) if status.code == 410 => Ok(None),
        listed => listed.map(Some).doing(|| "listing our namespaces".to_owned()),
    }
}

/// A namespace as it is seen on a page; what it is about to be noted for is not known yet.
#[derive(Debug)]
struct Observation {
    handle: NamespaceHandle,
    preview: Result<PreviewId, Unaccounted>,
    marked_since: Option<Timestamp>,
    /// What is left in it, if it is being deleted.
    held_by: Option<String>,
}

impl Observation {
    fn of(namespace: &Namespace, instance: &Instance) -> Option<Self> {
        let claim = Claim::on(namespace, instance)?;
        let name = namespace.name_any();
        Some(Self {
            preview: claim.preview_in(&name),
            handle: NamespaceHandle { name, uid: namespace.uid().unwrap_or_default() },
            marked_since: claim.orphaned_since,
            held_by: is_terminating(namespace).then(|| what_holds(Some(namespace))),
        })
    }

    fn preview(&self) -> Option<&PreviewId> {
        self.preview.as_ref().ok()
    }
}

async fn note(
    observation: Observation,
    open: &HashSet<String>,
    temporal: &Temporal,
) -> Option<NotedNamespace> {
    let is_open = match &observation.preview {
        Ok(preview) if open.contains(&preview.to_string()) => Ok(true),
        Ok(preview) => latest_run(temporal, &preview.to_string())
            .await
            .map(|run| run.is_some_and(|run| run.is_open))
            .map_err(|error| error.to_string()),
        // Nobody is asked about it.
        Err(_) => Ok(false),
    };
    let handle = observation.handle.clone();
    Some(NotedNamespace { key: handle, note: decide(observation, is_open)? })
}

/// What is noted of a namespace whose preview's workflow is open or not;
/// nothing of one that is as it should be.
fn decide(observation: Observation, is_open: Result<bool, String>) -> Option<Note> {
    if let Err(unaccounted) = observation.preview {
        let why = unaccounted.to_string();
        return Some(Note::Unaccounted { why });
    }
    match (is_open, observation.held_by) {
        (Err(why), _) => Some(Note::Unclear { why }),
        (Ok(true), None) => observation.marked_since.map(|_| Note::FoundAgain),
        // Its own workflow is removing it.
        (Ok(true), Some(_)) => None,
        (Ok(false), Some(held_by)) => Some(Note::Terminating { held_by }),
        (Ok(false), None) => Some(Note::Orphan { marked_since: observation.marked_since }),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    const PREVIEW: &str = "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567";

    fn observation() -> Observation {
        Observation {
            handle: NamespaceHandle { name: "preview-x".to_owned(), uid: "1".to_owned() },
            preview: Ok(PREVIEW.parse().expect("an id")),
            marked_since: None,
            held_by: None,
        }
    }

    fn marked() -> Observation {
        Observation { marked_since: Some(Timestamp::UNIX_EPOCH), ..observation() }
    }

    fn terminating() -> Observation {
        Observation { held_by: Some("a finalizer".to_owned()), ..marked() }
    }

    #[test]
    fn a_preview_whose_workflow_is_open_is_noted_only_for_a_mark_it_should_not_have() {
        assert_eq!(decide(observation(), Ok(true)), None);
        assert_eq!(decide(marked(), Ok(true)), Some(Note::FoundAgain));
        assert_eq!(decide(terminating(), Ok(true)), None);
    }

    #[test]
    fn a_preview_without_an_open_workflow_is_an_orphan_and_if_it_will_not_go_what_holds_it_is_noted() {
        let orphan = |marked_since| Some(Note::Orphan { marked_since });
        assert_eq!(decide(observation(), Ok(false)), orphan(None));
        assert_eq!(decide(marked(), Ok(false)), orphan(Some(Timestamp::UNIX_EPOCH)));
        let held_by = "a finalizer".to_owned();
        assert_eq!(decide(terminating(), Ok(false)), Some(Note::Terminating { held_by }));
    }

    #[test]
    fn what_temporal_does_not_say_and_what_is_no_preview_is_left_alone() {
        let why = "no answer".to_owned();
        assert_eq!(decide(marked(), Err(why.clone())), Some(Note::Unclear { why }));
        let stranger = Observation {
            preview: "nonsense".parse().map_err(Unaccounted::from),
            ..marked()
        };
        assert!(matches!(decide(stranger, Ok(false)), Some(Note::Unaccounted { .. })));
    }

    #[test]
    fn a_list_that_the_api_server_has_forgotten_is_begun_anew_and_other_errors_are_errors() {
        let failed = |code| {
            let status = Status::failure("no", "Expired").with_code(code);
            unless_expired(Err::<(), _>(kube::Error::Api(Box::new(status))))
        };
        assert!(matches!(failed(410), Ok(None)));
        assert!(failed(403).is_err() && failed(500).is_err());
        assert!(matches!(unless_expired(Ok(())), Ok(Some(()))));
    }
}
