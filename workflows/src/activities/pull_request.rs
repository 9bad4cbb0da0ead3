//! What a pull request's workflow asks of the world, other than to write.

use serde::{Deserialize, Serialize};
use temporalio_macros::activity_definitions;
use temporalio_workflow::ActivityExecutionError;

use super::{PreviewReport, RunIdentity};
use crate::vocabulary::{CommitSha, InstallationId, Login, PreviewSettings, PullRequestRef, Ttl};

/// Activities on the previews' own queue.
pub struct PullRequestActivities;

#[activity_definitions]
impl PullRequestActivities {
    /// Looks at the pull request, at what one person may do there, and at the repository's configuration, all at the same time.
    /// Fails for good, with the type `NotVisible`, where GitHub does not show the pull request (any more).
    #[activity(name = "look_at_pull_request")]
    pub async fn look_at_pull_request(_input: Look) -> Result<Sight, ActivityExecutionError> {
        unimplemented!()
    }

    /// Tells the pull request's workflow what has become of a preview, and starts that workflow if it is not running.
    #[activity(name = "report_preview")]
    pub async fn report_preview(_input: ReportPreview) -> Result<(), ActivityExecutionError> {
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
    pub use super::pull_request_activities::{LeadAddress, LookAtPullRequest, ReportPreview};
}

/// Input of `look_at_pull_request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Where.
    pub pull_request: PullRequestRef,
    /// Whose rights.
    pub person: Login,
}

/// Output of `look_at_pull_request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
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

/// Input of `report_preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPreview {
    /// Through which installation the pull request is reached.
    pub installation: InstallationId,
    /// What is true.
    pub report: PreviewReport,
}

/// Input of `lead_address`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadAddress {
    /// To which run's preview.
    pub to: RunIdentity,
}
