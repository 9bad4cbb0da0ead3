//! What a sweep sees of the namespaces, and what becomes of its changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::NamespaceHandle;

/// What the survey saw on one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyedPage {
    /// How many previews' namespaces it holds, most of which nothing has to be done about.
    pub previews: usize,
    /// Those that something has to be done or said about.
    pub noted: Vec<NotedNamespace>,
    /// What the next page is asked for with; none after the last one.
    pub continue_token: Option<String>,
}

/// A namespace that something has to be done or said about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedNamespace {
    /// Which.
    pub key: NamespaceHandle,
    /// Why.
    pub note: Note,
}

/// What the survey saw of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Note {
    /// No workflow of its preview is open.
    Orphan {
        /// Since when it carries the orphan's mark, if it does.
        marked_since: Option<Timestamp>,
    },
    /// It carries the mark, and a workflow of its preview is open again.
    FoundAgain,
    /// No workflow of its preview is open, its deletion was requested, and it is still there.
    Terminating {
        /// What the cluster says is left in it, finalizers included.
        held_by: String,
    },
    /// It carries our labels, but is no preview of ours by its name and annotations. Nothing is done to it.
    Unaccounted {
        /// What does not fit.
        why: String,
    },
    /// Temporal did not say whether its workflow is open. Nothing is done to it this time.
    Unclear {
        /// Temporal's words.
        why: String,
    },
}

/// What became of one namespace that something was to be done to, in the order of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Outcome {
    /// It is done. A removal is done when it is requested: whether the
    /// namespace goes is for the next sweep to see.
    Done,
    /// A workflow owns it again, it was changed meanwhile, or it is not the same namespace any more.
    Spared,
    /// It could not be done; the next sweep tries again.
    Failed {
        /// For the operator.
        why: String,
    },
}

/// A preview that is ready by its own account, and whose namespace is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostPreview {
    /// Its workflow.
    pub workflow_id: String,
    /// Whether it was told to end.
    pub outcome: Outcome,
}

/// What can be done to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Note since when it has been without a workflow.
    Mark,
    /// Take the note off again.
    Unmark,
    /// Request its deletion.
    Remove,
}
