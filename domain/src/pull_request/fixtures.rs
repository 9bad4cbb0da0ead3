//! What the tests of this folder share.

use super::{PullRequestSnapshot, PullRequestState, Terms};
use crate::{RepositoryId, Ttl, preview::PreviewSettings};

/// An open pull request of a branch, seen for somebody who may have previews.
pub(super) fn snapshot() -> PullRequestSnapshot {
    PullRequestSnapshot {
        repository_id: RepositoryId(77),
        head: "a".repeat(40).parse().expect("a commit"),
        branch: Some("greet".to_owned()),
        state: PullRequestState::Open,
        is_locked: false,
        is_from_fork: false,
        is_authorized: true,
        started_in_the_last_hour: 0,
        terms: Ok(Terms {
            ttl: Ttl::DEFAULT,
            max_lifetime: "2h".parse().expect("a duration"),
            redeploy_on_push: false,
            starts_per_hour: 30,
            settings: PreviewSettings::default(),
        }),
    }
}
