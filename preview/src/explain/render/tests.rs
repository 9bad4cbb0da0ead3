use domain::{
    Explanation,
    preview::{Ending, MissingImage, PreviewReport, PreviewState, PullProblem, StopReason},
};
use serde_json::json;

use super::*;
use crate::page;

const COMMIT: &str = "4f2d9c0de3b1a7665544332211009988776655ff";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn now() -> Timestamp {
    at("2026-11-26T12:00:00Z")
}

fn workflow(id: &str, status: WorkflowExecutionStatus) -> Workflow {
    let is_open = status == WorkflowExecutionStatus::Running;
    Workflow {
        id: id.to_owned(),
        run_id: "019ac0de".to_owned(),
        status,
        task_queue: "previews".to_owned(),
        started_at: Some(at("2026-11-26T11:42:00Z")),
        ended_at: (!is_open).then(|| at("2026-11-26T11:50:00Z")),
        problems: Vec::new(),
        pending: Vec::new(),
        ignored_signals: Vec::new(),
        silent: None,
    }
}

fn preview_in(status: WorkflowExecutionStatus) -> Preview {
    let id = format!("octo-org/shop#12:{COMMIT}");
    Preview {
        preview: id.parse().expect("an ID"),
        workflow: workflow(&id, status),
        requested_by: Some("mona".to_owned()),
        phase: Some("Installing".to_owned()),
        expires_at: None,
        report: None,
        ending: None,
    }
}

fn open(state: &PreviewState) -> Preview {
    let report = json!({
        "preview": format!("octo-org/shop#12:{COMMIT}"),
        "run_id": "019ac0de",
        "revision": 7,
        "requested_by": "mona",
        "asked_in": 5,
        "state": state,
    });
    let report: PreviewReport = serde_json::from_value(report).expect("a report");
    Preview {
        report: Some(report),
        ..preview_in(WorkflowExecutionStatus::Running)
    }
}

fn failed() -> Preview {
    let explanation = Explanation {
        summary: "The container `web` ended with exit code 1, again and again.".to_owned(),
        log_tail: Some("connecting to the database\nRuntimeError: the database is not there".to_owned()),
    };
    Preview {
        ending: Some(Ending::Failed(explanation)),
        ..preview_in(WorkflowExecutionStatus::Failed)
    }
}

fn ready() -> Preview {
    let expires_at = at("2026-11-26T12:12:30Z");
    let state = PreviewState::Ready {
        url: "https://pr-12-4f2d9c0-shop-mzqhyb.previews.example.com/".to_owned(),
        note: None,
        stable_url: None,
        stable_note: None,
        expires_at,
        extendable_until: at("2026-11-27T11:42:00Z"),
        is_expiring: false,
    };
    Preview { expires_at: Some(expires_at), ..open(&state) }
}

#[test]
fn a_conversation_and_its_previews_are_told_with_what_to_do_next() {
    let mut conversation = workflow("octo-org/shop#12", WorkflowExecutionStatus::Running);
    conversation.pending.push(Pending {
        activity: "write_sticky".to_owned(),
        attempt: 4,
        last_failure: Some("GitHub answers 403: Resource not accessible by integration".to_owned()),
        next_attempt_at: Some(at("2026-11-26T12:00:40Z")),
    });
    conversation.ignored_signals.push("pushed: expected a push, got 5".to_owned());
    let explained = Explained {
        conversation: Some(conversation),
        previews: vec![ready(), failed()],
        left_out: 3,
    };
    let told = text(&explained, now());
    page::assert_shows(&told);
    insta::assert_snapshot!(told);
}

#[test]
fn a_dead_letter_shows_its_reason_its_log_and_how_it_is_done_again() {
    let told = preview(&failed(), now());
    page::assert_shows(&told);
    insta::assert_snapshot!(told);
}

#[test]
fn a_workflow_whose_tasks_fail_is_a_mistake_of_the_workers() {
    let mut wedged = preview_in(WorkflowExecutionStatus::Running);
    wedged.workflow.problems = vec![
        "category=WorkflowTaskFailed".to_owned(),
        "cause=WorkflowTaskFailedCauseNonDeterministicError".to_owned(),
    ];
    wedged.workflow.silent = Some("DeadlineExceeded: query timed out".to_owned());
    insta::assert_snapshot!(preview(&wedged, now()));
}

#[test]
fn each_state_has_its_own_advice() {
    let image = "registry.example.com/octo-org/shop:4f2d9c0".to_owned();
    let missing = MissingImage { image, because: PullProblem::NotFound };
    let mut silent = preview_in(WorkflowExecutionStatus::Running);
    silent.workflow.silent = Some("DeadlineExceeded: query timed out".to_owned());
    let overdue = Preview { expires_at: Some(at("2026-11-26T11:45:00Z")), ..ready() };
    let ended = |because, status| Preview { ending: Some(Ending::Stopped(because)), ..preview_in(status) };
    let all = [
        open(&PreviewState::WaitingForImage(missing)),
        open(&PreviewState::Installing),
        silent,
        overdue,
        ended(StopReason::Asked { by: None }, WorkflowExecutionStatus::Completed),
        ended(StopReason::Terminated, WorkflowExecutionStatus::Terminated),
    ];
    let told: Vec<_> = all.iter().map(|found| preview(found, now())).collect();
    insta::assert_snapshot!(told.join("\n"));
}
