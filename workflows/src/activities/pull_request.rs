//! What a pull request's workflow asks of the world, other than to write.

use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

use super::{PreviewReport, RunIdentity};
use crate::vocabulary::{
    CommitSha, InstallationId, Login, PreviewId, PreviewSettings, PullRequestRef, RepositoryId, Ttl,
};

/// Activities on the previews' own queue.
pub struct PullRequestActivities;

#[activity_definitions]
impl PullRequestActivities {
    /// Looks at the pull request, at what one person may do there, and at the repository's configuration, all at the same time.
    /// No failure is final: GitHub shows tomorrow what it does not show today.
    #[activity(name = "look_at_pull_request")]
    pub async fn look_at_pull_request(_input: Look) -> Result<Sight, ActivityExecutionError> {
        unimplemented!()
    }

    /// Tells the pull request's workflow what has become of a preview, and starts that workflow if it is not running.
    #[activity(name = "report_preview")]
    pub async fn report_preview(_input: ReportPreview) -> Result<(), ActivityExecutionError> {
        unimplemented!()
    }

    /// Finds the pull request's previews that are open, whoever started them, and looks at those that are suspected not to be.
    #[activity(name = "find_previews")]
    pub async fn find_previews(
        _input: FindPreviews,
    ) -> Result<FoundPreviews, ActivityExecutionError> {
        unimplemented!()
    }

    /// Makes the pull request's own address lead to one preview, and to no other, and returns that address.
    #[activity(name = "lead_address")]
    pub async fn lead_address(_input: LeadAddress) -> Result<String, ActivityExecutionError> {
        unimplemented!()
    }
}

/// For implementers: `#[activity(definition = …)]`.
pub mod declared {
    pub use super::pull_request_activities::{
        FindPreviews, LeadAddress, LookAtPullRequest, ReportPreview,
    };
}

/// Input of `look_at_pull_request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Where.
    pub pull_request: PullRequestRef,
    /// Whose rights; nobody's, where only the pull request's state matters.
    pub person: Option<Login>,
}

/// Output of `look_at_pull_request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The repository, whatever it is called.
    pub repository_id: RepositoryId,
    /// The newest commit.
    pub head: CommitSha,
    /// Whether it is still to be decided on.
    pub openness: Openness,
    /// The conversation is closed to outsiders.
    pub is_locked: bool,
    /// The commits live outside the repository that received the pull request.
    pub is_from_fork: bool,
    /// The person may ask for previews: may write, and is among those whom the repository's configuration names, if it names any.
    pub person_may: bool,
    /// On which terms previews are given here: the repository's configuration within the service's bounds, or what is wrong with it.
    pub terms: Result<Terms, Misconfigured>,
}

/// Whether a pull request is still to be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Openness {
    /// Undecided.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
}

/// On which terms a repository's previews are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How long a preview lives unless someone says otherwise.
    pub ttl: Ttl,
    /// How long it may live at the most, extensions included.
    pub max_lifetime: Ttl,
    /// A push renews the preview that the pull request has.
    pub redeploy_on_push: bool,
    /// How previews are installed.
    pub settings: PreviewSettings,
}

/// A repository's configuration that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misconfigured {
    /// `.preview.yaml`
    pub file: String,
    /// On which branch. Not always the one that the pull request is for.
    pub branch: String,
    /// In which line, from 1, if it is one line's fault.
    pub line: Option<u32>,
    /// What is wrong, and what would be right. Plain text; escaped where it is rendered.
    pub reason: String,
}

/// Input of `find_previews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindPreviews {
    /// Of which pull request.
    pub pull_request: PullRequestRef,
    /// Its repository's number, where it is known: previews that were started under the repository's earlier name are found by it.
    pub repository_id: Option<RepositoryId>,
    /// Previews that are looked at one by one, too. Temporal's list of open workflows lags a moment behind.
    pub suspects: Vec<PreviewId>,
}

/// Output of `find_previews`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPreviews {
    /// The open ones.
    pub open: Vec<OpenPreview>,
    /// The suspects that are not open.
    pub closed: Vec<PreviewId>,
}

/// A preview whose workflow is open: the answer of its query `report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPreview {
    /// What is true of it.
    pub report: PreviewReport,
    /// What GitHub's own list of deployments calls it, if it is to be in there.
    pub environment: Option<String>,
}

/// Input of `report_preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPreview {
    /// Through which installation the pull request is reached.
    pub installation: InstallationId,
    /// The repository's number, where it is known: the workflow that attends to the pull request may bear the repository's earlier name.
    pub repository_id: Option<RepositoryId>,
    /// What is true.
    pub report: PreviewReport,
}

/// Input of `lead_address`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadAddress {
    /// To which run's preview.
    pub to: RunIdentity,
}
