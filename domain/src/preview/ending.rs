//! How a preview ends.

use serde::{Deserialize, Serialize};

use super::{PreviewState, StopReason};
use crate::Explanation;

/// Why a preview is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It was there, or was to be, and somebody or its time ended it.
    Stopped(StopReason),
    /// It could not be deployed.
    Failed(Explanation),
}

impl Ending {
    /// While what was made is being removed.
    #[must_use]
    pub fn state_meanwhile(&self) -> PreviewState {
        match self.clone() {
            Self::Stopped(because) => PreviewState::Stopping { because, is_slow: false },
            Self::Failed(explanation) => PreviewState::Failing { explanation },
        }
    }

    /// While that takes longer than usual.
    #[must_use]
    pub fn state_if_slow(&self) -> PreviewState {
        match self.clone() {
            Self::Stopped(because) => PreviewState::Stopping { because, is_slow: true },
            // It was told at once.
            Self::Failed(explanation) => PreviewState::Failing { explanation },
        }
    }

    /// Once everything is gone.
    #[must_use]
    pub fn last_state(&self) -> PreviewState {
        match self.clone() {
            Self::Stopped(because) => PreviewState::Removed { because },
            Self::Failed(explanation) => PreviewState::Failed { explanation },
        }
    }
}
