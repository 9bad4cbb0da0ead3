use proptest::prelude::*;

use super::*;
use crate::preview::{MissingImage, Probe, ProbePath, PullProblem};

fn preview(commit: char) -> PreviewId {
    let sha = commit.to_string().repeat(40);
    format!("octo-org/hello-world#12:{sha}").parse().expect("an id")
}

fn request(commit: char) -> PreviewRequest {
    let id = preview(commit);
    serde_json::from_value(serde_json::json!({
        "idempotency_key": id.to_string(), "repo": "octo-org/hello-world", "pr_number": 12, "commit_sha": id.commit,
        "installation_id": 5, "comment_id": 77, "requested_by": "mona",
    }))
    .expect("a request")
}

fn report(commit: char, run: &str, revision: u32, state: PreviewState) -> PreviewReport {
    PreviewReport {
        preview: preview(commit),
        run_id: Some(run.to_owned()),
        started_at: None,
        revision,
        requested_by: "mona".parse().expect("a login"),
        asked_in: CommentId(77),
        state,
        environment: None,
        probe: Probe::default(),
    }
}

fn ready(expires_at: &str) -> PreviewState {
    PreviewState::Ready {
        url: "http://x/".to_owned(),
        note: None,
        stable_url: None,
        stable_note: None,
        expires_at: expires_at.parse().expect("a time"),
        extendable_until: Timestamp::MAX,
        is_expiring: false,
    }
}

fn run(commit: char, run_id: &str) -> RunIdentity {
    RunIdentity { preview: preview(commit), run_id: run_id.to_owned() }
}

/// What answers at the stable URL.
fn stable() -> Answering {
    Answering { url: "http://stable/".to_owned(), note: None }
}

fn refusing(status: u16) -> AnswerNote {
    AnswerNote::Refuses { status, path: ProbePath::default() }
}

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a time")
}

const LATER: &str = "2026-11-22T12:30:00Z";

fn gone() -> PreviewState {
    PreviewState::Removed { because: StopReason::Asked { by: None } }
}

fn failed() -> PreviewState {
    PreviewState::Failed {
        explanation: crate::Explanation { summary: "No.".to_owned(), log_tail: None },
    }
}

/// Asked for, started, ready, and pointed to by the stable URL.
fn with_ready(tracker: &mut PreviewTracker, commit: char, run_id: &str) {
    tracker.request(request(commit));
    tracker.run_started(&request(commit), run_id);
    tracker.apply_report(report(commit, run_id, 1, ready(LATER)));
    tracker.stable_url_settled(&run(commit, run_id), Some(stable()), noon());
}

fn states(tracker: &PreviewTracker) -> Vec<(String, PreviewState)> {
    let told = tracker.reports().into_iter();
    told.map(|report| (report.preview.commit.short().to_owned(), report.state))
        .collect()
}

#[test]
fn what_is_on_its_way_is_no_news_and_what_was_waited_for_is() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    tracker.run_started(&request('a'), "run-1");
    assert!(!tracker.apply_report(report('a', "run-1", 1, PreviewState::Provisioning)));
    let waiting =
        PreviewState::WaitingForImage(MissingImage { image: "x".to_owned(), because: PullProblem::NotFound });
    assert!(tracker.apply_report(report('a', "run-1", 2, waiting)));
    // Ready is told together with the stable URL, which is pointed here first.
    assert!(!tracker.apply_report(report('a', "run-1", 3, ready(LATER))));
    assert_eq!(
        tracker.next_step(),
        Some(Step::Apply(Effect::PointStableUrl { to: run('a', "run-1"), probe: Probe::default() }))
    );
    assert!(tracker.stable_url_settled(&run('a', "run-1"), Some(stable()), noon()));
    assert_eq!(tracker.next_step(), None);
    assert!(tracker.apply_report(report('a', "run-1", 4, ready("2026-11-22T13:00:00Z"))));
    assert!(tracker.apply_report(report('a', "run-1", 5, gone())));
    assert!(tracker.are_all_over());
}

