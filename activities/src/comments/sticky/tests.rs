//! Every text of the one comment that a person can read, in full.

use insta::assert_snapshot;
use workflows::activities::{Explanation, StopReason, WaitingFor};

use super::{
    super::tests::{NEWER, OLDER, at, links, ready, report, told},
    *,
};

/// What stands between the heading and the line at the end.
fn said(state: ReportedState) -> String {
    let comment = told(vec![report(OLDER, state)]);
    let (_, rest) = comment
        .split_once("### Preview of `0123456`\n\n")
        .expect("a heading");
    let (body, _) = rest.split_once("\n\n<sub>").expect("a last line");
    body.to_owned()
}

fn removed(because: StopReason) -> String {
    said(ReportedState::Removed { because })
}

fn stopping(because: StopReason) -> String {
    said(ReportedState::Stopping { because })
}

fn failed() -> ReportedState {
    ReportedState::Failed {
        explanation: Explanation {
            summary: "The container `web` starts, ends with exit code 1, and does so again after a restart.".to_owned(),
            log_tail: Some("Traceback (most recent call last):\n```</details> @everyone\nModuleNotFoundError: No module named 'flask'\n".to_owned()),
        },
    }
}

#[test]
fn a_whole_comment() {
    assert_snapshot!(told(vec![report(OLDER, ReportedState::Requested)]), @"");
}

#[test]
fn on_its_way() {
    assert_snapshot!(said(ReportedState::Queued { waiting_for: WaitingFor::OwnRemoval }), @"");
    assert_snapshot!(said(ReportedState::Provisioning), @"");
    assert_snapshot!(said(ReportedState::Installing), @"");
    assert_snapshot!(said(ReportedState::Starting), @"");
    let image = format!("registry.example.com/octo-org/hello-world:{OLDER}");
    assert_snapshot!(said(ReportedState::WaitingForImage { image }), @"");
}

#[test]
fn ready_on_its_own_address() {
    assert_snapshot!(said(ready(OLDER)), @"");
}

#[test]
fn ready_on_the_pull_requests_address_too() {
    assert_snapshot!(said(with_stable_address()), @"");
}

fn with_stable_address() -> ReportedState {
    let mut state = ready(OLDER);
    if let ReportedState::Ready { stable_url, .. } = &mut state {
        *stable_url = Some("https://pr-12-hello-world-1f2e3d4c5b.previews.example.com/".to_owned());
    }
    state
}

#[test]
fn expiring_soon() {
    let mut state = ready(OLDER);
    if let ReportedState::Ready { is_expiring, .. } = &mut state {
        *is_expiring = true;
    }
    assert_snapshot!(said(state), @"");
}

#[test]
fn expiring_soon_at_the_end_of_the_longest_life() {
    let mut state = ready(OLDER);
    if let ReportedState::Ready {
        is_expiring,
        expires_at,
        extendable_until,
        ..
    } = &mut state
    {
        *is_expiring = true;
        *extendable_until = *expires_at;
    }
    assert_snapshot!(said(state), @"");
}

#[test]
fn stopping_for_every_reason() {
    assert_snapshot!(stopping(StopReason::Expired { at: at("2026-11-22T05:12:40Z") }), @"");
    assert_snapshot!(stopping(StopReason::Asked { by: Some("octo_cat".parse().expect("a login")) }), @"");
    assert_snapshot!(stopping(StopReason::Asked { by: None }), @"");
    assert_snapshot!(stopping(StopReason::Superseded { by: NEWER.parse().expect("a commit") }), @"");
    assert_snapshot!(stopping(StopReason::PullRequestClosed { merged: false }), @"");
    assert_snapshot!(stopping(StopReason::PullRequestClosed { merged: true }), @"");
    assert_snapshot!(stopping(StopReason::Cancelled { reason: Some("maintenance of `node-7`".to_owned()) }), @"");
    assert_snapshot!(stopping(StopReason::Terminated), @"");
}

#[test]
fn removed_for_every_reason() {
    assert_snapshot!(removed(StopReason::Expired { at: at("2026-11-22T05:12:40Z") }), @"");
    assert_snapshot!(removed(StopReason::Asked { by: Some("octo_cat".parse().expect("a login")) }), @"");
    assert_snapshot!(removed(StopReason::Asked { by: None }), @"");
    assert_snapshot!(removed(StopReason::Superseded { by: NEWER.parse().expect("a commit") }), @"");
    assert_snapshot!(removed(StopReason::PullRequestClosed { merged: false }), @"");
    assert_snapshot!(removed(StopReason::PullRequestClosed { merged: true }), @"");
    assert_snapshot!(removed(StopReason::Cancelled { reason: None }), @"");
    assert_snapshot!(removed(StopReason::Cancelled { reason: Some("maintenance of `node-7`".to_owned()) }), @"");
    assert_snapshot!(removed(StopReason::Terminated), @"");
}

#[test]
fn failed_with_a_log() {
    assert_snapshot!(said(failed()), @"");
}

#[test]
fn failed_without_a_log() {
    let explanation = Explanation {
        summary: "The image `x` did not appear in time.".to_owned(),
        log_tail: None,
    };
    assert_snapshot!(said(ReportedState::Failed { explanation }), @"");
}

#[test]
fn the_older_commit_is_live_until_the_newer_is_ready() {
    assert_snapshot!(told(vec![report(NEWER, ReportedState::Installing), report(OLDER, with_stable_address())]), @"");
}

#[test]
fn the_older_commit_stays_live_when_the_newer_failed() {
    assert_snapshot!(told(vec![report(NEWER, failed()), report(OLDER, ready(OLDER))]), @"");
}

#[test]
fn the_older_commit_is_removed_once_the_newer_is_ready() {
    let superseded = ReportedState::Stopping {
        because: StopReason::Superseded {
            by: NEWER.parse().expect("a commit"),
        },
    };
    assert_snapshot!(told(vec![report(NEWER, ready(NEWER)), report(OLDER, superseded)]), @"");
}

#[test]
fn what_is_over_is_not_told_of_beside_the_newest() {
    let gone = ReportedState::Removed {
        because: StopReason::Asked { by: None },
    };
    let alone = told(vec![report(NEWER, ReportedState::Requested)]);
    let beside = told(vec![
        report(NEWER, ReportedState::Requested),
        report(OLDER, gone),
    ]);
    assert_eq!(alone, beside);
}

#[test]
fn a_request_without_a_run_is_linked_by_its_workflow_id() {
    let mut waiting = report(OLDER, ReportedState::Requested);
    waiting.run_id = None;
    let comment = told(vec![waiting]);
    assert!(
        comment.contains(&format!("hello-world%2312:{OLDER})</sub>")),
        "{comment}"
    );
}

#[test]
fn without_a_temporal_ui_there_is_no_link() {
    let nowhere = Links {
        temporal_ui: None,
        ..links()
    };
    let truth = StickyComment {
        revision: 1,
        is_passing: true,
        previews: vec![report(OLDER, ReportedState::Requested)],
    };
    let comment = sticky(&truth, &nowhere).expect("something to tell");
    assert!(!comment.contains("workflow"), "{comment}");
}

#[test]
fn nothing_is_said_before_anything_was_asked_for() {
    let truth = StickyComment {
        revision: 0,
        is_passing: false,
        previews: Vec::new(),
    };
    assert_eq!(sticky(&truth, &links()), None);
}
