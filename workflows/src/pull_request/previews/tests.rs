use proptest::prelude::*;

use super::*;

fn preview(commit: char) -> PreviewId {
    let sha = commit.to_string().repeat(40);
    format!("octo-org/hello-world#12:{sha}")
        .parse()
        .expect("an id")
}

fn request(commit: char) -> PreviewRequest {
    let id = preview(commit);
    serde_json::from_value(serde_json::json!({
        "idempotency_key": id.to_string(), "repo": "octo-org/hello-world", "pr_number": 12, "commit_sha": id.commit,
        "installation_id": 5, "comment_id": 77, "requested_by": "mona",
    }))
    .expect("a request")
}

fn report(commit: char, run: &str, revision: u32, state: ReportedState) -> PreviewReport {
    PreviewReport {
        preview: preview(commit),
        run_id: Some(run.to_owned()),
        revision,
        requested_by: "mona".parse().expect("a login"),
        asked_in: CommentId(77),
        state,
    }
}

fn ready(expires_at: &str) -> ReportedState {
    ReportedState::Ready {
        url: "http://x/".to_owned(),
        stable_url: None,
        expires_at: expires_at.parse().expect("a time"),
        extendable_until: Timestamp::MAX,
        is_expiring: false,
    }
}

const LATER: &str = "2026-11-22T12:30:00Z";

fn gone() -> ReportedState {
    ReportedState::Removed {
        because: StopReason::Asked { by: None },
    }
}

fn failed() -> ReportedState {
    ReportedState::Failed {
        explanation: crate::activities::Explanation {
            summary: "No.".to_owned(),
            log_tail: None,
        },
    }
}

/// Asked for, started, ready, and led to.
fn with_ready(previews: &mut Previews, commit: char, run: &str) {
    previews.request(request(commit));
    previews.started(&preview(commit), run);
    previews.learn(report(commit, run, 1, ready(LATER)));
    previews.address_settled(&preview(commit), Some("http://stable/".to_owned()));
}

fn states(previews: &Previews) -> Vec<(String, ReportedState)> {
    let told = previews.told().into_iter();
    told.map(|report| (report.preview.commit.short().to_owned(), report.state))
        .collect()
}

#[test]
fn what_is_on_its_way_is_no_news_and_what_was_waited_for_is() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    previews.started(&preview('a'), "run-1");
    assert!(!previews.learn(report('a', "run-1", 1, ReportedState::Provisioning)));
    let waiting = ReportedState::WaitingForImage {
        image: "x".to_owned(),
    };
    assert!(previews.learn(report('a', "run-1", 2, waiting)));
    // Ready is told together with the address, which is led here first.
    assert!(!previews.learn(report('a', "run-1", 3, ready(LATER))));
    assert_eq!(
        previews.next_action(),
        Some(Action::LeadAddress {
            preview: preview('a'),
            run_id: "run-1".to_owned()
        })
    );
    previews.address_settled(&preview('a'), Some("http://stable/".to_owned()));
    assert_eq!(previews.next_action(), None);
    assert!(previews.learn(report('a', "run-1", 4, ready("2026-11-22T13:00:00Z"))));
    assert!(previews.learn(report('a', "run-1", 5, gone())));
    assert!(previews.are_all_over());
}

#[test]
fn a_report_that_comes_late_says_nothing() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    assert!(!previews.learn(report('a', "run-1", 2, ReportedState::Starting)));
    assert!(!previews.learn(report('a', "run-1", 1, ReportedState::Installing)));
    assert_eq!(states(&previews)[0].1, ReportedState::Starting);
    assert!(previews.learn(report('a', "run-1", 3, gone())));
    previews.request(request('a'));
    previews.started(&preview('a'), "run-2");
    assert!(!previews.learn(report('a', "run-1", 3, gone())));
    assert_eq!(states(&previews)[0].1, ReportedState::Requested);
}

#[test]
fn an_older_preview_stays_until_a_newer_one_is_ready() {
    let mut previews = Previews::default();
    with_ready(&mut previews, 'a', "run-a");
    previews.request(request('b'));
    previews.started(&preview('b'), "run-b");
    previews.learn(report('b', "run-b", 1, ReportedState::Starting));
    assert_eq!(previews.next_action(), None);
    assert_eq!(states(&previews).len(), 2);

    previews.learn(report('b', "run-b", 2, ready(LATER)));
    assert!(matches!(
        previews.next_action(),
        Some(Action::LeadAddress { .. })
    ));
    previews.address_settled(&preview('b'), None);
    let by = preview('b').commit;
    assert_eq!(
        previews.next_action(),
        Some(Action::Supersede {
            preview: preview('a'),
            by
        })
    );
    let by = preview('b').commit;
    previews.end(&preview('a'), StopReason::Superseded { by });
    assert!(matches!(
        previews.next_action(),
        Some(Action::End { run_id, .. }) if run_id == "run-a"
    ));
    previews.end_delivered(&preview('a'), "run-a");
    assert_eq!(previews.next_action(), None);
    previews.learn(report('a', "run-a", 9, gone()));
    assert_eq!(states(&previews), [("bbbbbbb".to_owned(), ready(LATER))]);
}