#[test]
fn a_report_that_comes_late_says_nothing() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    assert!(!tracker.apply_report(report('a', "run-1", 2, PreviewState::Starting)));
    assert!(!tracker.apply_report(report('a', "run-1", 1, PreviewState::Installing)));
    assert_eq!(states(&tracker)[0].1, PreviewState::Starting);
    assert!(tracker.apply_report(report('a', "run-1", 3, gone())));
    tracker.request(request('a'));
    tracker.run_started(&request('a'), "run-2");
    assert!(!tracker.apply_report(report('a', "run-1", 3, gone())));
    assert_eq!(states(&tracker)[0].1, PreviewState::Requested);
}

#[test]
fn an_older_preview_stays_until_a_newer_one_is_ready() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-a");
    tracker.request(request('b'));
    tracker.run_started(&request('b'), "run-b");
    tracker.apply_report(report('b', "run-b", 1, PreviewState::Starting));
    assert_eq!(tracker.next_step(), None);
    assert_eq!(states(&tracker).len(), 2);

    tracker.apply_report(report('b', "run-b", 2, ready(LATER)));
    assert!(matches!(tracker.next_step(), Some(Step::Apply(Effect::PointStableUrl { .. }))));
    assert!(tracker.stable_url_settled(&run('b', "run-b"), None, noon()));
    let by = preview('b').commit;
    assert_eq!(tracker.next_step(), Some(Step::Supersede { preview: preview('a'), by }));
    let by = preview('b').commit;
    tracker.request_end(&preview('a'), StopReason::Superseded { by });
    assert!(matches!(
        tracker.next_step(),
        Some(Step::Apply(Effect::SignalStop { run_id, .. })) if run_id == "run-a"
    ));
    tracker.end_delivered(&preview('a'), "run-a");
    assert_eq!(tracker.next_step(), None);
    tracker.apply_report(report('a', "run-a", 9, gone()));
    assert_eq!(states(&tracker), [("bbbbbbb".to_owned(), ready(LATER))]);
}

#[test]
fn a_newer_one_that_fails_leaves_the_older_alone() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-a");
    tracker.request(request('b'));
    tracker.run_started(&request('b'), "run-b");
    assert!(tracker.apply_report(report('b', "run-b", 1, failed())));
    assert_eq!(tracker.next_step(), None);
    let told = states(&tracker);
    assert_eq!(told[0], ("bbbbbbb".to_owned(), failed()));
    assert!(told[1].0 == "aaaaaaa" && told[1].1.is_ready());
}

