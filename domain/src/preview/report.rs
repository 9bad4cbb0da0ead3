//! What a preview reports to its pull request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PreviewRequest, PreviewState, Probe};
use crate::{CommentId, Login, PreviewId};

/// All that is known about one run of a preview at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewReport {
    /// Which preview; also the workflow to link to.
    pub preview: PreviewId,
    /// The run to link to; none while it is still to be started.
    pub run_id: Option<String>,
    /// When that run began, if it says so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Grows with every report of this run: an older one says nothing any more.
    pub revision: u32,
    /// Who asked.
    pub requested_by: Login,
    /// In which comment. What was asked in an earlier one is not about this preview.
    pub asked_in: CommentId,
    /// What is true now.
    pub state: PreviewState,
    /// What GitHub's own list of deployments calls it, if it is to be in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What its addresses are asked.
    #[serde(default, skip_serializing_if = "Probe::is_default")]
    pub probe: Probe,
}

impl PreviewReport {
    /// Of a preview that was asked for and is still to be started.
    #[must_use]
    pub fn of_request(request: &PreviewRequest) -> Self {
        Self {
            preview: request.preview.clone(),
            run_id: None,
            started_at: None,
            revision: 0,
            requested_by: request.requested_by.clone(),
            asked_in: request.comment,
            state: PreviewState::Requested,
            environment: request.settings.environment.clone(),
            probe: request.settings.readiness.probe.clone(),
        }
    }
}
