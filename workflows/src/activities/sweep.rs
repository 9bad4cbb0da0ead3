//! What the orphan sweep asks of cluster and Temporal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

/// Activities of the orphan sweep.
pub struct SweepActivities;

#[activity_definitions]
impl SweepActivities {
    /// Lists every namespace of this service instance, and for each whether a workflow of its name is open.
    #[activity(name = "survey_namespaces")]
    pub async fn survey_namespaces() -> Result<Vec<SurveyedNamespace>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Notes on the namespace since when it has been without a workflow.
    #[activity(name = "mark_orphan")]
    pub async fn mark_orphan(_input: NamespaceKey) -> Result<(), ActivityExecutionError> {
        unimplemented!()
    }

    /// Takes such a note off again.
    #[activity(name = "unmark_orphan")]
    pub async fn unmark_orphan(_input: NamespaceKey) -> Result<(), ActivityExecutionError> {
        unimplemented!()
    }

    /// Looks once more, and removes the namespace if it is still the same one and still nobody's.
    #[activity(name = "remove_orphan")]
    pub async fn remove_orphan(_input: NamespaceKey) -> Result<Removal, ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod declared {
    pub use super::sweep_activities::{MarkOrphan, RemoveOrphan, SurveyNamespaces, UnmarkOrphan};
}

/// One namespace, beyond doubt, and the workflow that its annotations name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceKey {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The workflow ID that it was made for.
    pub workflow_id: String,
}

/// What the survey saw of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyedNamespace {
    /// Which.
    pub key: NamespaceKey,
    /// A workflow of that ID is open, whichever run it is.
    pub workflow_is_open: bool,
    /// Since when it carries the orphan's mark, if it does.
    pub marked_since: Option<Timestamp>,
}

/// What became of a namespace that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// It is gone.
    Removed,
    /// A workflow owns it again, or it is not the same namespace any more.
    Spared,
}
