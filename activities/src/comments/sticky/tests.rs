//! Every text of the one comment that a person can read, in full.

use domain::{
    Explanation,
    preview::{AnswerNote, MissingImage, ProbePath, PullProblem, StopReason, WaitingFor},
};
use insta::assert_snapshot;

use super::{
    super::tests::{NEWER, OLDER, at, ready, report, temporal_ui, told},
    *,
};

/// What stands between the heading and the line at the end.
fn said(state: PreviewState) -> String {
    let comment = told(vec![report(OLDER, state)]);
    let (_, rest) = comment.split_once("### Preview of `0123456`\n\n").expect("a heading");
    let (body, _) = rest.split_once("\n\n<sub>").expect("a last line");
    body.to_owned()
}

fn removed(because: StopReason) -> String {
    said(PreviewState::Removed { because })
}

fn stopping(because: StopReason) -> String {
    said(PreviewState::Stopping { because, is_slow: false })
}

fn failed() -> PreviewState {
    PreviewState::Failed {
        explanation: Explanation {
            summary: "The container `web` was started 4 times and ended each time, the last time with exit code 1.".to_owned(),
            log_tail: Some("Traceback (most recent call last):\n```</details> @everyone\nModuleNotFoundError: No module named 'flask'\n".to_owned()),
        },
    }
}

#[test]
fn a_whole_comment() {
    assert_snapshot!(told(vec![report(OLDER, PreviewState::Requested)]), @"
    <!-- preview:sticky -->

    ### Preview of `0123456`

    🚀 Deployment requested! Setting up preview environment…

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000)</sub>
    ");
}

#[test]
fn a_log_that_is_not_posted_is_named_with_its_place() {
    let truth = StickyComment { revision: 1, previews: vec![report(OLDER, failed())] };
    assert!(has_log(&truth));
    let nowhere = TemporalUi { url: None, ..temporal_ui() };
    let workflow = "octo-org%2Fhello-world%2312:0123456789abcdef0123456789abcdef01234567/0198c0de-0000-7000-8000-000000000000";
    for (temporal_ui, place) in [
        (
            temporal_ui(),
            format!(
                "[the preview's workflow](<https://temporal.example.com/ui/namespaces/default/workflows/{workflow}>)"
            ),
        ),
        (nowhere, format!("`octo-org/hello-world#12:{OLDER}`")),
    ] {
        let comment = sticky(&truth, &temporal_ui, false).expect("something to tell");
        let told = format!(
            "Its last output is not posted on this pull request. The operators of the preview service find it in {place}.\n"
        );
        assert!(comment.contains(&told), "{comment}");
        assert!(!comment.contains("Traceback") && !comment.contains("<details>"), "{comment}");
    }
    let without = StickyComment {
        revision: 1,
        previews: vec![report(OLDER, PreviewState::Requested)],
    };
    assert!(!has_log(&without));
    assert_eq!(sticky(&without, &temporal_ui(), false), sticky(&without, &temporal_ui(), true));
}

#[test]
fn on_its_way() {
    assert_snapshot!(said(PreviewState::Queued { waiting_for: WaitingFor::OwnRemoval }), @"⏳ Queued: this commit's earlier preview is still being removed. The new one is set up as soon as it is gone.");
    assert_snapshot!(said(PreviewState::Provisioning), @"🚀 Deployment requested! Setting up preview environment… Creating its namespace.");
    assert_snapshot!(said(PreviewState::Installing), @"🚀 Deployment requested! Setting up preview environment… Installing the chart.");
    assert_snapshot!(said(PreviewState::Starting), @"🚀 Deployment requested! Setting up preview environment… The chart is installed; its URL is shown here as soon as it answers.");
}

#[test]
fn an_image_that_cannot_be_pulled() {
    let told = |because| {
        said(PreviewState::WaitingForImage(MissingImage {
            image: "ghcr.io/octo-org/shop:1".to_owned(),
            because,
        }))
    };
    assert_snapshot!(told(PullProblem::NotFound), @"⏳ Waiting for this commit's image: `ghcr.io/octo-org/shop:1` does not exist yet. The deployment continues as soon as it does.");
    assert_snapshot!(told(PullProblem::NotAllowed), @"⏳ Waiting for this commit's image: the registry does not let the cluster pull `ghcr.io/octo-org/shop:1`, or does not have it yet. The deployment continues as soon as it can be pulled.");
    assert_snapshot!(told(PullProblem::RateLimited), @"⏳ Waiting for this commit's image: the registry limits how often the cluster may pull, so `ghcr.io/octo-org/shop:1` takes longer. The deployment continues as soon as it can be pulled.");
    assert_snapshot!(told(PullProblem::NoAnswer), @"⏳ Waiting for this commit's image: the registry does not answer as it should, so `ghcr.io/octo-org/shop:1` cannot be pulled yet. The deployment continues as soon as it can be pulled.");
}

