//! How did a preview end, and what does Temporal record of it?

use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ActivityExecutionError, WorkflowResult, WorkflowTermination,
    common::error::{ApplicationFailure, IncomingError, TimeoutError, TimeoutType},
};

use crate::{
    activities::{Explanation, ReportedState, StopReason},
    vocabulary::Phase,
};

/// Why a preview is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was there, or was to be, and somebody or its time ended it.
    Stopped(StopReason),
    /// It could not be deployed.
    Failed(Explanation),
}

/// The result of a workflow that ended as intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The time to live was over.
    Expired,
    /// Someone stopped it.
    Stopped,
    /// A newer commit's preview took its place.
    Superseded,
    /// The pull request was closed or merged.
    PullRequestClosed,
}

impl Ending {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Failed(_) => Phase::Failed,
            Self::Stopped(_) => Phase::Removed,
        }
    }

    /// While what was made is being removed. Of a failure, people are told when it is done: what they can do next, they can do then.
    pub(super) fn report_meanwhile(&self) -> Option<ReportedState> {
        match self {
            Self::Stopped(because) => Some(ReportedState::Stopping {
                because: because.clone(),
            }),
            Self::Failed(_) => None,
        }
    }

    pub(super) fn report(&self) -> ReportedState {
        match self.clone() {
            Self::Stopped(because) => ReportedState::Removed { because },
            Self::Failed(explanation) => ReportedState::Failed { explanation },
        }
    }

    /// Completed, Canceled, or Failed: the dead letter that people query for.
    pub(super) fn into_result(self) -> WorkflowResult<Ended> {
        match self {
            Self::Stopped(StopReason::Expired { .. }) => Ok(Ended::Expired),
            Self::Stopped(StopReason::Superseded { .. }) => Ok(Ended::Superseded),
            Self::Stopped(StopReason::PullRequestClosed { .. }) => Ok(Ended::PullRequestClosed),
            Self::Stopped(StopReason::Asked { .. } | StopReason::Terminated) => Ok(Ended::Stopped),
            Self::Stopped(StopReason::Cancelled { reason }) => {
                Err(WorkflowTermination::cancelled_with_details(reason))
            }
            Self::Failed(explanation) => {
                Err(ApplicationFailure::builder(explanation.summary.clone())
                    .type_name("DeploymentFailed".to_owned())
                    .non_retryable(true)
                    .details(explanation)
                    .build()
                    .into())
            }
        }
    }
}

/// What the requester is told about an activity that failed for good.
pub(super) fn explain(doing: &str, error: &ActivityExecutionError) -> Explanation {
    if let Some(IncomingError::Application(failure)) = error.reason()
        && let Ok(Some(explanation)) = failure.details::<Explanation>()
    {
        return explanation;
    }
    let summary = match error.as_timeout().map(TimeoutError::timeout_type) {
        Some(TimeoutType::Heartbeat) => {
            format!("The worker that was {doing} stopped answering, again and again.")
        }
        Some(_) => format!("Time ran out while {doing}."),
        None => format!(
            "Something unexpected happened while {doing}. The workflow's history has the details."
        ),
    };
    Explanation {
        summary,
        log_tail: None,
    }
}
