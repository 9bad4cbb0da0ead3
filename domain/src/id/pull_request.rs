//! A pull request, and how it is reached.

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::{InstallationId, Repository};

/// A pull request's number within its repository. GitHub counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PullRequestNumber(NonZeroU32);

impl PullRequestNumber {
    /// `None` for 0 and for numbers beyond 32 bits, which GitHub never gives out.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        u32::try_from(number).ok().and_then(NonZeroU32::new).map(Self)
    }

    /// The plain number.
    #[must_use]
    pub fn get(self) -> u64 {
        u64::from(self.0.get())
    }
}

impl fmt::Display for PullRequestNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<PullRequestNumber> for i64 {
    fn from(number: PullRequestNumber) -> Self {
        Self::from(number.0.get())
    }
}

/// A pull request, and the installation through which we may speak on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestRef {
    /// Whose access token opens the repository.
    pub installation: InstallationId,
    /// The repository that received the pull request.
    pub repository: Repository,
    /// Its number.
    pub number: PullRequestNumber,
}

impl fmt::Display for PullRequestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repository, self.number)
    }
}
