//! A workflow's own clock, the same on every replay.

use std::time::SystemTime;

use jiff::Timestamp;
use temporalio_workflow::{SyncWorkflowContext, WorkflowContext, WorkflowContextView};

/// What time it is in the workflow's code.
pub(crate) fn now<W>(ctx: &WorkflowContext<W>) -> Timestamp {
    read(ctx.workflow_time())
}

/// The same in a signal's handler.
pub(crate) fn of<W>(ctx: &SyncWorkflowContext<W>) -> Timestamp {
    read(ctx.workflow_time())
}

/// When the run began.
pub(crate) fn started_at(view: &WorkflowContextView) -> Timestamp {
    read(view.start_time())
}

fn read(time: Option<SystemTime>) -> Timestamp {
    time.and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default()
}
