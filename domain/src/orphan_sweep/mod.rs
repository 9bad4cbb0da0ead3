//! The rules of the orphan sweep: which namespaces are marked, unmarked or
//! removed, and what an operator has to know.

mod plan;
mod report;
mod survey;

use serde::{Deserialize, Serialize};

pub use plan::{Plan, is_too_much, make_plan};
pub use report::{Brake, Listed, NamedReason, SweepReport};
pub use survey::{Change, LostPreview, Note, NotedNamespace, Outcome, SurveyedPage};

use crate::Ttl;

/// How a sweep goes about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPolicy {
    /// How long a namespace may be without an open workflow before it is removed.
    pub grace: Ttl,
    /// Only report what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// An operator has looked, and so many may be removed at once. Without it, a sweep that
    /// would remove more than a few removes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_removals: Option<usize>,
}
