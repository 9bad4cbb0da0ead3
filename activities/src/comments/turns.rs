//! How is a pull request written to by one attempt at a time?

use std::{
    array,
    hash::{DefaultHasher, Hash, Hasher},
};

use tokio::sync::{Mutex, MutexGuard};
use workflows::vocabulary::PullRequestRef;

/// Looking for a comment and writing it are two calls. Two attempts on one pull request that did this at the same time would make two comments.
/// More locks than writes at once; that two pull requests may share one costs a moment, not correctness.
pub(super) struct Turns([Mutex<()>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    pub(super) async fn take(&self, pull_request: &PullRequestRef) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        pull_request.to_string().hash(&mut hasher);
        let index = hasher.finish() % self.0.len() as u64;
        self.0[usize::try_from(index).expect("less than the number of locks")]
            .lock()
            .await
    }
}
