//! Questions to workflows, which nobody answers where no worker runs.

use std::time::Duration;

use temporalio_client::{RpcOptions, WorkflowQueryOptions};

/// The answer is waited for this long.
pub(crate) fn within(patience: Duration) -> WorkflowQueryOptions {
    WorkflowQueryOptions::builder()
        .rpc_options(RpcOptions::builder().timeout(patience).build())
        .build()
}