/// What is told of each commit after every surplus preview has been told to end.
fn with_pushes(tracker: &mut PreviewTracker, commits: impl IntoIterator<Item = char>) -> Vec<String> {
    for commit in commits {
        tracker.request(request(commit));
        while let Some(step) = tracker.next_step() {
            match step {
                Step::Supersede { preview, by } => {
                    tracker.request_end(&preview, StopReason::Superseded { by });
                }
                Step::Apply(Effect::StartRun(request)) => {
                    let run = format!("run-{}", request.preview.commit.short());
                    tracker.run_started(&request, &run);
                }
                Step::Apply(Effect::SignalStop { preview, run_id, .. }) => {
                    tracker.end_delivered(&preview, &run_id);
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
    let alive = tracker.alive().map(|report| report.preview.commit.short()[..1].to_owned());
    alive.collect()
}

#[test]
fn of_many_pushes_the_first_and_the_newest_live() {
    let mut tracker = PreviewTracker::default();
    assert_eq!(with_pushes(&mut tracker, ['a', 'b']), ["b", "a"]);
    assert_eq!(with_pushes(&mut tracker, ['c', 'd', 'e', 'f']), ["f", "a"]);
    let superseded = states(&tracker).into_iter().filter(|(_, state)| {
        let by = "f".repeat(40).parse().expect("a commit");
        *state == PreviewState::Stopping { because: StopReason::Superseded { by }, is_slow: false }
    });
    assert_eq!(superseded.count(), 1, "each is told what has taken its place");
}

#[test]
fn the_one_that_answers_stays_until_the_newest_does() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-a");
    assert_eq!(with_pushes(&mut tracker, ['b', 'c', 'd']), ["d", "a"]);
    tracker.request_end(&preview('d'), StopReason::Asked { by: None });
    assert_eq!(with_pushes(&mut tracker, ['e']), ["e", "a"]);
}

#[test]
fn an_older_one_that_is_ready_too_late_is_superseded_at_once() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    tracker.run_started(&request('a'), "run-a");
    with_ready(&mut tracker, 'b', "run-b");
    assert!(matches!(
        tracker.next_step(),
        Some(Step::Supersede { preview: older, .. }) if older == preview('a')
    ));
    tracker.apply_report(report('a', "run-a", 3, ready(LATER)));
    assert!(matches!(
        tracker.next_step(),
        Some(Step::Supersede { preview: older, .. }) if older == preview('a')
    ));
}

#[test]
fn a_request_during_the_removal_waits_for_its_end() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-1");
    let because = StopReason::Asked { by: None };
    tracker.apply_report(report('a', "run-1", 2, PreviewState::Stopping { because, is_slow: false }));
    assert_eq!(tracker.availability(&preview('a')), Availability::Ending);
    tracker.queue(request('a'));
    assert!(matches!(states(&tracker)[0].1, PreviewState::Queued { .. }));
    assert!(tracker.next_step().is_none() && !tracker.are_all_over());

    tracker.apply_report(report('a', "run-1", 3, gone()));
    let preview = preview('a');
    assert_eq!(tracker.next_step(), Some(Step::StartSuccessor(preview.clone())));
    assert_eq!(tracker.take_successor(&preview), Some(request('a')));
}

#[test]
fn what_waits_for_the_end_of_a_run_that_is_reset_has_what_it_wanted() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-1");
    let because = StopReason::Asked { by: None };
    tracker.apply_report(report('a', "run-1", 2, PreviewState::Stopping { because, is_slow: false }));
    tracker.queue(request('a'));
    tracker.apply_report(report('a', "run-2", 3, ready(LATER)));
    assert!(matches!(states(&tracker)[0].1, PreviewState::Ready { .. }));
    tracker.apply_report(report('a', "run-2", 4, gone()));
    assert!(tracker.are_all_over());
}

#[test]
fn of_a_run_that_closed_without_a_word_it_is_told_how() {
    let mut tracker = PreviewTracker::default();
    let terminated = Ending::Stopped(StopReason::Terminated);
    assert_eq!(tracker.last_word(&preview('a'), &terminated), None);
    tracker.request(request('a'));
    assert_eq!(tracker.last_word(&preview('a'), &terminated), None, "that was a run before");
    with_ready(&mut tracker, 'a', "run-1");
    let report = tracker.last_word(&preview('a'), &terminated).expect("nothing had said so");
    assert!(tracker.apply_report(report));
    let because = StopReason::Terminated;
    assert_eq!(states(&tracker)[0].1, PreviewState::Removed { because });
    let expired = Ending::Stopped(StopReason::NamespaceLost);
    assert_eq!(tracker.last_word(&preview('a'), &expired), None);
}

#[test]
fn a_preview_that_was_started_by_hand_is_taken_in() {
    let mut tracker = PreviewTracker::default();
    tracker.apply_report(report('a', "run-1", 4, ready(LATER)));
    assert!(matches!(tracker.next_step(), Some(Step::Apply(Effect::PointStableUrl { .. }))));
    assert_eq!(tracker.alive().count(), 1);
}

/// Where the stable URL leads, as people are told of the newest preview, and how it answers.
fn told_stable(tracker: &PreviewTracker) -> (Option<String>, Option<AnswerNote>) {
    let PreviewState::Ready { stable_url, stable_note, .. } = states(tracker).remove(0).1 else {
        panic!("not ready");
    };
    (stable_url, stable_note)
}

fn is_to_be_pointed(tracker: &PreviewTracker) -> bool {
    matches!(tracker.next_step(), Some(Step::Apply(Effect::PointStableUrl { .. })))
}

