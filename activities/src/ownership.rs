//! The labels and annotations of what we make: whose it is, written and read.

use std::collections::BTreeMap;

use domain::{
    CommentId, InstallationId, InvalidPreviewId, Names, PreviewId, RepositoryId, RunIdentity,
    preview::{Occupant, PreviewReport, PreviewState, Probe, StopReason},
};
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};
use workflows::contract::{CreateNamespace, ReportPreview};

use crate::instance::{Instance, label_value};

/// Label for people.
const REPOSITORY_SLUG: &str = "preview.internal/repository-slug";
/// Labels by which a preview's namespaces are looked for, and by people too:
/// `kubectl get namespaces -l preview.internal/pull-request=12`.
const PULL_REQUEST: &str = "preview.internal/pull-request";
const COMMIT: &str = "preview.internal/commit";
/// Label: what leads a pull request's own address to a preview; its value is the address's first label.
const STABLE_ADDRESS: &str = "preview.internal/stable-address";
/// Annotations beside it: the pull request, by its full name, and when it was decided to lead the address
/// there.
const ADDRESS_OF: &str = "preview.internal/address-of";
const DECIDED_AT: &str = "preview.internal/decided-at";

/// Annotation: the name that the namespace was made with. A copy of everything else here, on a
/// namespace of another name, claims nothing.
pub(crate) const MADE_AS: &str = "preview.internal/namespace";
/// Annotation: the workflow that the namespace was made for.
const WORKFLOW_ID: &str = "preview.internal/workflow-id";
/// Annotation: the very run. Only this run may fill or remove the namespace.
const RUN_ID: &str = "preview.internal/run-id";
const REPOSITORY: &str = "preview.internal/repository";
const COMMENT: &str = "preview.internal/comment";
/// Annotations: whom to tell what became of the preview, when its workflow cannot.
const INSTALLATION: &str = "preview.internal/installation";
const REPOSITORY_ID: &str = "preview.internal/repository-id";
const REQUESTED_BY: &str = "preview.internal/requested-by";
const TTL: &str = "preview.internal/ttl";
/// Annotation: since when the orphan sweep has seen it without an open workflow.
pub(crate) const ORPHANED_SINCE: &str = "preview.internal/orphaned-since";
/// Annotation: since when it is being removed. What Helm has uninstalled is gone, although the namespace
/// is not.
const REMOVED_SINCE: &str = "preview.internal/removed-since";
/// Annotation: nothing is installed yet.
const AWAITS_RELEASE: &str = "preview.internal/awaits-release";

/// What a namespace of ours says about its owner. Empty where an annotation is
/// missing, which is nobody's workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    workflow_id: String,
    run_id: String,
    pub(crate) orphaned_since: Option<Timestamp>,
    /// It was made for this very namespace. Another one can be no run's.
    is_original: bool,
}

/// A namespace with our labels that is no preview of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unaccounted {
    #[error("its annotation {WORKFLOW_ID} names no preview: {0}")]
    NoPreview(#[from] InvalidPreviewId),
    #[error(
        "its annotation {WORKFLOW_ID} names {preview}, but it was not made for that preview under this name"
    )]
    OtherName { preview: PreviewId },
}

impl Claim {
    /// `None` if the namespace is not ours, and thus none of our business.
    pub(crate) fn on(namespace: &Namespace, instance: &Instance) -> Option<Self> {
        let annotation = |key: &str| {
            let annotations = namespace.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(key)).cloned()
        };
        instance.made(namespace).then(|| Self {
            workflow_id: annotation(WORKFLOW_ID).unwrap_or_default(),
            run_id: annotation(RUN_ID).unwrap_or_default(),
            // A mark that cannot be read is none: the sweep then marks anew, which only delays a removal.
            orphaned_since: annotation(ORPHANED_SINCE).and_then(|text| text.parse().ok()),
            is_original: annotation(MADE_AS) == namespace.metadata.name,
        })
    }

    /// The preview that the namespace of this name is for. Labels and annotations can be copied onto any
    /// namespace; only one that was made for a preview says so of its own name, and has a name that ends with
    /// what anybody knows of the preview. Names that were made with an earlier key count.
    pub(crate) fn preview_in(&self, name: &str) -> Result<PreviewId, Unaccounted> {
        let preview: PreviewId = self.workflow_id.parse()?;
        if self.is_original && Names::could_name(name, &preview) {
            Ok(preview)
        } else {
            Err(Unaccounted::OtherName { preview })
        }
    }

    pub(crate) fn is_for_workflow(&self, preview: &PreviewId) -> bool {
        self.is_original && self.workflow_id == preview.to_string()
    }

    pub(crate) fn is_held_by(&self, owner: &RunIdentity) -> bool {
        self.is_for_workflow(&owner.preview) && self.run_id == owner.run_id
    }
}

