//! Fetches what decisions on a pull request need: its state, a person's role, the configuration.

use domain::{
    Login, PullRequestRef, Repository,
    pull_request::{InvalidConfiguration, PullRequestSnapshot},
};
use github::{GitHubApp, PullRequest, RepositoryFile, Role};
use jiff::{SignedDuration, Timestamp};
use temporalio_client::Client as Temporal;
use tokio::try_join;
use workflows::contract::FetchPullRequest;

use crate::{
    failure::{ActivityFailure, Failure, explain},
    repository_config::{Bounds, FILE, Mistake, RepositoryConfig, SIZE_MAX, no_file, too_large},
    temporal::{TemporalError, count_started},
};

/// It could not be seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    GitHub(#[from] github::Error),
    #[error(transparent)]
    Temporal(#[from] TemporalError),
}

impl ActivityFailure for FetchError {
    /// Never permanent: somebody waits for an answer. GitHub shows a moment later what a webhook told of,
    /// keys are rotated, permissions are granted, repositories come back.
    fn failure(&self) -> Failure {
        match self {
            Self::GitHub(error) => {
                let explanation = explain("GitHub did not answer as it should. Try again later.");
                Failure::of_github(error, false, explanation)
            }
            Self::Temporal(error) => error.failure(),
        }
    }
}

/// The person's role is read beside the pull request, and the configuration as soon as the
/// branches are known that it may count on.
///
/// The default branch decides: whoever opens a pull request chooses its base, and
/// could bring rules of their own along with it.
pub(crate) async fn fetch(
    github: &GitHubApp,
    temporal: &Temporal,
    task_queue: &str,
    bounds: &Bounds,
    request: &FetchPullRequest,
) -> Result<PullRequestSnapshot, FetchError> {
    let reference = &request.pull_request;
    let role = async {
        let Some(person) = &request.person else {
            return Ok(None);
        };
        let role = github.role(reference, person.as_str()).await?;
        Ok::<_, FetchError>(Some((person, role)))
    };
    let pull_request = async {
        let pull_request = github.pull_request(reference).await?;
        let config = deciding_config(github, bounds, reference, &pull_request).await?;
        Ok((pull_request, config))
    };
    let started = async {
        let Some(person) = &request.person else {
            return Ok(0);
        };
        let since = Timestamp::now() - SignedDuration::from_hours(1);
        Ok::<_, FetchError>(count_started(temporal, task_queue, person, since).await?)
    };
    let (role, (pull_request, config), started) = try_join!(role, pull_request, started)?;
    Ok(PullRequestSnapshot {
        repository_id: pull_request.repository,
        head: pull_request.head,
        branch: Some(pull_request.branch),
        state: pull_request.state,
        is_locked: pull_request.locked,
        is_from_fork: pull_request.from_fork,
        started_in_the_last_hour: started,
        is_authorized: role.is_some_and(|(person, role)| may(&role, person, config.as_ref().ok())),
        terms: config.map(|config| config.terms),
    })
}

async fn deciding_config(
    github: &GitHubApp,
    bounds: &Bounds,
    reference: &PullRequestRef,
    pull_request: &PullRequest,
) -> Result<Result<RepositoryConfig, InvalidConfiguration>, github::Error> {
    let repository = &reference.repository;
    let default = &pull_request.default_branch;
    let file = github.file(reference, default, &[FILE], SIZE_MAX).await?;
    let decided = match file {
        None => Ok(RepositoryConfig::unsaid(bounds)),
        Some(file) => config(file, default, repository, bounds),
    };
    let Some(listed) = listed_base(&decided, pull_request) else {
        return Ok(decided);
    };
    let file = github.file(reference, listed, &[FILE], SIZE_MAX).await?;
    // A listed branch without a file has nothing to say of its own.
    Ok(file.map_or(decided, |file| config(file, listed, repository, bounds)))
}

/// The branch that the pull request is for, if the default branch lets it decide.
fn listed_base<'a>(
    decided: &Result<RepositoryConfig, InvalidConfiguration>,
    pull_request: &'a PullRequest,
) -> Option<&'a str> {
    let base = pull_request.base_branch.as_str();
    let is_listed = base != pull_request.default_branch
        && decided.as_ref().is_ok_and(|config| config.branches.list(base));
    is_listed.then_some(base)
}

