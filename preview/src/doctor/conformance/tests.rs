//! A conversation as docs/operating.md shows it, and what is said of one that does not come to its end.

use std::time::{Duration, Instant};

use ::domain::{
    Explanation, PreviewId, RepositoryId,
    preview::{Phase, PreviewState, StopReason},
    pull_request::PullRequestState,
};
use ::github::PullRequest;
use reqwest::StatusCode;
use workflows::preview::PreviewStatus;

use super::judge::{self, Asked, Page, Played};
use crate::{
    doctor::line::{self, Line},
    page,
};

const COMMIT: &str = "4f2d9c0de3b1a7665544332211009988776655ff";

fn preview() -> PreviewId {
    format!("octo-org/hello-world#1:{COMMIT}").parse().expect("a preview")
}

fn played() -> Played {
    Played {
        preview: preview(),
        run_id: "019ac0de".to_owned(),
        url: "https://pr-1-4f2d9c0-hello-world-mzqhyb.previews.example.com/".to_owned(),
        took: Duration::from_millis(12_400),
    }
}

fn status(expires_at: &str) -> PreviewStatus {
    PreviewStatus {
        phase: Phase::Ready,
        url: None,
        expires_at: Some(expires_at.parse().expect("a timestamp")),
        ignored_signals: Vec::new(),
    }
}

fn opened(status: StatusCode, commit: Option<&str>) -> Line {
    judge::page(&played(), Ok(Page { status, commit: commit.map(str::to_owned) }))
}

#[test]
fn the_page_shows_a_conversation() {
    let asked = Asked {
        preview: preview(),
        at: Instant::now(),
        before: Vec::new(),
        earlier_run: None,
    };
    let (early, late) = (status("2026-11-26T12:10:00Z"), status("2026-11-26T12:11:00Z"));
    let gone = "⏹️ The preview is gone: it was stopped. Comment `/preview` for a new one.";
    let lines = [
        judge::asked(&asked),
        judge::answered(
            Duration::from_secs(1),
            "<!-- preview -->\n### Preview\n\nDeployment requested! Setting up preview environment…\n",
        ),
        judge::ready(&played()),
        opened(StatusCode::OK, Some(COMMIT)),
        judge::extended("1m", Ok((Some(early), Some(late)))),
        judge::removed("preview-hello-world-mzqhyb-pr-1-4f2d9c0", Duration::from_millis(5_200)),
        judge::last_word(gone),
    ];
    page::assert_shows(&line::report(&lines));
}

#[test]
fn a_page_of_another_commit_and_one_that_does_not_work_are_wrong() {
    assert!(opened(StatusCode::OK, Some("aaaaaaa")).is_wrong());
    assert!(opened(StatusCode::BAD_GATEWAY, None).is_wrong());
    assert!(judge::page(&played(), Err("no route".to_owned())).is_wrong());
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FOUND] {
        assert!(!opened(status, None).is_wrong(), "{status}");
    }
}

#[test]
fn what_cannot_become_ready_is_not_waited_for() {
    let on_the_way = |state: &PreviewState| judge::on_the_way("octo-org/hello-world#1:4f2d9c0", state);
    let explanation = Explanation {
        summary: "The container `web` ended.".to_owned(),
        log_tail: None,
    };
    let failed = on_the_way(&PreviewState::Failed { explanation }).expect("it has failed");
    assert!(
        failed.is_wrong() && format!("{failed:?}").contains("The container `web` ended."),
        "{failed:?}"
    );
    let stopped = PreviewState::Removed { because: StopReason::Asked { by: None } };
    assert!(on_the_way(&stopped).is_some_and(|line| !line.is_wrong()));
    assert!(on_the_way(&PreviewState::Installing).is_none());
}

#[test]
fn a_preview_that_cannot_live_longer_is_doubtful_and_one_that_says_nothing_is_wrong() {
    let same = || Some(status("2026-11-26T12:10:00Z"));
    let doubtful = judge::extended("1m", Ok((same(), same())));
    assert!(!doubtful.is_wrong() && format!("{doubtful:?}").contains("PREVIEW_MAX_LIFETIME"));
    assert!(judge::extended("1m", Ok((same(), None))).is_wrong());
    assert!(judge::extended("1m", Err(anyhow::anyhow!("it is not open"))).is_wrong());
}

#[test]
fn a_pull_request_that_gets_no_previews_is_not_waited_for() {
    let unsuitable = |state, from_fork| {
        judge::unsuitable(&PullRequest {
            repository: RepositoryId(1),
            head: COMMIT.parse().expect("a commit"),
            branch: "greet".to_owned(),
            from_fork,
            base_branch: "main".to_owned(),
            default_branch: "main".to_owned(),
            state,
            locked: false,
        })
    };
    assert!(unsuitable(PullRequestState::Open, false).is_none());
    assert!(unsuitable(PullRequestState::Open, true).is_some());
    assert!(unsuitable(PullRequestState::Merged, false).is_some());
}
