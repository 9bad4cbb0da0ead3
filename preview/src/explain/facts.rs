//! What was found out: the answers of Temporal and of the workflows, before anybody makes sense of them.

use domain::{
    PreviewId,
    preview::{Ending, PreviewReport},
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use temporalio_client::WorkflowExecutionStatus;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Explained {
    /// The pull request's workflow, if a pull request was named and has one.
    pub(super) conversation: Option<Workflow>,
    /// Its previews, the newest first.
    pub(super) previews: Vec<Preview>,
    /// So many older ones are not in here.
    pub(super) left_out: usize,
}

/// The newest run of a workflow.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Workflow {
    pub(super) id: String,
    pub(super) run_id: String,
    #[serde(serialize_with = "in_one_word")]
    pub(super) status: WorkflowExecutionStatus,
    pub(super) task_queue: String,
    pub(super) started_at: Option<Timestamp>,
    pub(super) ended_at: Option<Timestamp>,
    /// What Temporal says is wrong with its workflow tasks.
    pub(super) problems: Vec<String>,
    /// Its activities that are under way.
    pub(super) pending: Vec<Pending>,
    /// The last signals that made no sense, and why.
    pub(super) ignored_signals: Vec<String>,
    /// Why it did not answer, if it should have.
    pub(super) silent: Option<String>,
}

/// An activity that is under way.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pending {
    pub(super) activity: String,
    /// Counts from 1.
    pub(super) attempt: i32,
    /// Why the attempt before failed.
    pub(super) last_failure: Option<String>,
    /// When it is tried again, if it waits for that.
    pub(super) next_attempt_at: Option<Timestamp>,
}

/// One preview.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Preview {
    pub(super) preview: PreviewId,
    pub(super) workflow: Workflow,
    pub(super) requested_by: Option<String>,
    /// By Temporal's records.
    pub(super) phase: Option<String>,
    /// When it will be removed, by the same.
    pub(super) expires_at: Option<Timestamp>,
    /// What an open one says of itself.
    pub(super) report: Option<PreviewReport>,
    /// How a closed one ended.
    pub(super) ending: Option<Ending>,
}

impl Workflow {
    /// It is not closed.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused)
    }
}

fn in_one_word<S: Serializer>(status: &WorkflowExecutionStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{status:?}"))
}
