//! The lifecycle of a preview, and what each state means to those who watch it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AnswerNote, MissingImage, Phase};
use crate::{CommitSha, Explanation, Login};

/// What is true of a preview, in the requester's terms.
///
/// In this order if all goes well. `Stopping` can follow every state before it, `Failing` every
/// state before `Ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum PreviewState {
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
    WaitingForImage(MissingImage),
    /// The URL answers.
    Ready {
        /// The address of exactly this commit.
        url: String,
        /// What is worth knowing of how it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<AnswerNote>,
        /// The address that follows the pull request, once it leads here.
        stable_url: Option<String>,
        /// How the app answers there, if otherwise than at `url`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stable_note: Option<AnswerNote>,
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
        /// It takes longer than usual: worth telling.
        #[serde(default)]
        is_slow: bool,
    },
    /// Gone.
    Removed {
        /// Why.
        because: StopReason,
    },
    /// It could not be deployed, and what was made is being removed.
    Failing {
        /// Why.
        explanation: Explanation,
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
    /// Its namespace is not in the cluster any more: somebody has deleted it there.
    NamespaceLost,
    /// The workflow was terminated: nobody looks after the preview any more,
    /// and the sweep removes what is left of it.
    Terminated,
}

/// The state of a deployment in GitHub's own list, as GitHub knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum DeploymentState {
    /// Accepted.
    Queued,
    /// Being set up.
    InProgress,
    /// It answers.
    Success {
        /// Where: what the button "View deployment" opens.
        url: String,
    },
    /// It could not be deployed.
    Failure,
    /// Gone.
    Inactive,
}

impl DeploymentState {
    /// There is nothing more to come.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failure | Self::Inactive)
    }
}

/// What a state means to each of those who watch.
struct Meaning {
    phase: Phase,
    /// None: GitHub's list keeps what it says. Each change of it is a write, so
    /// only what its readers can act on is one.
    deployment: Option<DeploymentState>,
    urgency: Urgency,
}

/// How soon people are to know.
#[derive(PartialEq, Eq)]
enum Urgency {
    /// On the way to somewhere: the comment says it if GitHub has time for another write.
    Progress,
    /// What people want to know at once: the comment says it as soon as it is its turn.
    Milestone,
    /// A milestone after which nothing comes.
    End,
}

impl PreviewState {
    /// The table of the lifecycle.
    fn meaning(&self) -> Meaning {
        use DeploymentState::{Failure, InProgress, Inactive, Queued, Success};
        use Urgency::{End, Milestone, Progress};
        let row = |phase, deployment, urgency| Meaning { phase, deployment, urgency };
        match self {
            Self::Requested | Self::Queued { .. } => row(Phase::Requested, Some(Queued), Progress),
            Self::Provisioning => row(Phase::Provisioning, Some(InProgress), Progress),
            Self::Installing => row(Phase::Installing, Some(InProgress), Progress),
            Self::Starting => row(Phase::Starting, Some(InProgress), Progress),
            Self::WaitingForImage(_) => row(Phase::WaitingForImage, Some(InProgress), Milestone),
            Self::Ready { url, is_expiring, .. } => {
                let phase = if *is_expiring { Phase::Expiring } else { Phase::Ready };
                row(phase, Some(Success { url: url.clone() }), Milestone)
            }
            Self::Stopping { is_slow: false, .. } => row(Phase::TearingDown, None, Progress),
            Self::Stopping { is_slow: true, .. } => row(Phase::TearingDown, None, Milestone),
            Self::Removed { .. } => row(Phase::Removed, Some(Inactive), End),
            Self::Failing { .. } => row(Phase::TearingDown, None, Milestone),
            Self::Failed { .. } => row(Phase::Failed, Some(Failure), End),
        }
    }

    /// How far along it is: the search attribute.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.meaning().phase
    }

    /// What GitHub's own list of deployments says from now on; none where it keeps what it says.
    #[must_use]
    pub fn deployment(&self) -> Option<DeploymentState> {
        self.meaning().deployment
    }

    /// Is it worth a write of its own on the pull request?
    #[must_use]
    pub fn is_milestone(&self) -> bool {
        self.meaning().urgency != Urgency::Progress
    }

    /// Is it over, for good?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.meaning().urgency == Urgency::End
    }

    /// Is it being removed?
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.phase() == Phase::TearingDown
    }

    /// Does it answer?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Explanation {
        Explanation { summary: "No.".to_owned(), log_tail: None }
    }

    fn stopped() -> StopReason {
        StopReason::Asked { by: None }
    }

    #[test]
    fn an_end_is_a_milestone_and_final_for_everybody() {
        for end in [
            PreviewState::Removed { because: stopped() },
            PreviewState::Failed { explanation: failure() },
        ] {
            assert!(end.is_over() && end.is_milestone() && !end.is_ending());
            assert!(end.deployment().is_some_and(|state| state.is_final()), "{end:?}");
        }
    }

    #[test]
    fn a_teardown_changes_no_deployment_and_is_a_milestone_only_where_it_says_why() {
        let stopping = PreviewState::Stopping { because: stopped(), is_slow: false };
        let failing = PreviewState::Failing { explanation: failure() };
        assert!(!stopping.is_milestone() && failing.is_milestone());
        for ending in [stopping, failing] {
            assert!(ending.is_ending() && !ending.is_over());
            assert_eq!((ending.phase(), ending.deployment()), (Phase::TearingDown, None));
        }
    }
}
