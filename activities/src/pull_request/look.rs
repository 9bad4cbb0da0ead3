//! What is there to see on GitHub before anything is decided on a pull request?

use std::time::Duration;

use github::{GitHubApp, PullRequestState, RepositoryFile, Role};
use tokio::try_join;
use workflows::{
    activities::{Explanation, Look, Misconfigured, Openness, Sight},
    vocabulary::{Login, PullRequestRef},
};

use crate::{
    fault::{Fault, explain},
    repository_config::{Bounds, FILE, RepositoryConfig, SIZE_MAX, no_file, too_large},
};

/// GitHub did not show it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error(transparent)]
    GitHub(#[from] github::Error),
    #[error("GitHub does not show the pull request: {0}")]
    NotVisible(github::Error),
}

impl Fault for LookError {
    fn kind(&self) -> &'static str {
        match self {
            Self::GitHub(error) => error.label(),
            Self::NotVisible(_) => "NotVisible",
        }
    }

    fn is_permanent(&self) -> bool {
        match self {
            Self::GitHub(error) => !error.is_retryable(),
            Self::NotVisible(_) => true,
        }
    }

    fn explanation(&self) -> Explanation {
        explain(match self {
            Self::GitHub(_) => "GitHub did not answer as it should. Try again later.",
            Self::NotVisible(_) => "GitHub does not show this pull request to the preview service.",
        })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::GitHub(error) => error.retry_after(),
            Self::NotVisible(_) => None,
        }
    }
}

/// The person's role is read beside the pull request, and the configuration as soon as the branch is known that it counts on.
pub(crate) async fn look(
    github: &GitHubApp,
    bounds: &Bounds,
    request: &Look,
) -> Result<Sight, LookError> {
    let reference = &request.pull_request;
    let role = async {
        let role = github.role(reference, request.person.as_str()).await?;
        Ok::<_, LookError>(role)
    };
    let pull_request = async {
        let pull_request = github
            .pull_request(reference)
            .await
            .map_err(|error| match error.is_not_found() {
                true => LookError::NotVisible(error),
                false => error.into(),
            })?;
        let file = github
            .file(reference, &pull_request.base_branch, &[FILE], SIZE_MAX)
            .await?;
        Ok::<_, LookError>((pull_request, file))
    };
    let (role, (pull_request, file)) = try_join!(role, pull_request)?;
    let config = config(file, reference, bounds);
    Ok(Sight {
        head: pull_request.head,
        openness: match pull_request.state {
            PullRequestState::Open => Openness::Open,
            PullRequestState::Closed => Openness::Closed,
            PullRequestState::Merged => Openness::Merged,
        },
        is_locked: pull_request.locked,
        is_from_fork: pull_request.from_fork,
        person_may: may(&role, &request.person, config.as_ref().ok()),
        terms: config.map(|config| config.terms),
    })
}

fn config(
    file: Option<RepositoryFile>,
    reference: &PullRequestRef,
    bounds: &Bounds,
) -> Result<RepositoryConfig, Misconfigured> {
    match file {
        None => Ok(RepositoryConfig::unsaid(bounds)),
        Some(RepositoryFile::Content(content)) => {
            RepositoryConfig::read(&content, &reference.repository, bounds)
        }
        Some(RepositoryFile::TooLarge { .. }) => Err(too_large()),
        Some(RepositoryFile::NoFile) => Err(no_file()),
    }
}

/// Whom a configuration names that cannot be read, nobody knows. Nothing is deployed then; whoever may write may still see why, and stop what runs.
fn may(role: &Role, person: &Login, config: Option<&RepositoryConfig>) -> bool {
    config.map_or(role.may_deploy(), |config| {
        config.who_may.covers(role, person)
    })
}
