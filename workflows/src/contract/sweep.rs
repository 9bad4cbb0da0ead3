//! What the orphan sweep asks of cluster and Temporal.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

use domain::{
    NamespaceHandle,
    orphan_sweep::{LostPreview, Outcome, SurveyedPage, SweepReport},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

/// Activities of the orphan sweep.
pub struct SweepActivities;

#[activity_definitions]
impl SweepActivities {
    /// Looks at one page of the namespaces of this service instance, and returns those
    /// that something is to be done or said about.
    #[activity(name = "survey_namespaces")]
    pub async fn survey_namespaces(_input: SurveyPage) -> Result<Surveyed, ActivityExecutionError> {
        unimplemented!()
    }

    /// Finds previews whose workflow is open although their time was over some while
    /// ago: the workflow IDs of up to 100 of them.
    #[activity(name = "find_overdue_previews")]
    pub async fn find_overdue_previews(_input: FindOverdue) -> Result<Vec<String>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Ends previews that are ready by their own account, and whose namespace is not in the cluster any more.
    #[activity(name = "end_lost_previews")]
    pub async fn end_lost_previews(_input: EndLost) -> Result<Vec<LostPreview>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Notes on the namespaces since when they have been without a workflow.
    #[activity(name = "mark_orphans")]
    pub async fn mark_orphans(_input: MarkOrphans) -> Result<Vec<Outcome>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Takes such notes off again.
    #[activity(name = "unmark_orphans")]
    pub async fn unmark_orphans(
        _input: Vec<NamespaceHandle>,
    ) -> Result<Vec<Outcome>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Looks once more, and asks for the deletion of each namespace that is still the same one and
    /// still nobody's. Waits for none of them to go.
    #[activity(name = "remove_orphans")]
    pub async fn remove_orphans(
        _input: Vec<NamespaceHandle>,
    ) -> Result<Vec<Outcome>, ActivityExecutionError> {
        unimplemented!()
    }

    /// Writes what the sweep has done, and what an operator has to know, to log and metrics.
    #[activity(name = "publish_sweep_report")]
    pub async fn publish_sweep_report(_input: SweepReport) -> Result<(), ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod sweep_declared {
    pub use super::sweep_activities::{
        EndLostPreviews, FindOverduePreviews, MarkOrphans, PublishSweepReport, RemoveOrphans,
        SurveyNamespaces, UnmarkOrphans,
    };
}

/// Input of `survey_namespaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyPage {
    /// The API server's token for what follows the page before; none for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_token: Option<String>,
}

/// Output of `survey_namespaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Surveyed {
    /// One page.
    Page(SurveyedPage),
    /// The API server does not remember the list that the token continues. The survey has to begin anew.
    Expired,
}

/// Input of `mark_orphans`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkOrphans {
    /// Which.
    pub namespaces: Vec<NamespaceHandle>,
    /// The time of the mark, by the same clock that the grace is measured with later: the workflow's.
    pub since: Timestamp,
}

/// Input of `end_lost_previews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndLost {
    /// Nobody is told anything, only found.
    pub dry_run: bool,
}

/// Input of `find_overdue_previews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindOverdue {
    /// Previews should have ended before.
    pub expired_before: Timestamp,
}
