//! Reports to the pull request what has become of its preview.
//!
//! One reporter, beside the preview and never in its way: it reports the newest state, and skips what has
//! been overtaken meanwhile. The last state is never skipped.

use super::{stages::Stages, timeouts};
use crate::{
    contract::{PullRequestActivities, ReportPreview},
    uncancelled,
};

impl Stages {
    /// Returns when the pull request's workflow knows how the preview ended.
    pub(super) async fn report_to_pull_request(&self) {
        let mut reported = 0;
        while !self.ctx.state(|workflow| workflow.state.is_reported_by(reported)) {
            uncancelled::until(&self.ctx, |workflow| workflow.state.has_more_to_report_than(reported)).await;

            let report = self
                .ctx
                .state(|workflow| workflow.state.report(&self.request, self.ctx.run_id()));
            let revision = report.revision;
            let input = ReportPreview {
                installation: self.request.installation,
                repository_id: self.request.repository_id,
                report,
            };
            // It is tried for as long as it takes: a run that closed without its last report would be
            // taken for a terminated one. An error means that the operators do not serve the repository
            // any more; that must not keep a preview alive.
            let _ = self
                .ctx
                .execute_activity(PullRequestActivities::report_preview, input, timeouts::report())
                .await;
            reported = revision;
        }
    }
}
