//! The looks at GitHub that are under way, side by side.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use futures_util::{FutureExt, future::FusedFuture};
use temporalio_workflow::WorkflowCancellationToken;

use crate::activities::Sight;

struct Look {
    number: u64,
    token: WorkflowCancellationToken,
    ended: Pin<Box<dyn Future<Output = Option<Sight>>>>,
}

/// In the order in which they were begun, so that a replay sees them end in the same order.
#[derive(Default)]
pub(super) struct Lookups(RefCell<Vec<Look>>);

impl Lookups {
    /// `token` cancels it.
    pub(super) fn begin(
        &self,
        number: u64,
        token: WorkflowCancellationToken,
        look: impl Future<Output = Option<Sight>> + 'static,
    ) {
        self.0.borrow_mut().push(Look {
            number,
            token,
            ended: Box::pin(look),
        });
    }

    /// Cancels the others.
    pub(super) fn keep(&self, is_awaited: impl Fn(u64) -> bool) {
        self.0.borrow_mut().retain(|look| {
            let is_kept = is_awaited(look.number);
            if !is_kept {
                look.token.cancel();
            }
            is_kept
        });
    }

    /// Waits until one of them has ended: its number, and what was seen. For ever, if there is none.
    pub(super) fn next_done(&self) -> impl FusedFuture<Output = (u64, Option<Sight>)> {
        poll_fn(|cx| {
            let mut looks = self.0.borrow_mut();
            let mut done = None;
            for (index, look) in looks.iter_mut().enumerate() {
                if let Poll::Ready(sight) = look.ended.as_mut().poll(cx) {
                    done = Some((index, look.number, sight));
                    break;
                }
            }
            match done {
                Some((index, number, sight)) => {
                    drop(looks.remove(index));
                    Poll::Ready((number, sight))
                }
                None => Poll::Pending,
            }
        })
        .fuse()
    }
}
