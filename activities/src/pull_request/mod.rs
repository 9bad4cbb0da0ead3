//! The activities of a pull request's workflow, other than to write: thin, so that each one's promise of idempotence can be read in one place.

pub(crate) mod report;

use std::sync::Arc;

use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::activities::{ReportPreview, pull_request_declared};

use crate::fault::give_up;

/// Looks at pull requests, and tells their workflows what they have to know.
pub struct PullRequests;

#[activities]
impl PullRequests {
    /// Twice is harmless: Temporal applies the signal once per report, and the pull request's workflow takes in no report that is not newer than
    /// what it knows of the same run.
    #[activity(definition = pull_request_declared::ReportPreview)]
    pub async fn report_preview(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: ReportPreview,
    ) -> Result<(), ActivityError> {
        // The pull request's workflow lives on the queue that this activity came from.
        let task_queue = &ctx.info().task_queue;
        report::send(&ctx.client(), task_queue, &request)
            .await
            .map_err(give_up)
    }
}
