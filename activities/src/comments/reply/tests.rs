//! Every answer that a person can get, in full.

use insta::assert_snapshot;
use workflows::activities::{Misconfigured, ReportedState, StopReason};

use super::{
    super::tests::{NEWER, OLDER, answered, at, pull_request, ready, report},
    *,
};

/// What stands between the hidden first line and the link.
fn said(answer: Answer) -> String {
    let reply = answered(vec![answer]);
    let (_, rest) = reply.split_once("-->\n\n").expect("a marker");
    let (body, _) = rest.split_once("\n\n<sub>").expect("a link");
    body.to_owned()
}

fn misunderstood(problem: Misunderstood) -> String {
    said(Answer::Misunderstood { problem })
}

fn refused(because: Refusal) -> String {
    said(Answer::Refused { because })
}

fn ttl(text: &str) -> Ttl {
    text.parse().expect("a duration")
}

#[test]
fn a_whole_reply() {
    let url = "https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/".to_owned();
    let exists = Answer::AlreadyExists {
        url,
        expires_at: at("2026-11-22T05:12:40Z"),
    };
    assert_snapshot!(answered(vec![exists, Answer::NothingToExtend]), @"");
}

#[test]
fn refusals() {
    assert_snapshot!(refused(Refusal::NotAllowed), @"");
    assert_snapshot!(refused(Refusal::Fork), @"");
    assert_snapshot!(refused(Refusal::Closed), @"");
    assert_snapshot!(refused(Refusal::Merged), @"");
    assert_snapshot!(refused(Refusal::Locked), @"");
}

#[test]
fn limits() {
    assert_snapshot!(said(Answer::NothingToExtend), @"");
    assert_snapshot!(said(Answer::NothingToStop), @"");
    assert_snapshot!(said(Answer::AtMaximum { until: at("2026-11-23T04:42:40Z") }), @"");
    assert_snapshot!(said(Answer::TtlTooLong { asked: ttl("2d"), maximum: ttl("1d") }), @"");
}

#[test]
fn status() {
    assert_snapshot!(said(Answer::Status { previews: Vec::new() }), @"");
    let superseded = ReportedState::Removed {
        because: StopReason::Superseded {
            by: NEWER.parse().expect("a commit"),
        },
    };
    let image = "registry.example.com/octo-org/hello-world:1".to_owned();
    let mut previews = vec![
        report(NEWER, ready(NEWER)),
        report(OLDER, ReportedState::WaitingForImage { image }),
        report(OLDER, superseded),
        report(OLDER, ReportedState::Starting),
    ];
    assert_snapshot!(said(Answer::Status { previews: previews.clone() }), @"");
    previews.extend(previews.clone());
    assert!(said(Answer::Status { previews }).ends_with("\n- and 3 older"));
}

#[test]
fn help() {
    assert_snapshot!(said(Answer::Help), @"");
}

#[test]
fn lines_that_make_no_sense() {
    assert_snapshot!(misunderstood(Misunderstood::UnknownCommand { word: "exten".to_owned(), did_you_mean: Some("extend".to_owned()) }), @"");
    assert_snapshot!(misunderstood(Misunderstood::UnknownCommand { word: "@mona".to_owned(), did_you_mean: None }), @"");
    assert_snapshot!(misunderstood(Misunderstood::MissingArgument { usage: "/preview extend <duration>".to_owned() }), @"");
    assert_snapshot!(misunderstood(Misunderstood::UnexpectedArgument { word: "now".to_owned(), usage: "/preview stop".to_owned() }), @"");
    assert_snapshot!(misunderstood(Misunderstood::BadDuration { word: "soon".to_owned(), reason: "write it like 30m, 2h or 1h30m".to_owned() }), @"");
    assert_snapshot!(misunderstood(Misunderstood::TooMany { at_most: 10 }), @"");
}

#[test]
fn a_configuration_that_cannot_be_obeyed() {
    let problem = |line| Misconfigured {
        file: ".preview.yaml".to_owned(),
        line,
        reason: "`ttl` is `3d`, but previews live at most `1d` here.".to_owned(),
    };
    assert_snapshot!(said(Answer::Misconfigured { problem: problem(Some(3)) }), @"");
    assert_snapshot!(said(Answer::Misconfigured { problem: problem(None) }), @"");
}

#[test]
fn apps_are_named_and_not_mentioned() {
    let question = Reply {
        pull_request: pull_request(),
        comment_id: CommentId(77),
        to: "renovate[bot]".parse().expect("a login"),
        answers: vec![Answer::NothingToStop],
        sticky: None,
    };
    let reply = reply(&question, None).expect("something to answer");
    assert!(
        reply.ends_with("\n\nrenovate\\[bot\\]: there is no preview here that could be stopped."),
        "{reply}"
    );
}
