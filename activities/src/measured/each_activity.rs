//! Stands around every activity: measures how long it waited for a worker, and has each line that is logged
//! meanwhile say what it is about.

use std::sync::Arc;

use domain::{
    CommentId, CommitSha, PreviewId, PullRequestNumber, PullRequestRef, Repository,
    pull_request::{DeploymentWrite, Reply},
};
use temporalio_common::telemetry::metrics::{CoreMeter, HistogramDuration};
use temporalio_sdk::{
    activities::ActivityInfo,
    interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next},
};
use tracing::{Instrument, Span, field::Empty};
use workflows::contract::{
    AwaitReady, CreateNamespace, FetchPullRequest, FindPreviews, InstallRelease, PointStableUrl,
    ReportPreview, TearDown, WriteSticky,
};

use super::{histogram, labels};

/// To be registered with each worker.
#[derive(Clone)]
pub struct EachActivity {
    meter: Arc<dyn CoreMeter>,
    queue_wait: HistogramDuration,
}

impl EachActivity {
    /// With no activity yet.
    #[must_use]
    pub fn new(meter: &Arc<dyn CoreMeter>) -> Self {
        Self {
            queue_wait: histogram(
                &**meter,
                "preview_queue_wait",
                "Time that an attempt at an activity waited for a worker, or for its turn to write to GitHub",
            ),
            meter: Arc::clone(meter),
        }
    }

    /// Both times are the server's: its clock need not be ours.
    fn measure(&self, info: &ActivityInfo) {
        let (Some(scheduled), Some(started)) = (info.current_attempt_scheduled_time, info.started_time)
        else {
            return;
        };
        let waited = started.duration_since(scheduled).unwrap_or_default();
        let activity = labels(&*self.meter, [("activity", info.activity_type.as_str())]);
        self.queue_wait.record(waited, &activity);
    }
}

impl ActivityInboundInterceptor for EachActivity {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        self.measure(input.activity_info());
        let span = Subject::of(&input).span(&input.activity_info().activity_type);
        Box::pin(next.run(input).instrument(span))
    }
}

/// What an activity is about: the fields by which its lines are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Subject<'a> {
    repository: Option<&'a Repository>,
    pull_request: Option<PullRequestNumber>,
    commit: Option<&'a CommitSha>,
    /// The one that asked.
    comment: Option<CommentId>,
}

impl<'a> Subject<'a> {
    /// Of an activity of the sweep: nothing, because it is about all.
    fn of(input: &'a ExecuteActivityInput) -> Self {
        if let Some(input) = input.args_ref::<CreateNamespace>() {
            Self::preview(&input.owner.preview).asked_in(input.comment)
        } else if let Some(input) = input.args_ref::<InstallRelease>() {
            Self::preview(&input.owner.preview)
        } else if let Some(input) = input.args_ref::<AwaitReady>() {
            Self::preview(&input.preview)
        } else if let Some(input) = input.args_ref::<TearDown>() {
            Self::preview(&input.owner.preview)
        } else if let Some(input) = input.args_ref::<ReportPreview>() {
            Self::preview(&input.report.preview).asked_in(input.report.asked_in)
        } else if let Some(input) = input.args_ref::<PointStableUrl>() {
            Self::preview(&input.to.preview)
        } else if let Some(input) = input.args_ref::<DeploymentWrite>() {
            Self::preview(&input.preview).asked_in(input.asked_in)
        } else if let Some(input) = input.args_ref::<Reply>() {
            Self::pull_request(&input.pull_request).asked_in(input.comment_id)
        } else if let Some(input) = input.args_ref::<WriteSticky>() {
            Self::pull_request(&input.pull_request)
        } else if let Some(input) = input.args_ref::<FetchPullRequest>() {
            Self::pull_request(&input.pull_request)
        } else if let Some(input) = input.args_ref::<FindPreviews>() {
            Self::pull_request(&input.pull_request)
        } else {
            Self::default()
        }
    }

    fn preview(preview: &'a PreviewId) -> Self {
        Self {
            repository: Some(&preview.repository),
            pull_request: Some(preview.pull_request),
            commit: Some(&preview.commit),
            comment: None,
        }
    }

    fn pull_request(pull_request: &'a PullRequestRef) -> Self {
        Self {
            repository: Some(&pull_request.repository),
            pull_request: Some(pull_request.number),
            ..Self::default()
        }
    }

    fn asked_in(self, comment: CommentId) -> Self {
        Self { comment: Some(comment), ..self }
    }

    fn span(self, activity: &str) -> Span {
        let span = tracing::info_span!(
            "activity",
            activity,
            repository = Empty,
            pull_request = Empty,
            commit = Empty,
            comment = Empty
        );
        if let Some(repository) = self.repository {
            span.record("repository", tracing::field::display(repository));
        }
        if let Some(number) = self.pull_request {
            span.record("pull_request", number.get());
        }
        if let Some(commit) = self.commit {
            span.record("commit", commit.as_str());
        }
        if let Some(comment) = self.comment {
            span.record("comment", comment.0);
        }
        span
    }
}
