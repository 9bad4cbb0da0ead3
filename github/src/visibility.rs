//! Reads whether everybody can see a repository.

use domain::PullRequestRef;
use serde::Deserialize;

use crate::{Error, GitHubApp, Operation};

/// Who can see a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Those who were given access; of an enterprise's internal repository, all of its members.
    Private,
}

#[derive(Deserialize)]
struct Wire {
    private: bool,
}

impl From<Wire> for Visibility {
    fn from(wire: Wire) -> Self {
        if wire.private { Self::Private } else { Self::Public }
    }
}

impl GitHubApp {
    /// Reads who can see the pull request's repository.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) also when the App is
    /// not installed on the repository any more.
    pub async fn visibility(&self, reference: &PullRequestRef) -> Result<Visibility, Error> {
        let repository = &reference.repository;
        let doing = format!("reading repository {repository}");
        let call = self
            .transport()
            .repository_call(doing, Operation::GetRepository, repository, &[]);
        self.send(reference.installation, &call).await?.json()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_internal_repository_is_private() {
        for (json, expected) in [
            (json!({ "private": false, "visibility": "public" }), Visibility::Public),
            (json!({ "private": true, "visibility": "private" }), Visibility::Private),
            (json!({ "private": true, "visibility": "internal" }), Visibility::Private),
        ] {
            let visibility: Visibility = serde_json::from_value(json).expect("a repository");
            assert_eq!(visibility, expected);
        }
    }
}