#[test]
fn a_stable_url_that_cannot_be_pointed_is_tried_again_after_longer_and_longer_pauses() {
    let mut tracker = PreviewTracker::default();
    tracker.apply_report(report('a', "run-1", 1, ready(LATER)));
    let mut now = noon();
    let mut pauses = Vec::new();
    for attempt in 0..9 {
        assert!(is_to_be_pointed(&tracker));
        let is_news = tracker.stable_url_settled(&run('a', "run-1"), None, now);
        assert_eq!(is_news, attempt == 0, "it is told once, with the preview's own URL");
        assert_eq!(tracker.next_step(), None);
        let next = tracker.next_stable_url_try().expect("another try");
        pauses.push(now.duration_until(next).as_secs());
        now = next;
        tracker.retry_stable_url();
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);

    assert!(tracker.stable_url_settled(&run('a', "run-1"), Some(stable()), now));
    assert_eq!(told_stable(&tracker), (Some("http://stable/".to_owned()), None));
    assert_eq!((tracker.next_step(), tracker.next_stable_url_try()), (None, None));
}

#[test]
fn whoever_asks_again_has_the_stable_url_pointed_anew() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-1");
    assert_eq!(tracker.next_step(), None);
    tracker.asked_again(&preview('a'), CommentId(80));
    assert!(is_to_be_pointed(&tracker));
    assert!(!tracker.stable_url_settled(&run('a', "run-1"), Some(stable()), noon()), "no news");
    assert_eq!(tracker.next_step(), None);
}

#[test]
fn only_a_newest_preview_that_is_ready_is_tried_again() {
    let mut tracker = PreviewTracker::default();
    tracker.apply_report(report('a', "run-1", 1, ready(LATER)));
    tracker.stable_url_settled(&run('a', "run-1"), None, noon());
    assert!(tracker.next_stable_url_try().is_some());
    tracker.request_end(&preview('a'), StopReason::Asked { by: None });
    assert_eq!(tracker.next_stable_url_try(), None);
    tracker.retry_stable_url();
    assert!(!is_to_be_pointed(&tracker));
}

#[test]
fn what_came_of_an_earlier_runs_stable_url_says_nothing_of_the_next() {
    let mut tracker = PreviewTracker::default();
    tracker.apply_report(report('a', "run-1", 1, ready(LATER)));
    tracker.apply_report(report('a', "run-2", 1, ready(LATER)));
    assert!(!tracker.stable_url_settled(&run('a', "run-1"), Some(stable()), noon()));
    assert!(is_to_be_pointed(&tracker));
}

#[test]
fn an_app_that_answers_otherwise_at_the_stable_url_is_told_of_and_asked_again() {
    let mut tracker = PreviewTracker::default();
    tracker.apply_report(report('a', "run-1", 1, ready(LATER)));
    let settle = |tracker: &mut PreviewTracker, note| {
        let answering = Answering { note, ..stable() };
        tracker.stable_url_settled(&run('a', "run-1"), Some(answering), noon())
    };
    assert!(settle(&mut tracker, Some(refusing(400))));
    assert_eq!(told_stable(&tracker), (Some("http://stable/".to_owned()), Some(refusing(400))));
    tracker.retry_stable_url();
    assert!(is_to_be_pointed(&tracker));
    assert!(!settle(&mut tracker, Some(refusing(400))), "no news");

    for as_at_its_own in [None, Some(AnswerNote::Redirects { to: "http://x".to_owned() })] {
        assert!(settle(&mut tracker, as_at_its_own));
        assert_eq!(told_stable(&tracker), (Some("http://stable/".to_owned()), None));
        assert_eq!(tracker.next_stable_url_try(), None);
        settle(&mut tracker, Some(refusing(403)));
    }
}

#[test]
fn an_app_that_refuses_everywhere_refuses_no_host() {
    let mut tracker = PreviewTracker::default();
    let mut state = ready(LATER);
    if let PreviewState::Ready { note, .. } = &mut state {
        *note = Some(refusing(401));
    }
    tracker.apply_report(report('a', "run-1", 1, state));
    let answering = Answering { note: Some(refusing(401)), ..stable() };
    tracker.stable_url_settled(&run('a', "run-1"), Some(answering), noon());
    assert_eq!(told_stable(&tracker), (Some("http://stable/".to_owned()), None));
    assert_eq!(tracker.next_stable_url_try(), None);
}

