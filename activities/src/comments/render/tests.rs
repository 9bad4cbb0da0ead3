//! Every text that a person can read from us, in full.

use insta::assert_snapshot;
use workflows::{
    activities::Explanation,
    vocabulary::{InstallationId, PullRequestRef},
};

use super::*;

fn links() -> Links {
    Links {
        temporal_ui: Some(
            "https://temporal.example.com/ui/"
                .parse()
                .expect("an address"),
        ),
        temporal_namespace: "default".to_owned(),
    }
}

fn report(state: ReportedState) -> PreviewReport {
    PreviewReport {
        preview: "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567"
            .parse()
            .expect("an id"),
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
    assert_snapshot!(rendered(ReportedState::Requested), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 alive -->

    ### Preview of `0123456`

    🚀 Deployment requested! Setting up preview environment…

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
}

#[test]
fn waiting_for_image() {
    let image =
        "registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567"
            .to_owned();
    assert_snapshot!(rendered(ReportedState::WaitingForImage { image }), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 alive -->

    ### Preview of `0123456`

    ⏳ Waiting for this commit's image: `registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567` does not exist yet. The preview goes on by itself as soon as it does.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
}

#[test]
fn ready() {
    let url = "https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/".to_owned();
    assert_snapshot!(rendered(ReportedState::Ready { url, expires_at: at("2026-11-22T05:12:40Z") }), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 alive -->

    ### Preview of `0123456`

    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed. Comment `/preview` for a new one.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
}

#[test]
fn expired() {
    assert_snapshot!(rendered(ReportedState::Expired { at: at("2026-11-22T05:12:40Z") }), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 ended -->

    ### Preview of `0123456`

    ⌛ The preview expired at 2026-11-22 05:12 UTC and is gone. Comment `/preview` for a new one.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
}

#[test]
fn stopped() {
    assert_snapshot!(rendered(ReportedState::Stopped), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 ended -->

    ### Preview of `0123456`

    ⏹️ The preview was stopped and is gone. Comment `/preview` for a new one.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
}

#[test]
fn cancelled() {
    assert_snapshot!(rendered(ReportedState::Cancelled { reason: None }), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 ended -->

    ### Preview of `0123456`

    ⏹️ The preview was cancelled and is gone. Comment `/preview` for a new one.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
    let reason = Some("ask @mona,\nsee #7".to_owned());
    let shown = rendered(ReportedState::Cancelled { reason });
    // Not a snapshot: what matters here is invisible.
    assert!(
        shown.contains("\n\nReason given: ask @\u{200B}mona, see \\#\u{200B}7\n\n"),
        "{shown}"
    );
}

#[test]
fn failed() {
    let explanation = Explanation {
        summary: "The container `web` starts, ends with exit code 1, and does so again after a restart.".to_owned(),
        log_tail: Some("Traceback (most recent call last):\n```</details> @everyone\nModuleNotFoundError: No module named 'flask'\n".to_owned()),
    };
    assert_snapshot!(rendered(ReportedState::Failed { explanation }), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 ended -->

    ### Preview of `0123456`

    ❌ The preview could not be deployed. The container `web` starts, ends with exit code 1, and does so again after a restart.

    <details><summary>Last output</summary>

    ````text
    Traceback (most recent call last):
    ```</details> @everyone
    ModuleNotFoundError: No module named 'flask'
    ````

    </details>

    What was made for it is gone. Comment `/preview` to try again.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
}

#[test]
fn failed_without_a_log() {
    let explanation = Explanation {
        summary: "The image `x` did not appear in time.".to_owned(),
        log_tail: None,
    };
    assert_snapshot!(rendered(ReportedState::Failed { explanation }), @r#"
    <!-- preview:sticky -->
    <!-- preview:of octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567 ended -->

    ### Preview of `0123456`

    ❌ The preview could not be deployed. The image `x` did not appear in time.

    What was made for it is gone. Comment `/preview` to try again.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    "#);
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
    assert_snapshot!(notice_for(Refusal::NoWriteAccess), @r#"
    <!-- preview:notice:77 -->

    outsider: no preview was started. A preview runs the pull request's code, so only people with write access to this repository can ask for one. Someone who has it can comment `/preview`.
    "#);
    assert_snapshot!(notice_for(Refusal::Fork), @r#"
    <!-- preview:notice:77 -->

    outsider: no preview was started. This commit comes from a fork, and a preview would run code that nobody here has vouched for. Push the commit to a branch of this repository to preview it.
    "#);
    assert_snapshot!(notice_for(Refusal::NotOpen), @r#"
    <!-- preview:notice:77 -->

    outsider: no preview was started. This pull request is not open. Reopen it and comment `/preview` again.
    "#);
}

#[test]
fn without_a_temporal_ui_there_is_no_link() {
    let nowhere = Links {
        temporal_ui: None,
        ..links()
    };
    assert!(!sticky(&report(ReportedState::Requested), &nowhere).contains("workflow"));
}

#[test]
fn whatever_comes_a_comment_fits_into_githubs_limit() {
    let explanation = Explanation {
        summary: "`<@#".repeat(100_000),
        log_tail: Some("`\u{1F600}".repeat(100_000)),
    };
    assert!(
        rendered(ReportedState::Failed { explanation })
            .chars()
            .count()
            < 60_000
    );
}

#[test]
fn the_end_of_one_preview_does_not_hide_another_that_is_alive() {
    let mut newer = report(ReportedState::Requested);
    newer.preview.commit = "f".repeat(40).parse().expect("a commit");
    let shown = sticky(&newer, &links());

    assert!(would_hide_a_living_preview(
        &shown,
        &report(ReportedState::Stopped)
    ));
    assert!(!would_hide_a_living_preview(
        &shown,
        &report(ReportedState::Requested)
    ));

    newer.state = ReportedState::Stopped;
    assert!(!would_hide_a_living_preview(&shown, &newer));
    let shown = sticky(&newer, &links());
    assert!(!would_hide_a_living_preview(
        &shown,
        &report(ReportedState::Stopped)
    ));
}
