//! What is there to see on GitHub before anything is decided on a pull request?

use std::time::Duration;

use github::{GitHubApp, PullRequestState, RepositoryFile, Role};
use tokio::try_join;
use workflows::{
    activities::{Look, Misconfigured, Openness, Sight},
    vocabulary::{Login, PullRequestRef},
};

use crate::{
    fault::{Explanation, Fault, explain},
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

impl LookError {
    fn of_the_pull_request(error: github::Error) -> Self {
        if error.is_not_found() {
            Self::NotVisible(error)
        } else {
            Self::GitHub(error)
        }
    }
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
        let login = request.person.as_str();
        Ok::<_, LookError>(github.role(reference, login).await?)
    };
    let pull_request = async {
        let pull_request = github
            .pull_request(reference)
            .await
            .map_err(LookError::of_the_pull_request)?;
        let file = github
            .file(reference, &pull_request.base_branch, &[FILE], SIZE_MAX)
            .await?;
        Ok((pull_request, file))
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

#[cfg(test)]
mod tests {
    use workflows::vocabulary::{InstallationId, PullRequestNumber, Ttl};

    use super::*;
    use crate::{Charts, Images};

    fn config_of(file: Option<RepositoryFile>) -> Result<RepositoryConfig, Misconfigured> {
        let bounds = Bounds {
            ttl: Ttl::DEFAULT,
            max_lifetime: Ttl::DEFAULT_MAXIMUM,
            charts: Charts::new("charts/hello-world-app", None, vec![]).expect("charts"),
            images: Images::new("{repo}:{commit}".parse().expect("a template"), vec![]),
            deployments: false,
        };
        let reference = PullRequestRef {
            installation: InstallationId(5),
            repository: "octo-org/hello-world".parse().expect("a repository"),
            number: PullRequestNumber::new(12).expect("a number"),
        };
        config(file, &reference, &bounds)
    }

    #[test]
    fn only_a_file_is_a_configuration() {
        let content = |text: &str| Some(RepositoryFile::Content(text.into()));
        let nothing_said = config_of(None).expect("no file is fine");
        assert_eq!(config_of(content("")), Ok(nothing_said));
        let terms = config_of(content("ttl: 1h"))
            .expect("a configuration")
            .terms;
        assert_eq!(terms.ttl.to_string(), "1h");
        for (file, reason) in [
            (RepositoryFile::NoFile, "this is no file"),
            (
                RepositoryFile::TooLarge { size: 70_000 },
                "the file is larger than 64 KiB",
            ),
        ] {
            let problem = config_of(Some(file)).expect_err(reason);
            assert_eq!((problem.line, problem.reason.as_str()), (None, reason));
        }
    }

    #[test]
    fn a_configuration_that_cannot_be_read_takes_nobodys_rights_away_and_gives_none() {
        let mona = "mona".parse().expect("a login");
        let admins = config_of(Some(RepositoryFile::Content(b"who_may: [admin]".into())));
        assert!(!may(&Role::Write, &mona, admins.as_ref().ok()));
        assert!(may(&Role::Admin, &mona, admins.as_ref().ok()));
        assert!(may(&Role::Write, &mona, None));
        assert!(!may(&Role::Read, &mona, None));
    }
}