#[test]
fn a_newer_one_that_fails_leaves_the_older_alone() {
    let mut previews = Previews::default();
    with_ready(&mut previews, 'a', "run-a");
    previews.request(request('b'));
    previews.started(&preview('b'), "run-b");
    assert!(previews.learn(report('b', "run-b", 1, failed())));
    assert_eq!(previews.next_action(), None);
    let told = states(&previews);
    assert_eq!(told[0], ("bbbbbbb".to_owned(), failed()));
    assert!(told[1].0 == "aaaaaaa" && told[1].1.is_ready());
}

#[test]
fn an_older_one_that_is_ready_too_late_is_superseded_at_once() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    previews.started(&preview('a'), "run-a");
    with_ready(&mut previews, 'b', "run-b");
    assert!(matches!(
        previews.next_action(),
        Some(Action::Supersede { preview: older, .. }) if older == preview('a')
    ));
    previews.learn(report('a', "run-a", 3, ready(LATER)));
    assert!(matches!(
        previews.next_action(),
        Some(Action::Supersede { preview: older, .. }) if older == preview('a')
    ));
}

#[test]
fn a_request_during_the_removal_waits_for_its_end() {
    let mut previews = Previews::default();
    with_ready(&mut previews, 'a', "run-1");
    let because = StopReason::Asked { by: None };
    previews.learn(report('a', "run-1", 2, ReportedState::Stopping { because }));
    assert_eq!(previews.standing(&preview('a')), Standing::Ending);
    previews.queue(request('a'));
    assert!(matches!(
        states(&previews)[0].1,
        ReportedState::Queued { .. }
    ));
    assert!(previews.next_action().is_none() && !previews.are_all_over());

    previews.learn(report('a', "run-1", 3, gone()));
    let preview = preview('a');
    assert_eq!(
        previews.next_action(),
        Some(Action::StartSuccessor {
            preview: preview.clone()
        })
    );
    assert_eq!(previews.take_successor(&preview), Some(request('a')));
}

#[test]
fn a_run_that_ends_without_a_word_was_terminated() {
    let mut previews = Previews::default();
    with_ready(&mut previews, 'a', "run-1");
    assert_eq!(
        previews.closed_without_a_word(&preview('a'), "another-run"),
        None
    );
    let report = previews
        .closed_without_a_word(&preview('a'), "run-1")
        .expect("nothing had said so");
    assert!(previews.learn(report));
    let because = StopReason::Terminated;
    assert_eq!(states(&previews)[0].1, ReportedState::Removed { because });
    assert_eq!(previews.closed_without_a_word(&preview('a'), "run-1"), None);
}

#[test]
fn a_preview_that_was_started_by_hand_is_taken_in() {
    let mut previews = Previews::default();
    previews.learn(report('a', "run-1", 4, ready(LATER)));
    assert!(matches!(
        previews.next_action(),
        Some(Action::LeadAddress { .. })
    ));
    assert_eq!(previews.alive().count(), 1);
}

fn any_state() -> impl Strategy<Value = ReportedState> {
    prop_oneof![
        Just(ReportedState::Provisioning),
        Just(ReportedState::Starting),
        Just(ready(LATER)),
        Just(ReportedState::Stopping {
            because: StopReason::Asked { by: None }
        }),
        Just(gone()),
        Just(failed()),
    ]
}

