//! Every answer that a person can get, in full.

use domain::{
    CommentId, Ttl,
    preview::{MissingImage, PreviewState, PullProblem, StopReason},
    pull_request::{InvalidConfiguration, Overtaken},
};
use insta::assert_snapshot;

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
    let exists = Answer::AlreadyExists { url, expires_at: at("2026-11-22T05:12:40Z") };
    assert_snapshot!(answered(vec![exists, Answer::NothingToExtend]), @"
    <!-- preview:reply:77 -->

    @mona: Preview already exists: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>** serves this commit until **2026-11-22 05:12 UTC**. Comment `/preview extend 30m` to keep it longer.

    There is no active preview to extend. Comment `/preview` for one.

    <sub>[Status of this pull request's previews](https://github.com/octo-org/hello-world/pull/12#issuecomment-5)</sub>
    ");
}

#[test]
fn refusals() {
    assert_snapshot!(refused(Refusal::NotAllowed), @"@mona: Nothing was done. A preview runs the pull request's code, so only people with write access to this repository can request one, and only those whom its `.preview.yaml` names, if it names any. Whoever requested a preview can also extend and stop it.");
    assert_snapshot!(refused(Refusal::Fork), @"@mona: No preview was started. This commit comes from a fork, whose code nobody with write access has approved. Push the commit to a branch of this repository to preview it.");
    assert_snapshot!(refused(Refusal::Closed), @"@mona: No preview was started. This pull request is closed. Reopen it and comment `/preview` again.");
    assert_snapshot!(refused(Refusal::Merged), @"@mona: No preview was started. This pull request is already merged.");
    assert_snapshot!(refused(Refusal::Locked), @"@mona: Nothing was done. This conversation is locked. Unlock it and comment again.");
}

#[test]
fn limits() {
    assert_snapshot!(said(Answer::NothingToExtend), @"@mona: There is no active preview to extend. Comment `/preview` for one.");
    let late = |overtaken_by| said(Answer::Late { overtaken_by });
    assert_snapshot!(late(Overtaken::Time), @"@mona: Nothing was done. GitHub delivered this comment more than an hour after it was written. Comment again if you still want this.");
    assert_snapshot!(late(Overtaken::Stop), @"@mona: Nothing was done. The previews of this pull request were stopped after this was written. Comment `/preview` again for a new one.");
    assert_snapshot!(late(Overtaken::Close), @"@mona: Nothing was done. This pull request was closed after this was written. Comment `/preview` again for a new preview.");
    assert_snapshot!(late(Overtaken::Request), @"@mona: Nothing was stopped. The preview was requested after this was written. Comment `/preview stop` again to stop it.");
    assert_snapshot!(said(Answer::NothingToStop), @"@mona: There is no active preview to stop.");
    assert_snapshot!(said(Answer::AtMaximum { until: at("2026-11-23T04:42:40Z") }), @"@mona: The preview already has its maximum lifetime, until **2026-11-23 04:42 UTC**. Comment `/preview` for a new one when it is gone.");
    assert_snapshot!(said(Answer::TtlTooLong { asked: ttl("2d"), maximum: ttl("1d") }), @"@mona: Nothing was done. `2d` is longer than the maximum lifetime of previews here, `1d`.");
}

#[test]
fn status() {
    assert_snapshot!(said(Answer::Status { previews: Vec::new() }), @"@mona: There is no active preview. Comment `/preview` for one.");
    let superseded = PreviewState::Removed {
        because: StopReason::Superseded { by: NEWER.parse().expect("a commit") },
    };
    let missing = MissingImage {
        image: "registry.example.com/octo-org/hello-world:1".to_owned(),
        because: PullProblem::NotFound,
    };
    let mut previews = vec![
        report(NEWER, ready(NEWER)),
        report(OLDER, PreviewState::WaitingForImage(missing)),
        report(OLDER, superseded),
        report(OLDER, PreviewState::Starting),
    ];
    assert_snapshot!(said(Answer::Status { previews: previews.clone() }), @"
    @mona: Status of this pull request's previews:

    - `fedcba9`: ready at <https://pr-12-fedcba9-hello-world-cab5ebdfaf.previews.example.com/> until **2026-11-22 05:12 UTC** · requested by mona
    - `0123456`: waiting for its image `registry.example.com/octo-org/hello-world:1` · requested by mona
    - `0123456`: gone: the preview of `fedcba9` took its place · requested by mona
    - `0123456`: starting · requested by mona
    ");
    previews.extend(previews.clone());
    assert!(said(Answer::Status { previews }).ends_with("\n- and 3 older"));
}

#[test]
fn help() {
    assert_snapshot!(said(Answer::Help), @"
    @mona: Commands:

    | Command | What it does | Who may use it |
    | --- | --- | --- |
    | `/preview [--ttl <duration>]` | Deploys the newest commit, for as long as `--ttl` says. | people with write access |
    | `/preview extend <duration>` | Keeps the preview that much longer. | people with write access, and whoever requested the preview |
    | `/preview stop` | Removes this pull request's previews now. | people with write access, and whoever requested the preview |
    | `/preview status` | Lists this pull request's previews: where, and until when. | people with write access |
    | `/preview help` | Lists the commands. | people with write access |

    A command is the first thing on a line of its own, outside of quotes and code.
    ");
}

#[test]
fn lines_that_make_no_sense() {
    assert_snapshot!(misunderstood(Misunderstood::NearlyCommand { line: "/preview, please".to_owned(), did_you_mean: "/preview".to_owned() }), @"@mona: `/preview, please` is not a command. Did you mean `/preview`? A command is plain text on a line of its own, with nothing before it.");
    assert_snapshot!(misunderstood(Misunderstood::UnknownCommand { word: "exten".to_owned(), did_you_mean: Some("extend".to_owned()) }), @"@mona: `exten` is not a command. Did you mean `/preview extend`? `/preview help` lists the commands.");
    assert_snapshot!(misunderstood(Misunderstood::UnknownCommand { word: "@mona".to_owned(), did_you_mean: None }), @"@mona: `@mona` is not a command. `/preview help` lists the commands.");
    assert_snapshot!(misunderstood(Misunderstood::MissingArgument { usage: "/preview extend <duration>".to_owned() }), @"@mona: An argument is missing. Usage: `/preview extend <duration>`.");
    assert_snapshot!(misunderstood(Misunderstood::UnexpectedArgument { word: "now".to_owned(), usage: "/preview stop".to_owned() }), @"@mona: `now` is not an argument of this command. Usage: `/preview stop`.");
    assert_snapshot!(misunderstood(Misunderstood::BadDuration { word: "soon".to_owned(), reason: "write it like 30m, 2h or 1h30m".to_owned() }), @"@mona: `soon` is not a valid duration: write it like 30m, 2h or 1h30m.");
    assert_snapshot!(misunderstood(Misunderstood::TooMany { at_most: 10 }), @"@mona: A comment may have at most 10 commands. The others were not carried out.");
}

#[test]
fn a_configuration_that_cannot_be_obeyed() {
    let problem = |line| InvalidConfiguration {
        file: ".preview.yaml".to_owned(),
        branch: "main".to_owned(),
        line,
        reason: "`ttl` is `3d`, but previews live at most `1d` here.".to_owned(),
    };
    assert_snapshot!(said(Answer::InvalidConfiguration { problem: problem(Some(3)) }), @"@mona: Nothing was done. `.preview.yaml` on `main` is invalid in line 3: `ttl` is `3d`, but previews live at most `1d` here.");
    assert_snapshot!(said(Answer::InvalidConfiguration { problem: problem(None) }), @"@mona: Nothing was done. `.preview.yaml` on `main` is invalid: `ttl` is `3d`, but previews live at most `1d` here.");
}

#[test]
fn apps_are_named_and_not_mentioned() {
    let question = Reply {
        is_second: false,
        pull_request: pull_request(),
        comment_id: CommentId(77),
        to: "renovate[bot]".parse().expect("a login"),
        answers: vec![Answer::NothingToStop],
        sticky: None,
    };
    let reply = reply(&question, None).expect("something to answer");
    assert!(reply.ends_with("\n\nrenovate\\[bot\\]: There is no active preview to stop."), "{reply}");
}
