//! The looks at GitHub that are under way, side by side.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use futures_util::{FutureExt, future::FusedFuture};

use crate::activities::Sight;

type Look = Pin<Box<dyn Future<Output = Option<Sight>>>>;

/// In the order in which they were begun, so that a replay sees them end in the same order.
#[derive(Default)]
pub(super) struct Lookups(RefCell<Vec<(u64, Look)>>);

impl Lookups {
    pub(super) fn begin(&self, number: u64, look: impl Future<Output = Option<Sight>> + 'static) {
        self.0.borrow_mut().push((number, Box::pin(look)));
    }

    /// Waits until one of them has ended: its number, and what was seen. For ever, if there is none.
    pub(super) fn next_done(&self) -> impl FusedFuture<Output = (u64, Option<Sight>)> {
        poll_fn(|cx| {
            let mut looks = self.0.borrow_mut();
            let mut done = None;
            for (index, (number, look)) in looks.iter_mut().enumerate() {
                if let Poll::Ready(sight) = look.as_mut().poll(cx) {
                    done = Some((index, *number, sight));
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