/// The run that a namespace of ours names as its owner.
pub(crate) fn run_named_on(annotations: &BTreeMap<String, String>) -> Option<String> {
    annotations.get(RUN_ID).cloned()
}

/// What the pull request is told once the namespace is gone, by whoever removes it in its workflow's place.
/// `None` if the namespace does not say whom to tell.
pub(crate) fn last_report(namespace: &Namespace) -> Option<ReportPreview> {
    let annotations = namespace.metadata.annotations.as_ref()?;
    Some(ReportPreview {
        installation: InstallationId(annotations.get(INSTALLATION)?.parse().ok()?),
        repository_id: annotations
            .get(REPOSITORY_ID)
            .and_then(|id| Some(RepositoryId(id.parse().ok()?))),
        report: PreviewReport {
            preview: annotations.get(WORKFLOW_ID)?.parse().ok()?,
            run_id: Some(annotations.get(RUN_ID)?.clone()),
            // Whatever the run has said before, this is newer.
            started_at: None,
            revision: u32::MAX,
            requested_by: annotations.get(REQUESTED_BY)?.parse().ok()?,
            asked_in: CommentId(annotations.get(COMMENT)?.parse().ok()?),
            state: PreviewState::Removed { because: StopReason::Terminated },
            environment: None,
            probe: Probe::default(),
        },
    })
}

/// The place that a namespace of ours takes up. `None` if it is not ours, or does not say whose it is.
pub(crate) fn occupant(namespace: &Namespace, instance: &Instance) -> Option<Occupant> {
    let annotations = namespace.metadata.annotations.as_ref()?;
    let is_ours = instance.made(namespace) && annotations.get(MADE_AS) == namespace.metadata.name.as_ref();
    is_ours.then_some(())?;
    Some(Occupant {
        repository: annotations.get(REPOSITORY)?.parse().ok()?,
        requested_by: annotations.get(REQUESTED_BY)?.parse().ok()?,
    })
}

/// Is it being deleted already?
pub(crate) fn is_terminating(namespace: &Namespace) -> bool {
    namespace.metadata.deletion_timestamp.is_some()
}

/// Since when it is being removed.
pub(crate) fn removed_since(metadata: &ObjectMeta) -> Option<Timestamp> {
    let annotations = metadata.annotations.as_ref();
    let noted = annotations.and_then(|all| all.get(REMOVED_SINCE)?.parse().ok());
    noted.or_else(|| metadata.deletion_timestamp.as_ref().map(|deleted| deleted.0))
}

/// What is noted on a namespace whose removal begins now.
pub(crate) fn note_of_removal() -> Value {
    json!({ REMOVED_SINCE: Timestamp::now().to_string() })
}

/// Is nothing installed yet? A worker that was stopped can make the namespace of a preview that is ready once
/// more, after somebody has deleted it.
pub(crate) fn awaits_release(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations.is_some_and(|all| all.contains_key(AWAITS_RELEASE))
}

/// What is noted on a namespace in which everything is installed.
pub(crate) fn note_of_release() -> Value {
    json!({ AWAITS_RELEASE: null })
}

