//! What time is it, for a workflow?

use jiff::Timestamp;
use temporalio_workflow::WorkflowContext;

/// The workflow's own clock, the same on every replay.
pub(crate) fn now<W>(ctx: &WorkflowContext<W>) -> Timestamp {
    ctx.workflow_time()
        .and_then(|time| Timestamp::try_from(time).ok())
        .unwrap_or_default()
}
