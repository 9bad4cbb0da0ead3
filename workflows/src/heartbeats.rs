//! Heartbeats that are as rare as a worker is configured to send them.
//!
//! Workflows ask for [`HEARTBEAT_TIMEOUT`](crate::contract::timeouts::HEARTBEAT_TIMEOUT). What a worker asks
//! Temporal for in its place is no decision of the workflow: a replay compares an activity's ID and type, so
//! a history goes on under any worker. The tests replay all recorded ones under another heartbeat.

use temporalio_workflow::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ScheduleActivityInput, ScheduleActivityResult, WorkflowInterceptor,
    WorkflowInterceptorConstructor, WorkflowInterceptorContext, WorkflowNext,
};

use crate::contract::timeouts::Heartbeat;

/// Gives activities that have heartbeats the timeout of `heartbeat`.
#[must_use]
pub fn stretch_heartbeats(heartbeat: Heartbeat) -> WorkflowInterceptorConstructor {
    WorkflowInterceptorConstructor::new(move |_| Stretched(heartbeat))
}

struct Stretched(Heartbeat);

impl WorkflowInterceptor for Stretched {
    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        if let Some(timeout) = &mut input.options_mut().heartbeat_timeout {
            *timeout = self.0.timeout();
        }
        next.run(input)
    }
}
