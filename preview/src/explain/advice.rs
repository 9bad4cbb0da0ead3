//! What to do next, by what was found out.

use domain::preview::{Ending, PreviewState, StopReason};
use jiff::{SignedDuration, Timestamp};
use temporalio_client::WorkflowExecutionStatus;

use super::facts::{Preview, Workflow};
use crate::target::short_name;

/// A preview whose time is over ends within seconds. This much later nobody sees to it.
const OVERDUE: SignedDuration = SignedDuration::from_mins(1);

/// About a preview.
pub(super) fn about_preview(preview: &Preview, now: Timestamp) -> Vec<String> {
    let mut advice = about_workflow(&preview.workflow);
    if advice.is_empty() {
        advice.push(usual(preview, now));
    }
    advice
}

fn usual(preview: &Preview, now: Timestamp) -> String {
    let name = short_name(&preview.preview);
    let again = format!("`preview retry {name}`, or a comment `/preview` on the pull request");
    let is_overdue = preview.expires_at.is_some_and(|at| at.duration_until(now) > OVERDUE);
    match (&preview.ending, preview.report.as_ref().map(|report| &report.state)) {
        (Some(Ending::Failed(_)), _) => format!("repair what is said there; then {again}, deploys it again"),
        (Some(Ending::Stopped(StopReason::Terminated)), _) => {
            format!("the sweep removes what is left in the cluster; {again}, deploys it again")
        }
        (Some(Ending::Stopped(_)), _) => {
            "nothing; a comment `/preview` on the pull request deploys it again".to_owned()
        }
        (None, Some(PreviewState::WaitingForImage(_))) => {
            format!("let the pipeline push that image, and it goes on by itself; or `preview stop {name}`")
        }
        (None, Some(PreviewState::Ready { .. })) if !is_overdue => {
            format!(
                "nothing; `preview extend {name} 30m` keeps it longer, `preview stop {name}` removes it now"
            )
        }
        _ if is_overdue => {
            format!("`preview stop {name}`; if it stays, look at the worker's log and at `preview doctor`")
        }
        _ => "nothing; it goes on by itself".to_owned(),
    }
}

/// What stands in the way of any workflow.
pub(super) fn about_workflow(workflow: &Workflow) -> Vec<String> {
    let mut advice = Vec::new();
    if !workflow.problems.is_empty() {
        advice.push(format!(
            "its workflow tasks fail, which is a mistake of the worker's: `temporal workflow show --workflow-id \
             '{}'` has the error. With a worker of the version before, or of one in which it is repaired, it goes \
             on where it was",
            workflow.id
        ));
    } else if workflow.status == WorkflowExecutionStatus::Paused {
        advice.push(format!(
            "somebody has paused it: `temporal workflow unpause --workflow-id '{}'`",
            workflow.id
        ));
    } else if workflow.silent.is_some() {
        advice.push(format!(
            "no worker answers for it: does one run, on the task queue {}? `preview doctor` looks",
            workflow.task_queue
        ));
    }
    if workflow.pending.iter().any(|activity| activity.last_failure.is_some()) {
        advice.push(
            "what failed is tried again by itself; if it says the same for long, repair what it says"
                .to_owned(),
        );
    }
    advice
}
