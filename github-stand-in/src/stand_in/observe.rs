//! What a test sees: traffic, deliveries, violations, and the moment at which something happens.

use std::time::Duration;

use tokio::sync::broadcast;

use super::StandIn;
use crate::{
    PullRequest,
    actions::Place,
    deliveries::Delivery,
    description::Violation,
    shared::{Push, ReceivedRequest, Traffic, lock},
};

/// That something did not happen in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {deadline:?} for {what}, in vain. {seen}")]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub deadline: Duration,
    /// What there was instead.
    pub seen: String,
}

impl StandIn {
    /// Where requests, answers or deliveries departed from GitHub's description. Empty in every good test.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        lock(&self.shared.violations).clone()
    }

    /// What came in over REST so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        lock(&self.shared.traffic).clone()
    }

    /// The newest requests of described operations, a hundred at most, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.shared.requests).iter().cloned().collect()
    }

    /// Every delivery so far, oldest first, attempts under way included.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.courier.all()
    }

    /// Waits until the last attempt with this GUID has ended.
    ///
    /// # Errors
    /// When it has not by the deadline.
    pub async fn wait_for_delivery(&self, guid: &str, deadline: Duration) -> Result<Delivery, TimedOut> {
        self.wait_for(&format!("the outcome of delivery {guid}"), deadline, || {
            self.deliveries()
                .into_iter()
                .rev()
                .find(|delivery| delivery.guid == guid)
                .filter(|delivery| delivery.outcome.is_some())
        })
        .await
        .map_err(|timed_out| TimedOut {
            seen: format!("There are {} deliveries.", self.deliveries().len()),
            ..timed_out
        })
    }

    /// Every pull request and issue, in the order of repositories and numbers.
    #[must_use]
    pub fn conversations(&self) -> Vec<PullRequest> {
        let places: Vec<Place> = self.shared.read(|wire| {
            let repositories = wire.state.repositories().filter(|one| !one.fork);
            let places = repositories.flat_map(|repository| {
                repository.issues.keys().map(|number| Place {
                    owner: repository.owner.clone(),
                    repo: repository.name.clone(),
                    number: *number,
                })
            });
            places.collect()
        });
        places.into_iter().map(|place| PullRequest::new(self.clone(), place)).collect()
    }

    /// Tells of every commit that a pull request gets from now on.
    #[must_use]
    pub fn subscribe_pushes(&self) -> broadcast::Receiver<Push> {
        self.shared.pushes.subscribe()
    }

    /// The head of every open pull request, as if just pushed.
    #[must_use]
    pub fn open_heads(&self) -> Vec<Push> {
        self.shared.read(|wire| {
            let repositories = wire.state.repositories();
            let heads = repositories.flat_map(|repository| {
                repository
                    .pulls()
                    .filter(|(issue, _)| issue.is_open())
                    .map(move |pull| (repository, pull))
            });
            heads
                .map(|(repository, (issue, pull))| Push {
                    owner: repository.owner.clone(),
                    repo: repository.name.clone(),
                    number: issue.number,
                    sha: pull.head_sha().to_owned(),
                    git_dir: repository.git.folder().to_owned(),
                })
                .collect()
        })
    }

    /// Waits until `check` finds something; it is asked again after every change of state.
    ///
    /// # Errors
    /// When it has found nothing by the deadline.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut check: impl FnMut() -> Option<T>,
    ) -> Result<T, TimedOut> {
        let mut changes = self.shared.changed.subscribe();
        let found = tokio::time::timeout(deadline, async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = check() {
                    return found;
                }
                // The sender lives in `self.shared`, so this only ends with a change.
                let _ = changes.changed().await;
            }
        });
        found
            .await
            .map_err(|_| TimedOut { what: what.to_owned(), deadline, seen: String::new() })
    }
}
