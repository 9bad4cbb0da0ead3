//! What every part of a running stand-in shares: its state, and who is told when it changes.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::HeaderMap;
use jiff::SignedDuration;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{
    clock::Clock,
    deliveries::Courier,
    description::Violation,
    fault::{Fault, PlannedFault},
    limits::Meter,
    model::State,
    wire::{Urls, Wire},
};

/// A commit that a branch of a pull request now points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Owner of the repository that the pull request is in (also for a pull request from a fork).
    pub owner: String,
    /// Name of that repository.
    pub repo: String,
    /// The pull request.
    pub number: u64,
    /// The commit, 40 hexadecimal digits.
    pub sha: String,
    /// The bare git repository that holds it.
    pub git_dir: PathBuf,
}

/// What came in over REST so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Requests by operation (`issues/create-comment`).
    pub requests: BTreeMap<String, u64>,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// Requests that created or edited content, successfully, by installation.
    pub content_writes: BTreeMap<u64, u64>,
    /// Access tokens handed out, by installation.
    pub tokens_minted: BTreeMap<u64, u64>,
    /// Requests refused because a limit was hit.
    pub rate_limited: u64,
}

impl Traffic {
    /// Requests of one operation.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.requests.get(operation).copied().unwrap_or(0)
    }

    /// Answers with a status from 400 to 499.
    #[must_use]
    pub fn client_errors(&self) -> u64 {
        self.answers.range(400..500).map(|(_, count)| count).sum()
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// GitHub's name for what was asked (`issues/create-comment`).
    pub operation: String,
    /// Its headers, credentials included.
    pub headers: HeaderMap,
    /// Its body; empty if it had none, or one that was too large.
    pub body: Vec<u8>,
}

/// How many requests are kept to be looked at.
const REQUESTS_KEPT: usize = 100;

/// Who pays for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    Anybody,
    /// By its number.
    App(u64),
    Installation(u64),
}

/// Everything.
pub(crate) struct Shared {
    pub(crate) urls: Urls,
    pub(crate) clock: Clock,
    pub(crate) courier: Arc<Courier>,
    pub(crate) pushes: broadcast::Sender<Push>,
    /// Where the bare repositories are kept.
    pub(crate) repositories: PathBuf,
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) violations: Arc<Mutex<Vec<Violation>>>,
    pub(crate) meters: Mutex<HashMap<Payer, Meter>>,
    pub(crate) traffic: Mutex<Traffic>,
    pub(crate) state: Mutex<State>,
    /// By operation.
    pub(crate) faults: Mutex<HashMap<String, PlannedFault>>,
    /// The newest requests, oldest first.
    pub(crate) requests: Mutex<VecDeque<ReceivedRequest>>,
    /// How long the tokens made from now on are good for.
    pub(crate) token_life: Mutex<SignedDuration>,
    /// Cancelled when the stand-in is to stop.
    pub(crate) stop: CancellationToken,
}

impl Shared {
    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Wire<'_>) -> T) -> T {
        let state = lock(&self.state);
        look(&Wire { state: &state, urls: &self.urls })
    }

    /// Changes the state; watchers are told.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut lock(&self.state));
        self.changed.send_modify(|version| *version += 1);
        result
    }

    /// What is to happen instead of the next request of this operation, if a test wanted something.
    pub(crate) fn fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let planned = faults.get_mut(operation).filter(|planned| planned.times > 0)?;
        planned.times -= 1;
        Some(planned.fault.clone())
    }

    /// Counts a request and keeps it to be looked at.
    pub(crate) fn received(&self, request: ReceivedRequest) {
        *lock(&self.traffic).requests.entry(request.operation.clone()).or_default() += 1;
        let mut requests = lock(&self.requests);
        if requests.len() == REQUESTS_KEPT {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    pub(crate) fn record(&self, violations: Vec<Violation>) {
        for violation in &violations {
            tracing::error!(%violation, "departs from GitHub's description");
        }
        lock(&self.violations).extend(violations);
    }
}

/// A panic elsewhere (a failed assertion in a test) must not hide behind a poisoned lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
