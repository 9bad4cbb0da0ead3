//! Is this repository served at all? Asked before anything is looked at, written or started in its name, because the webhook is not the only way here:
//! who knows its secret, or may start workflows, could name any repository.

use workflows::vocabulary::{AllowedOwners, Repository};

use crate::fault::{Explanation, Fault, explain};

/// The operators serve others.
#[derive(Debug, thiserror::Error)]
#[error("PREVIEW_ALLOWED_OWNERS names neither {repository} nor its owner")]
pub(crate) struct NotServed {
    repository: Repository,
}

impl Fault for NotServed {
    fn kind(&self) -> &'static str {
        "NotServed"
    }

    fn is_permanent(&self) -> bool {
        true
    }

    fn explanation(&self) -> Explanation {
        explain(format!(
            "This preview service does not serve {}: its operators name whom it serves (PREVIEW_ALLOWED_OWNERS).",
            self.repository
        ))
    }
}

pub(crate) fn assert_served(
    owners: &AllowedOwners,
    repository: &Repository,
) -> Result<(), NotServed> {
    if owners.cover(repository) {
        Ok(())
    } else {
        Err(NotServed {
            repository: repository.clone(),
        })
    }
}