fn any_state() -> impl Strategy<Value = PreviewState> {
    prop_oneof![
        Just(PreviewState::Provisioning),
        Just(PreviewState::Starting),
        Just(ready(LATER)),
        Just(PreviewState::Stopping { because: StopReason::Asked { by: None }, is_slow: false }),
        Just(gone()),
        Just(failed()),
    ]
}

proptest! {
    /// Whatever is reported in whatever order: steps come to an end, and never is the
    /// newest ready preview removed for an older one.
    #[test]
    fn reconciling_ends_and_keeps_the_newest(reports in prop::collection::vec((0u8..4, 0u8..3, 1u32..6, any_state(), any::<(bool, bool, bool)>()), 0..40)) {
        let mut tracker = PreviewTracker::default();
        for (commit, run, revision, state, (asks, ends, is_name_taken)) in reports {
            let commit = char::from(b'a' + commit);
            if asks && tracker.availability(&preview(commit)) == Availability::None {
                tracker.request(request(commit));
            }
            if ends {
                tracker.request_end(&preview(commit), StopReason::Asked { by: None });
            }
            tracker.retry_starts();
            tracker.retry_stable_url();
            tracker.apply_report(report(commit, &format!("run-{run}"), revision, state));
            let mut steps = 0;
            while let Some(step) = tracker.next_step() {
                steps += 1;
                prop_assert!(steps < 40);
                match step {
                    Step::Supersede { preview: ended, by } => {
                        prop_assert_ne!(&ended.commit, &by);
                        tracker.request_end(&ended, StopReason::Superseded { by });
                    }
                    Step::StartSuccessor(preview) => {
                        let request = tracker.take_successor(&preview).expect("it waits");
                        tracker.request(request);
                    }
                    Step::Abandon(preview) => drop(tracker.abandon(&preview)),
                    Step::Apply(effect) => match effect {
                        Effect::StartRun(request) if is_name_taken => tracker.start_refused(&request.preview),
                        Effect::StartRun(request) => tracker.run_started(&request, "run-9"),
                        Effect::FindRun(preview) => tracker.name_is_free(&preview),
                        Effect::SignalStop { preview, run_id, .. } => tracker.end_delivered(&preview, &run_id),
                        Effect::SignalExtend { preview, .. } => tracker.extension_delivered(&preview),
                        Effect::PointStableUrl { to, .. } => {
                            tracker.stable_url_settled(&to, None, noon());
                        }
                        other => panic!("no work of the tracker's: {other:?}"),
                    },
                }
            }
            let staying = tracker.previews.iter().filter(|tracked| tracked.is_staying()).count();
            prop_assert!(staying <= 1);
        }
    }
}

#[test]
fn an_end_that_comes_while_a_start_is_under_way_is_delivered_as_soon_as_it_runs() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    assert!(matches!(tracker.next_step(), Some(Step::Apply(Effect::StartRun(_)))));
    let because = StopReason::PullRequestClosed { merged: true };
    tracker.request_end(&preview('a'), because.clone());
    // Temporal has started it meanwhile.
    tracker.run_started(&request('a'), "run-1");
    let end = Step::Apply(Effect::SignalStop { preview: preview('a'), run_id: "run-1".to_owned(), because });
    assert_eq!(tracker.next_step(), Some(end));
    tracker.end_delivered(&preview('a'), "run-1");
    assert_eq!(tracker.next_step(), None);
    assert!(!tracker.are_all_over());
    tracker.apply_report(report('a', "run-1", 2, gone()));
    assert!(tracker.are_all_over());
}

#[test]
fn what_is_to_end_before_it_was_started_is_not_started() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    tracker.request_end(&preview('a'), StopReason::Asked { by: None });
    let abandon = Step::Abandon(preview('a'));
    assert_eq!(tracker.next_step(), Some(abandon));
    assert!(tracker.abandon(&preview('a')));
    assert!(tracker.are_all_over() && tracker.next_step().is_none());
    assert_eq!(states(&tracker)[0].1, gone());
}

