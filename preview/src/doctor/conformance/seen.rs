//! What a preview's workflow says of itself.

use std::time::Duration;

use domain::preview::PreviewReport;
use temporalio_client::{Client, WorkflowDescribeOptions, WorkflowHandle};
use workflows::PreviewWorkflow;

use crate::{find::Wanted, query};

/// For one answer. Without a worker there is none.
const ANSWER: Duration = Duration::from_secs(5);

/// None if there is no such preview, or nobody answers for it.
pub(super) async fn report(handle: &WorkflowHandle<Client, PreviewWorkflow>) -> Option<PreviewReport> {
    handle.query(PreviewWorkflow::report, (), query::within(ANSWER)).await.ok()?
}

/// The newest run of a preview.
pub(super) struct Run {
    pub(super) id: String,
    /// It has not ended.
    pub(super) is_open: bool,
}

/// None if Temporal knows of none.
pub(super) async fn newest_run(handle: &WorkflowHandle<Client, PreviewWorkflow>) -> Option<Run> {
    let described = handle.describe(WorkflowDescribeOptions::default()).await.ok()?;
    Some(Run {
        id: described.run_id().to_owned(),
        is_open: Wanted::Open.is(described.status()),
    })
}
