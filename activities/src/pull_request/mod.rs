//! The activities of a pull request's workflow, other than to write: thin, so that each one's promise
//! of idempotence can be read in one place.
#![allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]

mod fetch;
mod find;
pub(crate) mod report;

use std::sync::Arc;

use domain::{
    AllowedOwners,
    preview::{Answering, PreviewReport},
    pull_request::PullRequestSnapshot,
};
use github::GitHubApp;
use temporalio_client::Client;
use temporalio_sdk::activities::{ActivityContext, ActivityError, activities};
use workflows::contract::{
    FetchPullRequest, FindPreviews, FoundPreviews, PointStableUrl, ReportPreview, pull_request_declared,
};

use self::fetch::FetchError;
pub use self::find::ending_of;
use crate::{
    Cluster, Lifecycle, ReadinessConfig,
    failure::into_activity_error,
    github_failures::{Asked, GitHubFailures},
    measured::how_it_ended,
    repository_config::Bounds,
    served::assert_served,
    stable_url,
    temporal::TemporalError,
    time_left::{time_left, within},
};

/// Looks at pull requests, points their stable URLs, and tells their workflows what they have to know.
pub struct PullRequests {
    /// Where previews run.
    pub cluster: Cluster,
    /// Where the pull requests are.
    pub github: GitHubApp,
    /// Whose they may be.
    pub owners: AllowedOwners,
    /// How their stable URLs are asked.
    pub readiness: ReadinessConfig,
    /// Within which repositories decide about their previews.
    pub bounds: Bounds,
    /// How often GitHub did not show what was asked for.
    pub github_failures: GitHubFailures,
    /// What becomes of previews.
    pub lifecycle: Lifecycle,
}

impl PullRequests {
    /// A run reports its end once. One whose workflow was terminated does not.
    async fn measure_end(&self, temporal: &Client, report: &PreviewReport) {
        let Some(run_id) = report.run_id.as_deref().filter(|_| report.state.is_over()) else {
            return;
        };
        let how = how_it_ended(temporal, &report.preview.to_string(), run_id).await;
        self.lifecycle.ended(&report.state, &how);
    }
}

#[activities]
impl PullRequests {
    /// Idempotent: it only reads.
    #[activity(definition = pull_request_declared::FetchPullRequest)]
    pub async fn fetch_pull_request(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: FetchPullRequest,
    ) -> Result<PullRequestSnapshot, ActivityError> {
        assert_served(&self.owners, &request.pull_request.repository)?;
        let (temporal, task_queue) = (ctx.client(), &ctx.info().task_queue);
        let fetched = fetch::fetch(&self.github, &temporal, task_queue, &self.bounds, &request).await;
        fetched.map_err(|error| {
            if let FetchError::GitHub(error) = &error {
                self.github_failures.count(Asked::PullRequest, error);
            }
            into_activity_error(error)
        })
    }

    /// Idempotent: it only reads.
    #[activity(definition = pull_request_declared::FindPreviews)]
    pub async fn find_previews(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: FindPreviews,
    ) -> Result<FoundPreviews, ActivityError> {
        let info = ctx.info();
        find::find(&ctx.client(), &info.task_queue, info.attempt, &request)
            .await
            .map_err(into_activity_error)
    }

    /// Idempotent: what stands already is applied again, and what is deleted is deleted by its UID. Then it
    /// only asks.
    #[activity(definition = pull_request_declared::PointStableUrl)]
    pub async fn point_stable_url(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: PointStableUrl,
    ) -> Result<Answering, ActivityError> {
        assert_served(&self.owners, &request.to.preview.repository)?;
        stable_url::point_to(&self.cluster, &self.readiness, &ctx.client(), &request, time_left(&ctx))
            .await
            .map_err(into_activity_error)
    }

    /// Idempotent: Temporal applies the signal once per report, and the pull request's workflow takes in no
    /// report that is not newer than what it knows of the same run. The end of a preview is measured again
    /// only if this worker dies before Temporal knows that it was told.
    #[activity(definition = pull_request_declared::ReportPreview)]
    pub async fn report_preview(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: ReportPreview,
    ) -> Result<(), ActivityError> {
        assert_served(&self.owners, &request.report.preview.repository)?;
        // The pull request's workflow lives on the queue that this activity came from.
        let (temporal, task_queue) = (ctx.client(), &ctx.info().task_queue);
        let time = time_left(&ctx);
        // What a worker that was stopped still has to tell is old news, and would begin a conversation anew.
        let sent = within(time, report::send(&temporal, task_queue, &request)).await;
        sent.unwrap_or_else(|| Err(TemporalError::too_slow(&request.report.preview, time)))
            .map_err(into_activity_error)?;
        // The one line that ties comment, commit and run together.
        let phase = request.report.state.phase();
        tracing::info!(%phase, run_id = request.report.run_id, "the pull request knows how its preview stands");
        self.measure_end(&temporal, &request.report).await;
        Ok(())
    }
}