#[test]
fn ready_on_its_own_address() {
    assert_snapshot!(said(ready(OLDER)), @"
    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed.

    Comment `/preview extend 30m` to keep it longer (2026-11-23 04:42 UTC at the latest), or `/preview stop` to remove it now.
    ");
}

#[test]
fn ready_with_a_note_on_how_it_answers() {
    let said = |note| {
        let mut state = ready(OLDER);
        if let PreviewState::Ready { note: shown, .. } = &mut state {
            *shown = Some(note);
        }
        said(state)
    };
    let refuses = |status| AnswerNote::Refuses { status, path: ProbePath::default() };
    assert_snapshot!(said(refuses(401)), @"
    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It answers 401: sign in to see it.

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed.

    Comment `/preview extend 30m` to keep it longer (2026-11-23 04:42 UTC at the latest), or `/preview stop` to remove it now.
    ");
    let line = |note| said(note).lines().nth(2).unwrap_or_default().to_owned();
    assert_eq!(line(refuses(404)), "It answers 404 at `/`.");
    let to = "https://login.example.com".to_owned();
    assert_eq!(line(AnswerNote::Redirects { to }), "It redirects to `https://login.example.com`.");
}

#[test]
fn ready_on_the_pull_requests_address_too() {
    assert_snapshot!(said(with_stable_address()), @"
    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed. <https://pr-12-hello-world-1f2e3d4c5b.previews.example.com/> always points to this pull request's newest ready preview.

    Comment `/preview extend 30m` to keep it longer (2026-11-23 04:42 UTC at the latest), or `/preview stop` to remove it now.
    ");
}

#[test]
fn ready_on_its_own_address_while_the_app_answers_otherwise_on_the_pull_requests() {
    let noted = |note| {
        let mut state = with_stable_address();
        if let PreviewState::Ready { stable_note, .. } = &mut state {
            *stable_note = Some(note);
        }
        state
    };
    let refuses = noted(AnswerNote::Refuses { status: 400, path: ProbePath::default() });
    assert_snapshot!(said(refuses.clone()), @"
    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed.

    At the pull request's own address, <https://pr-12-hello-world-1f2e3d4c5b.previews.example.com/>, the app answers 400 at `/`. If it checks host names, let it accept that one, too: `{stable_host}` in `.preview.yaml`.

    Comment `/preview extend 30m` to keep it longer (2026-11-23 04:42 UTC at the latest), or `/preview stop` to remove it now.
    ");
    let to = "https://www.example.com".to_owned();
    let redirects = said(noted(AnswerNote::Redirects { to }));
    assert_snapshot!(
        redirects.lines().nth(4).unwrap_or_default(),
        @"At the pull request's own address, <https://pr-12-hello-world-1f2e3d4c5b.previews.example.com/>, it redirects to `https://www.example.com`."
    );
    let newer = told(vec![report(NEWER, PreviewState::Installing), report(OLDER, refuses)]);
    assert!(!newer.contains("pr-12-hello-world"), "{newer}");
}

fn with_stable_address() -> PreviewState {
    let mut state = ready(OLDER);
    if let PreviewState::Ready { stable_url, .. } = &mut state {
        *stable_url = Some("https://pr-12-hello-world-1f2e3d4c5b.previews.example.com/".to_owned());
    }
    state
}

#[test]
fn expiring_soon() {
    let mut state = ready(OLDER);
    if let PreviewState::Ready { is_expiring, .. } = &mut state {
        *is_expiring = true;
    }
    assert_snapshot!(said(state), @"
    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed.

    ⚠️ That is soon. Comment `/preview extend 30m` to keep it longer (2026-11-23 04:42 UTC at the latest), or `/preview stop` to remove it now.
    ");
}

#[test]
fn expiring_soon_at_the_end_of_the_longest_life() {
    let mut state = ready(OLDER);
    if let PreviewState::Ready { is_expiring, expires_at, extendable_until, .. } = &mut state {
        *is_expiring = true;
        *extendable_until = *expires_at;
    }
    assert_snapshot!(said(state), @"
    ✅ The preview is ready: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed.

    ⚠️ That is soon. It cannot be extended any further. Comment `/preview stop` to remove it now, or `/preview` for a new one when it is gone.
    ");
}

#[test]
fn stopping_for_every_reason() {
    assert_snapshot!(stopping(StopReason::Expired { at: at("2026-11-22T05:12:40Z") }), @"⏹️ Removing the preview: it expired at 2026-11-22 05:12 UTC.");
    assert_snapshot!(stopping(StopReason::Asked { by: Some("octo_cat".parse().expect("a login")) }), @r"⏹️ Removing the preview: it was stopped by octo\_cat.");
    assert_snapshot!(stopping(StopReason::Asked { by: None }), @"⏹️ Removing the preview: it was stopped.");
    assert_snapshot!(stopping(StopReason::Superseded { by: NEWER.parse().expect("a commit") }), @"⏹️ Removing the preview: the preview of `fedcba9` took its place.");
    assert_snapshot!(stopping(StopReason::PullRequestClosed { merged: false }), @"⏹️ Removing the preview: the pull request was closed.");
    assert_snapshot!(stopping(StopReason::PullRequestClosed { merged: true }), @"⏹️ Removing the preview: the pull request was merged.");
    assert_snapshot!(stopping(StopReason::Cancelled { reason: Some("maintenance of `node-7`".to_owned()) }), @"
    ⏹️ Removing the preview: it was cancelled.

    Reason given: maintenance of `node-7`
    ");
    assert_snapshot!(stopping(StopReason::Terminated), @"⏹️ Removing the preview: its workflow was terminated.");
}

#[test]
fn removed_for_every_reason() {
    assert_snapshot!(removed(StopReason::Expired { at: at("2026-11-22T05:12:40Z") }), @"⌛ The preview is gone: it expired at 2026-11-22 05:12 UTC. Comment `/preview` for a new one.");
    assert_snapshot!(removed(StopReason::Asked { by: Some("octo_cat".parse().expect("a login")) }), @r"⏹️ The preview is gone: it was stopped by octo\_cat. Comment `/preview` for a new one.");
    assert_snapshot!(removed(StopReason::Asked { by: None }), @"⏹️ The preview is gone: it was stopped. Comment `/preview` for a new one.");
    assert_snapshot!(removed(StopReason::Superseded { by: NEWER.parse().expect("a commit") }), @"⏹️ The preview is gone: the preview of `fedcba9` took its place. Comment `/preview` for a new one.");
    assert_snapshot!(removed(StopReason::PullRequestClosed { merged: false }), @"⏹️ The preview is gone: the pull request was closed. Reopen it and comment `/preview` for a new one.");
    assert_snapshot!(removed(StopReason::PullRequestClosed { merged: true }), @"⏹️ The preview is gone: the pull request was merged.");
    assert_snapshot!(removed(StopReason::Cancelled { reason: None }), @"⏹️ The preview is gone: it was cancelled. Comment `/preview` for a new one.");
    assert_snapshot!(removed(StopReason::Cancelled { reason: Some("maintenance of `node-7`".to_owned()) }), @"
    ⏹️ The preview is gone: it was cancelled.

    Reason given: maintenance of `node-7`

    Comment `/preview` for a new one.
    ");
    assert_snapshot!(removed(StopReason::Terminated), @"⏹️ The preview is gone: its workflow was terminated. What is left of it is removed within minutes. Comment `/preview` for a new one.");
}

#[test]
fn a_failure_is_told_while_what_was_deployed_is_being_removed() {
    let PreviewState::Failed { mut explanation } = failed() else {
        panic!("a failure");
    };
    explanation.log_tail = None;
    assert_snapshot!(said(PreviewState::Failing { explanation }), @"
    ❌ The preview could not be deployed. The container `web` was started 4 times and ended each time, the last time with exit code 1.

    What was deployed is being removed.
    ");
}

#[test]
fn failed_with_a_log() {
    assert_snapshot!(said(failed()), @"
    ❌ The preview could not be deployed. The container `web` was started 4 times and ended each time, the last time with exit code 1.

    <details><summary>Last output</summary>

    ````text
    Traceback (most recent call last):
    ```</details> @everyone
    ModuleNotFoundError: No module named 'flask'
    ````

    </details>

    What was deployed has been removed. Comment `/preview` to try again.
    ");
}

#[test]
fn failed_without_a_log() {
    let explanation = Explanation {
        summary: "The image `x` could not be pulled in time.".to_owned(),
        log_tail: None,
    };
    assert_snapshot!(said(PreviewState::Failed { explanation }), @"
    ❌ The preview could not be deployed. The image `x` could not be pulled in time.

    What was deployed has been removed. Comment `/preview` to try again.
    ");
}

#[test]
fn the_older_commit_is_live_until_the_newer_is_ready() {
    assert_snapshot!(told(vec![report(NEWER, PreviewState::Installing), report(OLDER, with_stable_address())]), @"
    <!-- preview:sticky -->

    ### Preview of `fedcba9`

    ✅ `0123456` is live: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>** and <https://pr-12-hello-world-1f2e3d4c5b.previews.example.com/>, until **2026-11-22 05:12 UTC**. It stays until `fedcba9` is ready.

    🚀 Deployment requested! Setting up preview environment… Installing the chart.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:fedcba9876543210fedcba9876543210fedcba98/0198c0de-0000-7000-8000-000000000000)</sub>
    ");
}

#[test]
fn the_older_commit_stays_live_when_the_newer_failed() {
    assert_snapshot!(told(vec![report(NEWER, failed()), report(OLDER, ready(OLDER))]), @"
    <!-- preview:sticky -->

    ### Preview of `fedcba9`

    ✅ `0123456` is live: **<https://pr-12-0123456-hello-world-cab5ebdfaf.previews.example.com/>**, until **2026-11-22 05:12 UTC**. It stays: `fedcba9` could not be deployed.

    ❌ The preview could not be deployed. The container `web` was started 4 times and ended each time, the last time with exit code 1.

    <details><summary>Last output</summary>

    ````text
    Traceback (most recent call last):
    ```</details> @everyone
    ModuleNotFoundError: No module named 'flask'
    ````

    </details>

    What was deployed has been removed. Comment `/preview` to try again.

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:fedcba9876543210fedcba9876543210fedcba98/0198c0de-0000-7000-8000-000000000000)</sub>
    ");
}

#[test]
fn the_older_commit_is_removed_once_the_newer_is_ready() {
    let superseded = PreviewState::Stopping {
        because: StopReason::Superseded { by: NEWER.parse().expect("a commit") },
        is_slow: false,
    };
    assert_snapshot!(told(vec![report(NEWER, ready(NEWER)), report(OLDER, superseded)]), @"
    <!-- preview:sticky -->

    ### Preview of `fedcba9`

    ✅ The preview is ready: **<https://pr-12-fedcba9-hello-world-cab5ebdfaf.previews.example.com/>**

    It serves exactly this commit until **2026-11-22 05:12 UTC**; then it is removed.

    Comment `/preview extend 30m` to keep it longer (2026-11-23 04:42 UTC at the latest), or `/preview stop` to remove it now.

    Other previews of this pull request:
    - `0123456`: being removed: the preview of `fedcba9` took its place · requested by mona

    <sub>Requested by mona · [workflow](https://temporal.example.com/ui/namespaces/default/workflows/octo-org%2Fhello-world%2312:fedcba9876543210fedcba9876543210fedcba98/0198c0de-0000-7000-8000-000000000000)</sub>
    ");
}

#[test]
fn what_is_over_is_not_told_of_beside_the_newest() {
    let gone = PreviewState::Removed { because: StopReason::Asked { by: None } };
    let alone = told(vec![report(NEWER, PreviewState::Requested)]);
    let beside = told(vec![report(NEWER, PreviewState::Requested), report(OLDER, gone)]);
    assert_eq!(alone, beside);
}

#[test]
fn a_request_without_a_run_is_linked_by_its_workflow_id() {
    let mut waiting = report(OLDER, PreviewState::Requested);
    waiting.run_id = None;
    let comment = told(vec![waiting]);
    assert!(comment.contains(&format!("hello-world%2312:{OLDER})</sub>")), "{comment}");
}

#[test]
fn without_a_temporal_ui_there_is_no_link() {
    let nowhere = TemporalUi { url: None, ..temporal_ui() };
    let truth = StickyComment {
        revision: 1,
        previews: vec![report(OLDER, PreviewState::Requested)],
    };
    let comment = sticky(&truth, &nowhere, true).expect("something to tell");
    assert!(!comment.contains("workflow"), "{comment}");
}

#[test]
fn nothing_is_said_before_anything_was_asked_for() {
    let truth = StickyComment { revision: 0, previews: Vec::new() };
    assert_eq!(sticky(&truth, &temporal_ui(), true), None);
}