#[test]
fn a_run_that_has_the_name_and_lives_is_taken_in_and_ended_if_that_was_asked_for() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    tracker.start_refused(&preview('a'));
    assert_eq!(tracker.next_step(), None, "in a moment");
    tracker.retry_starts();
    assert!(matches!(tracker.next_step(), Some(Step::Apply(Effect::StartRun(_)))));
    tracker.request_end(&preview('a'), StopReason::Asked { by: None });
    assert!(
        matches!(tracker.next_step(), Some(Step::Apply(Effect::FindRun(_)))),
        "somebody has the name"
    );
    tracker.apply_report(report('a', "by-hand", 4, ready(LATER)));
    assert!(
        matches!(tracker.next_step(), Some(Step::Apply(Effect::SignalStop { run_id, .. })) if run_id == "by-hand")
    );
}

#[test]
fn a_run_that_has_the_name_and_is_being_removed_is_waited_for() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    tracker.start_refused(&preview('a'));
    let because = StopReason::Asked { by: None };
    tracker.apply_report(report('a', "forgotten", 4, PreviewState::Stopping { because, is_slow: false }));
    assert_eq!(tracker.next_step(), None);
    assert!(matches!(states(&tracker)[0].1, PreviewState::Queued { .. }));
    tracker.apply_report(report('a', "forgotten", 5, gone()));
    assert!(matches!(tracker.next_step(), Some(Step::StartSuccessor(_))));
}

#[test]
fn the_last_word_of_an_earlier_run_does_not_end_a_start() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    tracker.apply_report(report('a', "before", 9, gone()));
    assert!(matches!(tracker.next_step(), Some(Step::Apply(Effect::StartRun(_)))));
}

#[test]
fn more_time_that_is_asked_for_while_a_start_is_under_way_is_not_lost() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    let by = "10m".parse().expect("a duration");
    tracker.extend(&preview('a'), by);
    tracker.run_started(&request('a'), "run-1");
    let extend = Step::Apply(Effect::SignalExtend { preview: preview('a'), run_id: "run-1".to_owned(), by });
    assert_eq!(tracker.next_step(), Some(extend));
    tracker.extension_delivered(&preview('a'));
    assert_eq!(tracker.next_step(), None);
}

#[test]
fn a_start_that_is_known_late_does_not_count_for_what_was_asked_for_since() {
    let mut tracker = PreviewTracker::default();
    let first = request('a');
    let second = PreviewRequest { comment: CommentId(78), ..request('a') };
    tracker.request(first.clone());
    tracker.apply_report(report('a', "run-1", 1, PreviewState::Provisioning));
    tracker.apply_report(report('a', "run-1", 2, gone()));
    tracker.request(second.clone());
    tracker.run_started(&first, "run-1");
    assert_eq!(tracker.next_step(), Some(Step::Apply(Effect::StartRun(Box::new(second)))));
}

#[test]
fn a_run_that_has_ended_before_its_start_is_known_is_not_taken_for_one_before_it() {
    let mut tracker = PreviewTracker::default();
    tracker.request(request('a'));
    assert!(!tracker.apply_report(report('a', "run-1", 3, gone())));
    tracker.run_started(&request('a'), "run-1");
    // It is seen to be closed, and Temporal says how it ended.
    assert_eq!(tracker.open_runs(), [run('a', "run-1")]);
    let ending = Ending::Stopped(StopReason::Asked { by: None });
    let word = tracker.last_word(&preview('a'), &ending).expect("it is news");
    assert!(tracker.apply_report(word));
    assert!(tracker.are_all_over());
}

#[test]
fn the_end_of_a_preview_that_is_not_known_takes_nothing_from_those_that_are() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-a");
    assert!(!tracker.apply_report(report('b', "run-b", 1, gone())));
    assert_eq!(states(&tracker).len(), 1);
    let mut alone = PreviewTracker::default();
    assert!(alone.apply_report(report('b', "run-b", 1, gone())));
}

#[test]
fn whatever_another_run_says_is_news() {
    let mut tracker = PreviewTracker::default();
    with_ready(&mut tracker, 'a', "run-1");
    assert!(tracker.apply_report(report('a', "run-2", 1, PreviewState::Provisioning)));
    assert!(!tracker.apply_report(report('a', "run-2", 2, PreviewState::Installing)));
}
