//! What workflows ask of the world: every activity's name, input and output. Implemented in the crate `activities`, which does not compile
//! if it disagrees.

#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod comment;
mod failure;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod preview;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod pull_request;
mod report;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
mod sweep;

pub use comment::{
    Answer, CommentActivities, DeploymentId, DeploymentState, Overtaken, Refusal, Reply,
    StickyComment, SyncDeployment, WriteSticky, Written, declared as comment_declared,
};
pub use failure::Explanation;
pub use preview::{
    AwaitReady, CreateNamespace, InstallRelease, NamespaceHandle, PreviewActivities, Readiness,
    RunIdentity, TearDown, declared as preview_declared,
};
pub use pull_request::{
    FindPreviews, FoundPreviews, LeadAddress, Look, Misconfigured, OpenPreview, Openness,
    PullRequestActivities, ReportPreview, Sight, Terms, declared as pull_request_declared,
};
pub use report::{PreviewReport, ReportedState, StopReason, WaitingFor};
pub use sweep::{
    FindOverdue, MarkOrphans, NamespaceKey, Note, NotedNamespace, Outcome, SurveyPage, Surveyed,
    SurveyedPage, SweepActivities, declared as sweep_declared,
};

/// Content writes to GitHub run on a task queue of their own, which is paced as a whole, beside the one the workflows run on.
#[must_use]
pub fn github_task_queue(task_queue: &str) -> String {
    format!("{task_queue}-github")
}