proptest! {
    /// Whatever is reported in whatever order: actions come to an end, and never is the newest ready preview removed for an older one.
    #[test]
    fn reconciling_ends_and_keeps_the_newest(reports in prop::collection::vec((0u8..4, 0u8..3, 1u32..6, any_state(), any::<(bool, bool, bool)>()), 0..40)) {
        let mut previews = Previews::default();
        for (commit, run, revision, state, (asks, ends, is_name_taken)) in reports {
            let commit = char::from(b'a' + commit);
            if asks && previews.standing(&preview(commit)) == Standing::None {
                previews.request(request(commit));
            }
            if ends {
                previews.end(&preview(commit), StopReason::Asked { by: None });
            }
            previews.try_starts_again();
            previews.learn(report(commit, &format!("run-{run}"), revision, state));
            let mut actions = 0;
            while let Some(action) = previews.next_action() {
                actions += 1;
                prop_assert!(actions < 40);
                match action {
                    Action::LeadAddress { preview, .. } => previews.address_settled(&preview, None),
                    Action::Supersede { preview: ended, by } => {
                        prop_assert_ne!(&ended.commit, &by);
                        previews.end(&ended, StopReason::Superseded { by });
                    }
                    Action::End { preview, run_id, .. } => previews.end_delivered(&preview, &run_id),
                    Action::Extend { preview, .. } => previews.extension_delivered(&preview),
                    Action::StartSuccessor { preview } => {
                        let request = previews.take_successor(&preview).expect("it waits");
                        previews.request(request);
                    }
                    Action::Start { request } if is_name_taken => previews.start_refused(&request.preview),
                    Action::Start { request } => previews.started(&request.preview, "run-9"),
                    Action::LookForRun { preview } => previews.name_is_free(&preview),
                    Action::Abandon { preview } => drop(previews.abandon(&preview)),
                }
            }
            let staying = previews.known.iter().filter(|known| known.is_staying()).count();
            prop_assert!(staying <= 1);
        }
    }
}

#[test]
fn an_end_that_comes_while_a_start_is_under_way_is_delivered_as_soon_as_it_runs() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    assert!(matches!(previews.next_action(), Some(Action::Start { .. })));
    let because = StopReason::PullRequestClosed { merged: true };
    previews.end(&preview('a'), because.clone());
    // Temporal has started it meanwhile.
    previews.started(&preview('a'), "run-1");
    let end = Action::End {
        preview: preview('a'),
        run_id: "run-1".to_owned(),
        because,
    };
    assert_eq!(previews.next_action(), Some(end));
    previews.end_delivered(&preview('a'), "run-1");
    assert_eq!(previews.next_action(), None);
    assert!(!previews.are_all_over());
    previews.learn(report('a', "run-1", 2, gone()));
    assert!(previews.are_all_over());
}

#[test]
fn what_is_to_end_before_it_was_started_is_not_started() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    previews.end(&preview('a'), StopReason::Asked { by: None });
    let abandon = Action::Abandon {
        preview: preview('a'),
    };
    assert_eq!(previews.next_action(), Some(abandon));
    assert!(previews.abandon(&preview('a')));
    assert!(previews.are_all_over() && previews.next_action().is_none());
    assert_eq!(states(&previews)[0].1, gone());
}

#[test]
fn a_run_that_has_the_name_and_lives_is_taken_in_and_ended_if_that_was_asked_for() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    previews.start_refused(&preview('a'));
    assert_eq!(previews.next_action(), None, "in a moment");
    previews.try_starts_again();
    assert!(matches!(previews.next_action(), Some(Action::Start { .. })));
    previews.end(&preview('a'), StopReason::Asked { by: None });
    assert!(
        matches!(previews.next_action(), Some(Action::LookForRun { .. })),
        "somebody has the name"
    );
    previews.learn(report('a', "by-hand", 4, ready(LATER)));
    assert!(
        matches!(previews.next_action(), Some(Action::End { run_id, .. }) if run_id == "by-hand")
    );
}

#[test]
fn a_run_that_has_the_name_and_is_being_removed_is_waited_for() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    previews.start_refused(&preview('a'));
    let because = StopReason::Asked { by: None };
    previews.learn(report(
        'a',
        "forgotten",
        4,
        ReportedState::Stopping { because },
    ));
    assert_eq!(previews.next_action(), None);
    assert!(matches!(
        states(&previews)[0].1,
        ReportedState::Queued { .. }
    ));
    previews.learn(report('a', "forgotten", 5, gone()));
    assert!(matches!(
        previews.next_action(),
        Some(Action::StartSuccessor { .. })
    ));
}

#[test]
fn the_last_word_of_an_earlier_run_does_not_end_a_start() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    previews.learn(report('a', "before", 9, gone()));
    assert!(matches!(previews.next_action(), Some(Action::Start { .. })));
}

#[test]
fn more_time_that_is_asked_for_while_a_start_is_under_way_is_not_lost() {
    let mut previews = Previews::default();
    previews.request(request('a'));
    let by = "10m".parse().expect("a duration");
    previews.extend(&preview('a'), by);
    previews.started(&preview('a'), "run-1");
    let extend = Action::Extend {
        preview: preview('a'),
        run_id: "run-1".to_owned(),
        by,
    };
    assert_eq!(previews.next_action(), Some(extend));
    previews.extension_delivered(&preview('a'));
    assert_eq!(previews.next_action(), None);
}