/// The namespace that a request asks for, ours from its first moment on.
pub(crate) fn claimed_namespace(request: &CreateNamespace, instance: &Instance, name: String) -> Namespace {
    let preview = &request.owner.preview;
    let mut labels = instance.labels();
    labels.extend(own([
        (REPOSITORY_SLUG, label_value(&preview.repository.to_string())),
        (PULL_REQUEST, preview.pull_request.to_string()),
        (COMMIT, preview.commit.to_string()),
    ]));
    let mut annotations = claim_annotations(request);
    annotations.insert(MADE_AS.to_owned(), name.clone());
    annotations.insert(AWAITS_RELEASE.to_owned(), "true".to_owned());
    Namespace {
        metadata: ObjectMeta {
            name: Some(name),
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}

/// Selects the namespaces that may have been made for a preview, whatever they
/// are called. What they claim decides.
pub(crate) fn preview_selector(preview: &PreviewId, instance: &Instance) -> String {
    let PreviewId { pull_request, commit, .. } = preview;
    format!("{},{PULL_REQUEST}={pull_request},{COMMIT}={commit}", instance.selector())
}

/// The labels and annotations of what leads a pull request's own address somewhere.
pub(crate) fn address_mark(
    preview: &PreviewId,
    decided_at: Option<Timestamp>,
    instance: &Instance,
    names: &Names,
) -> ObjectMeta {
    let mut annotations = own([(ADDRESS_OF, preview.pull_request_name())]);
    annotations.extend(decided_at.map(|at| (DECIDED_AT.to_owned(), at.to_string())));
    let mut labels = instance.labels();
    labels.extend(own([
        (STABLE_ADDRESS, names.stable_label(preview)),
        (PULL_REQUEST, preview.pull_request.to_string()),
        (COMMIT, preview.commit.to_string()),
    ]));
    ObjectMeta {
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    }
}

/// Selects what may lead the pull request's own address somewhere: see [`is_address_of`].
pub(crate) fn address_selector(preview: &PreviewId, instance: &Instance, names: &Names) -> String {
    let stable = names.stable_label(preview);
    format!("{},{STABLE_ADDRESS}={stable}", instance.selector())
}

/// Does this lead the pull request's own address somewhere, by the pull request's full name?
pub(crate) fn is_address_of(object: &ObjectMeta, preview: &PreviewId) -> bool {
    let annotations = object.annotations.as_ref();
    annotations.and_then(|all| all.get(ADDRESS_OF)) == Some(&preview.pull_request_name())
}

/// When it was decided to lead the address there.
pub(crate) fn decided_at(object: &ObjectMeta) -> Option<Timestamp> {
    object.annotations.as_ref()?.get(DECIDED_AT)?.parse().ok()
}

/// Who owns the namespace, and why it exists.
fn claim_annotations(request: &CreateNamespace) -> BTreeMap<String, String> {
    let preview = &request.owner.preview;
    let mut annotations = own([
        (WORKFLOW_ID, preview.to_string()),
        (RUN_ID, request.owner.run_id.clone()),
        (REPOSITORY, preview.repository.to_string()),
        (COMMENT, request.comment.to_string()),
        (INSTALLATION, request.installation.to_string()),
        (REQUESTED_BY, request.requested_by.to_string()),
        (TTL, request.ttl.to_string()),
    ]);
    annotations.extend(request.repository_id.map(|id| (REPOSITORY_ID.to_owned(), id.to_string())));
    annotations
}

fn own<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use domain::{CommentId, Ttl, preview::RepositoryLimits};

    use super::*;
    use crate::instance::TEMPORAL_NAMESPACE;

    const PREVIEW: &str = "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567";
    const NAME: &str = "preview-hello-world-abcdefgh234567yz-pr-12-0123456";

    fn request() -> CreateNamespace {
        CreateNamespace {
            owner: RunIdentity {
                preview: PREVIEW.parse().expect("an id"),
                run_id: "run-1".to_owned(),
            },
            comment: CommentId(7),
            installation: InstallationId(1),
            repository_id: Some(RepositoryId(77)),
            requested_by: "mona".parse().expect("a login"),
            ttl: Ttl::DEFAULT,
            chart: None,
            limits: RepositoryLimits::default(),
            egress: Vec::new(),
            quota: domain::preview::RepositoryQuota::default(),
        }
    }

    const TEMPORAL: &str = "01a21419-ea9b-7c2b-94f3-28f6af75b493";

    fn instance(name: &str) -> Instance {
        instance_in(name, TEMPORAL)
    }

    fn instance_in(name: &str, temporal: &str) -> Instance {
        Instance {
            name: name.parse().expect("an instance"),
            temporal: temporal.parse().expect("a namespace"),
        }
    }

    #[test]
    fn a_namespace_is_known_again_by_the_run_that_made_it() {
        let namespace = claimed_namespace(&request(), &instance("default"), "preview-x".to_owned());
        let claim = Claim::on(&namespace, &instance("default")).expect("ours");
        assert!(claim.is_held_by(&request().owner));

        let mut successor = request().owner;
        successor.run_id = "run-2".to_owned();
        assert!(claim.is_for_workflow(&successor.preview) && !claim.is_held_by(&successor));
    }

    #[test]
    fn a_copy_on_another_namespace_claims_nothing() {
        let original = claimed_namespace(&request(), &instance("default"), "preview-x".to_owned());
        let mut copy = original;
        copy.metadata.name = Some("production".to_owned());
        let claim = Claim::on(&copy, &instance("default")).expect("our labels");
        let owner = request().owner;
        assert!(!claim.is_held_by(&owner) && !claim.is_for_workflow(&owner.preview));
    }

    #[test]
    fn a_namespace_says_whom_to_tell_of_its_end() {
        let mut namespace = claimed_namespace(&request(), &instance("default"), "preview-x".to_owned());
        let word = last_report(&namespace).expect("all is there");
        assert_eq!(word.installation, request().installation);
        assert_eq!(word.repository_id, request().repository_id);
        assert_eq!(word.report.preview, request().owner.preview);
        assert_eq!(word.report.run_id, Some(request().owner.run_id));

        namespace.metadata.annotations.as_mut().and_then(|all| all.remove(INSTALLATION));
        assert_eq!(last_report(&namespace), None);
    }

    #[test]
    fn a_namespace_says_whose_place_it_takes_up_and_a_copy_takes_up_none() {
        let mut namespace = claimed_namespace(&request(), &instance("default"), "preview-x".to_owned());
        let holder = occupant(&namespace, &instance("default")).expect("ours");
        assert_eq!(holder.repository, request().owner.preview.repository);
        assert_eq!(holder.requested_by, request().requested_by);
        assert_eq!(occupant(&namespace, &instance("staging")), None);
        namespace.metadata.name = Some("production".to_owned());
        assert_eq!(occupant(&namespace, &instance("default")), None);
    }

    #[test]
    fn another_instances_namespace_is_not_ours() {
        let namespace = claimed_namespace(&request(), &instance("default"), "preview-x".to_owned());
        assert_eq!(Claim::on(&namespace, &instance("staging")), None);
        assert_eq!(Claim::on(&Namespace::default(), &instance("default")), None);
    }

    #[test]
    fn what_another_temporal_knows_is_not_ours_though_the_instance_has_the_same_name() {
        let other = instance_in("default", "01a21419-0000-7c2b-94f3-28f6af75b493");
        let namespace = claimed_namespace(&request(), &other, "preview-x".to_owned());
        assert_eq!(Claim::on(&namespace, &instance("default")), None);

        let mut unnamed = namespace;
        let labels = unnamed.metadata.labels.as_mut().expect("labels");
        labels.remove(TEMPORAL_NAMESPACE);
        assert_eq!(Claim::on(&unnamed, &instance("default")), None);
        assert_eq!(Claim::on(&unnamed, &other), None);
    }

    /// What the sweep reads on a namespace of this name, with this workflow ID, that has
    /// everything else of the one called `made_as`.
    fn accounted(made_as: &str, name: &str, workflow_id: Option<String>) -> Result<PreviewId, Unaccounted> {
        let mut namespace = claimed_namespace(&request(), &instance("default"), made_as.to_owned());
        namespace.metadata.name = Some(name.to_owned());
        let annotations = namespace.metadata.annotations.as_mut();
        let annotations = annotations.expect("annotations");
        annotations.remove(WORKFLOW_ID);
        annotations.extend(workflow_id.map(|id| (WORKFLOW_ID.to_owned(), id)));
        let claim = Claim::on(&namespace, &instance("default")).expect("our labels");
        claim.preview_in(name)
    }

    #[test]
    fn only_a_namespace_that_is_named_for_its_workflow_is_a_preview_of_ours() {
        let preview: PreviewId = PREVIEW.parse().expect("an id");
        let workflow_id = Some(PREVIEW.to_owned());
        let name = NAME;
        let other = PREVIEW.replace("#12:", "#13:");
        assert_eq!(accounted(name, name, workflow_id.clone()), Ok(preview));
        for (copied_from, name, workflow_id) in [
            (name, "production", workflow_id.clone()),
            // Its name would do.
            (name, &format!("preview-copy-{}", &name["preview-".len()..]), workflow_id.clone()),
            ("production", "production", workflow_id),
            (name, name, Some(other)),
        ] {
            assert!(
                matches!(accounted(copied_from, name, workflow_id), Err(Unaccounted::OtherName { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn nonsense_in_the_annotation_is_no_preview() {
        for nonsense in [
            None,
            Some(String::new()),
            Some("o/r#1:' OR 1=1".to_owned()),
            Some("x".repeat(2_000)),
            Some(format!(" {PREVIEW}")),
        ] {
            assert!(
                matches!(accounted(NAME, NAME, nonsense.clone()), Err(Unaccounted::NoPreview(_))),
                "{nonsense:?}"
            );
        }
    }

    #[test]
    fn a_namespace_whose_annotations_were_torn_off_is_ours_but_nobodys() {
        let mut namespace = claimed_namespace(&request(), &instance("default"), "preview-x".to_owned());
        namespace.metadata.annotations = None;
        let claim = Claim::on(&namespace, &instance("default")).expect("ours");
        assert!(claim.workflow_id.is_empty() && !claim.is_for_workflow(&request().owner.preview));
    }
}
