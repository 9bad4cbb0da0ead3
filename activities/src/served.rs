//! Checks that a repository is served at all, before anything is read, written or started in its name: the
//! webhook is not the only way here. Who knows its secret, or may start workflows, could name any repository.

use domain::{AllowedOwners, Repository};
use temporalio_sdk::activities::ActivityError;

use crate::failure::{ActivityFailure, Failure, explain, into_activity_error};

/// The operators serve others.
#[derive(Debug, thiserror::Error)]
#[error("PREVIEW_ALLOWED_OWNERS names neither {repository} nor its owner")]
struct NotServed {
    repository: Repository,
}

impl ActivityFailure for NotServed {
    fn failure(&self) -> Failure {
        Failure::permanent(
            "NotServed",
            explain(format!(
                "This preview service does not serve {}: its operators name whom it serves (PREVIEW_ALLOWED_OWNERS).",
                self.repository
            )),
        )
    }
}

pub(crate) fn assert_served(owners: &AllowedOwners, repository: &Repository) -> Result<(), ActivityError> {
    if owners.cover(repository) {
        Ok(())
    } else {
        Err(into_activity_error(NotServed { repository: repository.clone() }))
    }
}
