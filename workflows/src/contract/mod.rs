//! What workflows ask of the world: every activity's name, input and output. Implemented in the crate `activities`, which does not compile
//! if it disagrees.

mod comment;
mod preview;
mod pull_request;
mod sweep;

pub use comment::{CommentActivities, WriteSticky, declared as comment_declared};
pub use preview::{
    AwaitReady, CreateNamespace, InstallRelease, PreviewActivities, Readiness, TearDown,
    declared as preview_declared,
};
pub use pull_request::{
    FetchPullRequest, FindPreviews, FoundPreviews, PointStableUrl, PullRequestActivities,
    ReportPreview, declared as pull_request_declared,
};
pub use sweep::{
    FindOverdue, MarkOrphans, SurveyPage, Surveyed, SweepActivities, declared as sweep_declared,
};

/// Content writes to GitHub run on a task queue of their own, which is paced as a whole, beside the one the workflows run on.
#[must_use]
pub fn github_task_queue(task_queue: &str) -> String {
    format!("{task_queue}-github")
}
