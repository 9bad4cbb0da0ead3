//! What a pull request's workflow asks of the world, other than to write.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

use domain::{
    InstallationId, Login, PreviewId, PullRequestRef, RepositoryId, RunIdentity,
    preview::{Answering, Ending, PreviewReport, Probe},
    pull_request::PullRequestSnapshot,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

/// Activities on the workflows' own queue.
pub struct PullRequestActivities;

#[activity_definitions]
impl PullRequestActivities {
    /// Asks GitHub for the pull request, for what one person may do there, and for the
    /// repository's configuration, all at the same time. No failure is final: GitHub
    /// shows tomorrow what it does not show today.
    #[activity(name = "fetch_pull_request")]
    pub async fn fetch_pull_request(
        _input: FetchPullRequest,
    ) -> Result<PullRequestSnapshot, ActivityExecutionError> {
        unimplemented!()
    }

    /// Tells the pull request's workflow what has become of a preview, and
    /// starts that workflow if it is not running.
    #[activity(name = "report_preview")]
    pub async fn report_preview(_input: ReportPreview) -> Result<(), ActivityExecutionError> {
        unimplemented!()
    }

    /// Finds the pull request's previews that are open, whoever started them, and
    /// looks at those that are suspected not to be.
    #[activity(name = "find_previews")]
    pub async fn find_previews(_input: FindPreviews) -> Result<FoundPreviews, ActivityExecutionError> {
        unimplemented!()
    }

    /// Points the pull request's stable URL to one preview, and to no other, and says how that answers there.
    #[activity(name = "point_stable_url")]
    pub async fn point_stable_url(_input: PointStableUrl) -> Result<Answering, ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod pull_request_declared {
    pub use super::pull_request_activities::{FetchPullRequest, FindPreviews, PointStableUrl, ReportPreview};
}

/// Input of `fetch_pull_request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchPullRequest {
    /// Where.
    pub pull_request: PullRequestRef,
    /// Whose rights; nobody's, where only the pull request's state matters.
    pub person: Option<Login>,
}

/// Input of `find_previews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindPreviews {
    /// Of which pull request.
    pub pull_request: PullRequestRef,
    /// Its repository's number, where it is known: previews that were started under the
    /// repository's earlier name are found by it.
    pub repository_id: Option<RepositoryId>,
    /// Previews that are looked at one by one, too. Temporal's list of open workflows lags a moment behind.
    pub suspects: Vec<PreviewId>,
}

/// Output of `find_previews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPreviews {
    /// The open ones.
    pub open: Vec<PreviewReport>,
    /// The suspects that are not open.
    pub closed: Vec<ClosedPreview>,
}

/// A preview of which no run is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedPreview {
    /// Which.
    pub preview: PreviewId,
    /// How its newest run ended. One that Temporal does not know any more is taken for terminated.
    pub ending: Ending,
}

/// Input of `report_preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPreview {
    /// Through which installation the pull request is reached.
    pub installation: InstallationId,
    /// The repository's number, where it is known: the workflow that attends to the pull
    /// request may bear the repository's earlier name.
    pub repository_id: Option<RepositoryId>,
    /// What is true.
    pub report: PreviewReport,
}

/// Input of `point_stable_url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointStableUrl {
    /// To which run's preview.
    pub to: RunIdentity,
    /// What is asked there.
    #[serde(default)]
    pub probe: Probe,
    /// When that was decided. What was decided later stays, whoever carries this out late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}
