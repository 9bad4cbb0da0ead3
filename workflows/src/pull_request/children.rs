//! The runs of previews that were started here, watched until they close.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use domain::PreviewId;
use futures_util::{FutureExt, future::FusedFuture};
use temporalio_common::{WorkflowDefinition, data_converters::TemporalDeserializable};
use temporalio_workflow::StartedChildWorkflow;

/// The runs that are watched. In the order they were started, so that a replay
/// sees them end in the same order.
#[derive(Default)]
pub(super) struct Children(RefCell<Vec<Child>>);

struct Child {
    run: Run,
    closed: Pin<Box<dyn Future<Output = ()>>>,
}

/// One run of a preview's workflow.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) preview: PreviewId,
    pub(super) run_id: String,
}

impl Children {
    /// Watches a run. How it ends is of no interest: it says so itself, as long as it can.
    pub(super) fn watch<W>(&self, preview: PreviewId, child: StartedChildWorkflow<W>)
    where
        W: WorkflowDefinition + 'static,
        W::Output: TemporalDeserializable + 'static,
    {
        let run = Run { preview, run_id: child.run_id.clone() };
        let result = child.result();
        let closed = Box::pin(async move {
            let _ = result.await;
        });
        self.0.borrow_mut().push(Child { run, closed });
    }

    /// Waits until a watched run is closed, however it ended. For ever, if none is watched.
    pub(super) fn next_closed(&self) -> impl FusedFuture<Output = Run> {
        poll_fn(|cx| {
            let mut children = self.0.borrow_mut();
            let closed = children.iter_mut().position(|child| child.closed.as_mut().poll(cx).is_ready());
            match closed {
                Some(index) => Poll::Ready(children.remove(index).run),
                None => Poll::Pending,
            }
        })
        .fuse()
    }
}
