//! What does a preview tell its pull request?

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Explanation;
use crate::vocabulary::{CommentId, CommitSha, Login, PreviewId};

/// All that is known about one run of a preview at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewReport {
    /// Which preview; also the workflow to link to.
    pub preview: PreviewId,
    /// The run to link to; none while it is still to be started.
    pub run_id: Option<String>,
    /// Grows with every report of this run: an older one says nothing any more.
    pub revision: u32,
    /// Who asked.
    pub requested_by: Login,
    /// In which comment. What was asked in an earlier one is not about this preview.
    pub asked_in: CommentId,
    /// What is true now.
    pub state: ReportedState,
}

/// What is true of a preview, in the requester's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum ReportedState {
    /// Accepted.
    Requested,
    /// Accepted, and cannot begin yet.
    Queued {
        /// For what it waits.
        waiting_for: WaitingFor,
    },
    /// The namespace and its guards are being made.
    Provisioning,
    /// Helm is installing the chart.
    Installing,
    /// The workloads are coming up.
    Starting,
    /// Set up as far as possible without the commit's image.
    WaitingForImage {
        /// The image that does not exist yet.
        image: String,
    },
    /// The URL answers.
    Ready {
        /// The address of exactly this commit.
        url: String,
        /// The address that follows the pull request, once it leads here.
        stable_url: Option<String>,
        /// Until when.
        expires_at: Timestamp,
        /// Until when it could be extended.
        extendable_until: Timestamp,
        /// The end is near: worth a warning.
        is_expiring: bool,
    },
    /// Being removed.
    Stopping {
        /// Why.
        because: StopReason,
    },
    /// Gone.
    Removed {
        /// Why.
        because: StopReason,
    },
    /// It could not be deployed, and what was made is gone.
    Failed {
        /// Why.
        explanation: Explanation,
    },
}

/// For what a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// The same commit's earlier preview is still being removed.
    OwnRemoval,
}

/// Why a preview ends that could be deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum StopReason {
    /// Its time was over.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// Someone stopped it.
    Asked {
        /// Who, if it was by a comment; none for the `stop` signal by hand.
        by: Option<Login>,
    },
    /// A newer commit's preview took its place.
    Superseded {
        /// Which.
        by: CommitSha,
    },
    /// The pull request was closed or merged.
    PullRequestClosed {
        /// Merged, not merely closed.
        merged: bool,
    },
    /// The workflow was cancelled.
    Cancelled {
        /// What the person who cancelled gave as the reason.
        reason: Option<String>,
    },
    /// The workflow was terminated: nobody looks after the preview any more, and the sweep removes what is left of it.
    Terminated,
}

impl ReportedState {
    /// Does it answer?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    /// Is it over, for good?
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Removed { .. } | Self::Failed { .. })
    }

    /// Only on the way to somewhere: not worth a write of its own.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Queued { .. }
                | Self::Provisioning
                | Self::Installing
                | Self::Starting
                | Self::Stopping { .. }
        )
    }
}
