//! Every text that a person can read from us, in full.

use insta::assert_snapshot;
use workflows::{
    activities::Explanation,
    vocabulary::{InstallationId, PullRequestRef},
};

use super::*;

fn links() -> Links {
    Links {
        temporal_ui: Some("https://temporal.example.com/ui/".parse().expect("an address")),
        temporal_namespace: "default".to_owned(),
    }
}

fn report(state: ReportedState) -> PreviewReport {
    PreviewReport {
        preview: "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567".parse().expect("an id"),
        run_id: "0198c0de-0000-7000-8000-000000000000".to_owned(),
        requested_by: "mona".to_owned(),
        state,
    }
}

fn rendered(state: ReportedState) -> String {
    sticky(&report(state), &links())
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn requested() {
    assert_snapshot!(rendered(ReportedState::Requested), @"");
}

#[test]
fn waiting_for_image() {
    let image = "registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567".to_owned();
    assert_snapshot!(rendered(ReportedState::WaitingForImage { image }), @"");
}

#[test]
fn ready() {
    let url = "https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/".to_owned();
    assert_snapshot!(rendered(ReportedState::Ready { url, expires_at: at("2026-11-22T05:12:40Z") }), @"");
}

#[test]
fn expired() {
    assert_snapshot!(rendered(ReportedState::Expired { at: at("2026-11-22T05:12:40Z") }), @"");
}

#[test]
fn stopped() {
    assert_snapshot!(rendered(ReportedState::Stopped), @"");
}

#[test]
fn cancelled() {
    assert_snapshot!(rendered(ReportedState::Cancelled { reason: None }), @"");
    assert_snapshot!(rendered(ReportedState::Cancelled { reason: Some("ask @mona,\nsee #7".to_owned()) }), @"");
}

#[test]
fn failed() {
    let explanation = Explanation {
        summary: "The container `web` starts, ends with exit code 1, and does so again after a restart.".to_owned(),
        log_tail: Some("Traceback (most recent call last):\n```</details> @everyone\nModuleNotFoundError: No module named 'flask'\n".to_owned()),
    };
    assert_snapshot!(rendered(ReportedState::Failed { explanation }), @"");
}

#[test]
fn failed_without_a_log() {
    let explanation = Explanation { summary: "The image `x` did not appear in time.".to_owned(), log_tail: None };
    assert_snapshot!(rendered(ReportedState::Failed { explanation }), @"");
}

#[test]
fn notices() {
    let notice_for = |reason| {
        notice(&Notice {
            pull_request: PullRequestRef {
                installation: InstallationId(1),
                repository: "octo-org/hello-world".parse().expect("a repository"),
                number: workflows::vocabulary::PullRequestNumber::new(12).expect("a number"),
            },
            comment_id: CommentId(77),
            requested_by: "outsider".to_owned(),
            reason,
        })
    };
    assert_snapshot!(notice_for(Refusal::NoWriteAccess), @"");
    assert_snapshot!(notice_for(Refusal::Fork), @"");
    assert_snapshot!(notice_for(Refusal::NotOpen), @"");
}

#[test]
fn without_a_temporal_ui_there_is_no_link() {
    let nowhere = Links { temporal_ui: None, ..links() };
    assert!(!sticky(&report(ReportedState::Requested), &nowhere).contains("workflow"));
}

#[test]
fn whatever_comes_a_comment_fits_into_githubs_limit() {
    let explanation = Explanation { summary: "`<@#".repeat(100_000), log_tail: Some("`\u{1F600}".repeat(100_000)) };
    assert!(rendered(ReportedState::Failed { explanation }).chars().count() < 60_000);
}

#[test]
fn the_end_of_one_preview_does_not_hide_another_that_is_alive() {
    let mut newer = report(ReportedState::Requested);
    newer.preview.commit = "f".repeat(40).parse().expect("a commit");
    let shown = sticky(&newer, &links());

    assert!(would_hide_a_living_preview(&shown, &report(ReportedState::Stopped)));
    assert!(!would_hide_a_living_preview(&shown, &report(ReportedState::Requested)));

    newer.state = ReportedState::Stopped;
    assert!(!would_hide_a_living_preview(&shown, &newer));
    let shown = sticky(&newer, &links());
    assert!(!would_hide_a_living_preview(&shown, &report(ReportedState::Stopped)));
}
