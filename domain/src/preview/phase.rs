//! How far along a preview is: the value of the search attribute `PreviewPhase`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stages of a preview's life, in the order they normally come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Accepted; nothing was touched yet.
    Requested,
    /// The namespace and its guards are being made.
    Provisioning,
    /// Helm is installing the chart.
    Installing,
    /// The workloads are coming up.
    Starting,
    /// The commit's image does not exist yet; waiting for whoever builds it.
    WaitingForImage,
    /// The URL answers.
    Ready,
    /// The URL answers, but not for much longer.
    Expiring,
    /// The release and the namespace are being removed.
    TearingDown,
    /// Everything is gone.
    Removed,
    /// The preview could not be deployed; what was made is gone.
    Failed,
}

impl Phase {
    /// Those of a preview that is open.
    pub const OPEN: [Self; 8] = [
        Self::Requested,
        Self::Provisioning,
        Self::Installing,
        Self::Starting,
        Self::WaitingForImage,
        Self::Ready,
        Self::Expiring,
        Self::TearingDown,
    ];

    /// The text that Temporal's search attribute carries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "Requested",
            Self::Provisioning => "Provisioning",
            Self::Installing => "Installing",
            Self::Starting => "Starting",
            Self::WaitingForImage => "WaitingForImage",
            Self::Ready => "Ready",
            Self::Expiring => "Expiring",
            Self::TearingDown => "TearingDown",
            Self::Removed => "Removed",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
