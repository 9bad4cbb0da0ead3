//! What the tests of this folder look at.

use crate::{
    activities::{Openness, Sight, Terms},
    vocabulary::{PreviewSettings, RepositoryId, Ttl},
};

/// An open pull request of a branch, seen for somebody who may have previews.
pub(super) fn sight() -> Sight {
    Sight {
        repository_id: RepositoryId(77),
        head: "a".repeat(40).parse().expect("a commit"),
        openness: Openness::Open,
        is_locked: false,
        is_from_fork: false,
        person_may: true,
        terms: Ok(Terms {
            ttl: Ttl::DEFAULT,
            max_lifetime: "2h".parse().expect("a duration"),
            redeploy_on_push: false,
            settings: PreviewSettings::default(),
        }),
    }
}
