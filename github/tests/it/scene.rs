//! A GitHub with one pull request, and the client that is tried on it.

use std::sync::Arc;

use domain::{InstallationId, PullRequestNumber, PullRequestRef};
use github::{AppConfig, GitHubApp, Observer};
use github_stand_in::{Options, PullRequest, Repository, StandIn, User};

/// Who owns the repository.
const OWNER: &str = "octo-org";

/// A repository of the stand-in, with one pull request.
pub(crate) struct Scene {
    pub(crate) github: StandIn,
    pub(crate) repository: Repository,
    pub(crate) pull: PullRequest,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let github = StandIn::start(Options::default()).await.expect("a stand-in");
        let repository = github.repository(OWNER, "hello").await.expect("a repository");
        let pull = repository
            .open_pull_request(&User::writer(), "Greet in Spanish", [("content.json", "{}")])
            .await
            .expect("a pull request");
        Self { github, repository, pull }
    }

    /// A client that has no token yet.
    pub(crate) fn app(&self) -> GitHubApp {
        GitHubApp::new(&self.config()).expect("a client")
    }

    /// The same; `observer` is told of each exchange.
    pub(crate) fn observed_app(&self, observer: Arc<dyn Observer>) -> GitHubApp {
        GitHubApp::observed(&self.config(), observer).expect("a client")
    }

    pub(crate) fn config(&self) -> AppConfig {
        AppConfig {
            api_url: self.github.api_url(),
            app_id: self.github.app_id(),
            private_key: self.github.private_key_pem().into(),
            deployments: false,
        }
    }

    pub(crate) fn installation(&self) -> InstallationId {
        InstallationId(self.github.installation_id(OWNER).expect("it is installed"))
    }

    /// The pull request, as the client names it.
    pub(crate) fn reference(&self) -> PullRequestRef {
        PullRequestRef {
            installation: self.installation(),
            repository: self.repository.full_name().parse().expect("a repository"),
            number: PullRequestNumber::new(self.pull.number()).expect("a number"),
        }
    }

    pub(crate) fn tokens_minted(&self) -> u64 {
        self.github.traffic().tokens_minted.values().sum()
    }
}

impl Drop for Scene {
    /// Whatever the test is about, nothing that the client sends departs from GitHub's description.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.github.violations(), []);
        }
    }
}
