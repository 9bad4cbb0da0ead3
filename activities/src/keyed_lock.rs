//! A lock for each pull request, so that one attempt at a time writes to it.

use std::{
    array,
    hash::{DefaultHasher, Hash, Hasher},
};

use domain::PullRequestRef;
use tokio::sync::{Mutex, MutexGuard};

/// Looking for a comment and writing it are two calls. Two attempts on one pull request that did this at
/// the same time would make two comments. More locks than writes at once; that two pull requests may
/// share one costs a moment, not correctness.
pub(crate) struct KeyedLock([Mutex<()>; 64]);

impl Default for KeyedLock {
    fn default() -> Self {
        Self(array::from_fn(|_| Mutex::new(())))
    }
}

impl KeyedLock {
    pub(crate) async fn lock(&self, pull_request: &PullRequestRef) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        pull_request.to_string().hash(&mut hasher);
        let index = hasher.finish() % self.0.len() as u64;
        self.0[usize::try_from(index).expect("less than the number of locks")]
            .lock()
            .await
    }
}
