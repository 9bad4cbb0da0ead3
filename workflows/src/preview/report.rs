//! Who tells the pull request what has become of its preview?
//!
//! One reporter, beside the preview's life and never in its way: it reports the newest state, and skips what has been overtaken meanwhile. The
//! final truth is never skipped.

use super::{patience, stages::Stages};
use crate::{
    activities::{PreviewReport, PullRequestActivities, ReportPreview, ReportedState},
    uncancelled,
    vocabulary::PreviewRequest,
};

impl Stages {
    /// Returns when the pull request's workflow knows how the preview ended.
    pub(super) async fn keep_the_pull_request_informed(&self) {
        let mut told = 0;
        while !self
            .ctx
            .state(|workflow| workflow.life.said_everything_with(told))
        {
            uncancelled::until(&self.ctx, |workflow| {
                workflow.life.has_more_to_say_than(told)
            })
            .await;

            let (state, revision) = self.ctx.state(|workflow| workflow.life.current_report());
            let input = ReportPreview {
                installation: self.request.installation,
                repository_id: self.request.repository_id,
                report: report(&self.request, self.ctx.run_id(), state, revision),
            };
            // It is tried for as long as it takes: a run that closed without its last word would be taken for a terminated one. An error means that
            // the operators do not serve the repository any more; that must not keep a preview alive.
            let _ = self
                .ctx
                .execute_activity(
                    PullRequestActivities::report_preview,
                    input,
                    patience::report(),
                )
                .await;
            told = revision;
        }
    }
}

/// What a run says of itself.
pub(super) fn report(
    request: &PreviewRequest,
    run_id: &str,
    state: ReportedState,
    revision: u32,
) -> PreviewReport {
    PreviewReport {
        preview: request.preview.clone(),
        run_id: Some(run_id.to_owned()),
        revision,
        requested_by: request.requested_by.clone(),
        asked_in: request.comment,
        state,
    }
}