fn config(
    file: RepositoryFile,
    branch: &str,
    repository: &Repository,
    bounds: &Bounds,
) -> Result<RepositoryConfig, InvalidConfiguration> {
    let read = match file {
        RepositoryFile::Content(content) => RepositoryConfig::read(&content, repository, bounds),
        RepositoryFile::TooLarge { .. } => Err(too_large()),
        RepositoryFile::NoFile => Err(no_file()),
    };
    read.map_err(|Mistake { line, reason }| InvalidConfiguration {
        file: FILE.to_owned(),
        branch: branch.to_owned(),
        line,
        reason,
    })
}

/// Whom a configuration names that cannot be read, nobody knows. Nothing is deployed then; whoever may
/// write may still see why, and stop what runs.
fn may(role: &Role, person: &Login, config: Option<&RepositoryConfig>) -> bool {
    config.map_or(role.may_deploy(), |config| config.who_may.covers(role, person))
}

#[cfg(test)]
mod tests {
    use domain::{RepositoryId, Ttl, preview::Capacity, pull_request::PullRequestState};

    use super::*;
    use crate::{Charts, Destinations, Images};

    fn config_of(file: RepositoryFile) -> Result<RepositoryConfig, InvalidConfiguration> {
        let repository = "octo-org/hello-world".parse().expect("a repository");
        config(file, "main", &repository, &bounds())
    }

    fn bounds() -> Bounds {
        Bounds {
            ttl: Ttl::DEFAULT,
            max_lifetime: Ttl::DEFAULT_MAXIMUM,
            charts: Charts::new("charts/hello-world-app", None, vec![]).expect("charts"),
            images: Images::new("{repo}:{commit}".parse().expect("a template"), vec![]),
            deployments: false,
            capacity: Capacity { in_all: 9, per_owner: 9, per_repository: 9, per_person: 9 },
            starts_per_hour: 30,
            quota_max: "pods=10,cpu=4,memory=4Gi,storage=10Gi".parse().expect("a quota"),
            destinations: Destinations::default(),
            readiness_timeout: "30m".parse().expect("a duration"),
        }
    }

    fn pull_request_into(base: &str) -> PullRequest {
        PullRequest {
            repository: RepositoryId(77),
            head: "0123456789abcdef0123456789abcdef01234567".parse().expect("a commit"),
            branch: "greet".to_owned(),
            from_fork: false,
            base_branch: base.to_owned(),
            default_branch: "main".to_owned(),
            state: PullRequestState::Open,
            locked: false,
        }
    }

    fn content(text: &str) -> RepositoryFile {
        RepositoryFile::Content(text.into())
    }

    #[test]
    fn only_a_branch_that_the_default_branch_lists_decides_for_itself() {
        let listing = config_of(content("branches: [release-1.x, main]"));
        for (base, decides) in
            [("release-1.x", true), ("release-1.x-lax", false), ("lax", false), ("main", false)]
        {
            let pull_request = pull_request_into(base);
            let listed = listed_base(&listing, &pull_request);
            assert_eq!(listed, Some(base).filter(|_| decides), "{base}");
        }
        let pull_request = pull_request_into("release-1.x");
        for silent in [
            Ok(RepositoryConfig::unsaid(&bounds())),
            config_of(content("ttl: 1h")),
            // What cannot be read lists nothing, and nothing is deployed by any other rules.
            config_of(content("branches: [release-1.x]\nttl: soon")),
        ] {
            assert_eq!(listed_base(&silent, &pull_request), None, "{silent:?}");
        }
    }

    #[test]
    fn only_a_file_is_a_configuration() {
        assert_eq!(config_of(content("")), Ok(RepositoryConfig::unsaid(&bounds())));
        let terms = config_of(content("ttl: 1h")).expect("a configuration").terms;
        assert_eq!(terms.ttl.to_string(), "1h");
        for (file, reason) in [
            (RepositoryFile::NoFile, "this is no file"),
            (RepositoryFile::TooLarge { size: 70_000 }, "the file is larger than 64 KiB"),
        ] {
            let problem = config_of(file).expect_err(reason);
            assert_eq!((problem.line, problem.reason.as_str()), (None, reason));
        }
    }

    #[test]
    fn a_configuration_that_cannot_be_read_takes_nobodys_rights_away_and_gives_none() {
        let mona = "mona".parse().expect("a login");
        let admins = config_of(content("who_may: [admin]"));
        assert!(!may(&Role::Write, &mona, admins.as_ref().ok()));
        assert!(may(&Role::Admin, &mona, admins.as_ref().ok()));
        assert!(may(&Role::Write, &mona, None));
        assert!(!may(&Role::Read, &mona, None));
    }
}
