//! An image that a preview cannot be without.

use serde::{Deserialize, Serialize};

/// An image that the cluster does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingImage {
    /// Its name.
    pub image: String,
    /// Why the cluster does not get it.
    #[serde(default)]
    pub because: PullProblem,
}

/// Why an image cannot be pulled. Each may pass, and is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullProblem {
    /// The registry does not have it (yet).
    #[default]
    NotFound,
    /// The registry does not let the cluster pull it. Many say so of what they do not have, too.
    NotAllowed,
    /// The registry takes no more requests for now.
    RateLimited,
    /// The registry does not answer, or not as it should.
    NoAnswer,
}
