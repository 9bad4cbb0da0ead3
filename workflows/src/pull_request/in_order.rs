//! Work that goes on side by side.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use futures_util::{FutureExt, future::FusedFuture};

/// Each piece of work under its key. Polled in the order in which they were begun, so that a replay
/// sees the same end first.
pub(super) struct InOrder<K, T>(RefCell<Vec<Begun<K, T>>>);

struct Begun<K, T> {
    key: K,
    work: Pin<Box<dyn Future<Output = T>>>,
}

impl<K, T> Default for InOrder<K, T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K, T> InOrder<K, T> {
    pub(super) fn begin(&self, key: K, work: impl Future<Output = T> + 'static) {
        self.0.borrow_mut().push(Begun { key, work: Box::pin(work) });
    }

    /// Is any of them under way under such a key?
    pub(super) fn any(&self, is_meant: impl Fn(&K) -> bool) -> bool {
        self.0.borrow().iter().any(|begun| is_meant(&begun.key))
    }

    /// Drops the others.
    pub(super) fn retain(&self, is_kept: impl Fn(&K) -> bool) {
        self.0.borrow_mut().retain(|begun| is_kept(&begun.key));
    }

    /// Waits until one of them has ended: its key, and what came of it. For ever, if there is none.
    pub(super) fn next_done(&self) -> impl FusedFuture<Output = (K, T)> {
        poll_fn(|cx| {
            let mut all = self.0.borrow_mut();
            let done =
                all.iter_mut()
                    .enumerate()
                    .find_map(|(index, begun)| match begun.work.as_mut().poll(cx) {
                        Poll::Ready(outcome) => Some((index, outcome)),
                        Poll::Pending => None,
                    });
            match done {
                Some((index, outcome)) => Poll::Ready((all.remove(index).key, outcome)),
                None => Poll::Pending,
            }
        })
        .fuse()
    }
}
