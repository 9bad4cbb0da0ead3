//! The lookups at GitHub that are under way, side by side.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use domain::pull_request::PullRequestSnapshot;
use futures_util::{FutureExt, future::FusedFuture};
use temporalio_workflow::WorkflowCancellationToken;

struct Lookup {
    number: u64,
    token: WorkflowCancellationToken,
    ended: Pin<Box<dyn Future<Output = Option<PullRequestSnapshot>>>>,
}

/// In the order in which they were begun, so that a replay sees them end in the same order.
#[derive(Default)]
pub(super) struct Lookups(RefCell<Vec<Lookup>>);

impl Lookups {
    /// `token` cancels it.
    pub(super) fn begin(
        &self,
        number: u64,
        token: WorkflowCancellationToken,
        lookup: impl Future<Output = Option<PullRequestSnapshot>> + 'static,
    ) {
        self.0.borrow_mut().push(Lookup { number, token, ended: Box::pin(lookup) });
    }

    /// Cancels the others.
    pub(super) fn keep(&self, is_awaited: impl Fn(u64) -> bool) {
        self.0.borrow_mut().retain(|lookup| {
            let is_kept = is_awaited(lookup.number);
            if !is_kept {
                lookup.token.cancel();
            }
            is_kept
        });
    }

    /// Waits until one of them has ended: its number, and what was seen. For ever, if there is none.
    pub(super) fn next_done(&self) -> impl FusedFuture<Output = (u64, Option<PullRequestSnapshot>)> {
        poll_fn(|cx| {
            let mut lookups = self.0.borrow_mut();
            let mut done = None;
            for (index, lookup) in lookups.iter_mut().enumerate() {
                if let Poll::Ready(snapshot) = lookup.ended.as_mut().poll(cx) {
                    done = Some((index, lookup.number, snapshot));
                    break;
                }
            }
            match done {
                Some((index, number, snapshot)) => {
                    drop(lookups.remove(index));
                    Poll::Ready((number, snapshot))
                }
                None => Poll::Pending,
            }
        })
        .fuse()
    }
}
