//! What the simulator has found: each fault with the plan that showed it, played with many interleavings.
//!
//! `docs/reliability.md` has the list. A plan that is found again is no news: its fault is back.

use std::time::Duration;

use simulation::{
    faults::Weights,
    github::Outage,
    plan::{Action, Delivery, Fault, Operation, Person, Plan, Step, Wish},
    run::run,
};

/// Of each plan, so many.
const INTERLEAVINGS: u64 = 40;

fn at(millis: u64, action: Action) -> Step {
    Step { at: Duration::from_millis(millis), action }
}

fn says(by: Person, commands: &[Wish]) -> Action {
    Action::Comment { by, commands: commands.to_vec(), delivery: Delivery::Once }
}

fn breaks(fault: Fault, seconds: u64) -> Action {
    Action::Break(fault, Duration::from_secs(seconds))
}

fn plan(steps: &[Step]) -> Plan {
    Plan {
        seed: 0,
        weights: Weights::NONE,
        redeploy_on_push: false,
        deployments: false,
        long_lived: false,
        steps: steps.to_vec(),
    }
}

/// The same where so great a part of all that is done takes long.
fn slow_plan(slow: f64, steps: &[Step]) -> Plan {
    Plan { weights: Weights { slow, ..Weights::NONE }, ..plan(steps) }
}

/// Plays the plan again and again, each time with other latencies.
fn holds(plan: &Plan) {
    holds_in(plan, INTERLEAVINGS);
}

fn holds_in(plan: &Plan, interleavings: u64) {
    for seed in 0..interleavings {
        let plan = Plan { seed, ..plan.clone() };
        if let Some(violation) = run(&plan, false).violation {
            panic!("\"{}\": {}\n{plan}", violation.invariant, violation.what);
        }
    }
}

#[test]
fn a_deployment_that_a_new_preview_of_the_same_commit_replaces_is_told_its_end() {
    holds(&Plan {
        deployments: true,
        ..plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(8_690, says(Person::Mona, &[Wish::Stop, Wish::Preview])),
        ])
    });
}

#[test]
fn a_comment_that_github_writes_late_is_looked_at_again() {
    let late = Weights { late_write: 0.2, ..Weights::NONE };
    holds(&Plan {
        weights: late,
        ..plan(&[at(10, says(Person::Mona, &[Wish::Preview]))])
    });
}

#[test]
fn a_write_that_is_given_up_when_the_history_is_long_is_looked_at_again() {
    let weights = Weights { late_write: 0.1, long_history: 60, ..Weights::NONE };
    holds(&Plan {
        weights,
        ..plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(5_311, says(Person::Otto, &[Wish::Preview])),
            at(127_618, says(Person::Mona, &[Wish::Stop])),
        ])
    });
}

#[test]
fn a_removal_that_takes_long_is_told() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(10_198, says(Person::Mona, &[Wish::Stop])),
        at(10_300, breaks(Fault::Hold, 767)),
    ]));
}

#[test]
fn a_preview_whose_namespace_somebody_deletes_is_ended() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::LongPreview])),
        at(20_000, Action::Operate(Operation::DeleteNamespace)),
    ]));
}

#[test]
fn a_preview_that_was_reset_is_removed_in_the_end() {
    for task in [1, 5, 8, 12, 39] {
        holds(&plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(30_000, Action::Operate(Operation::ResetPreview(task))),
        ]));
    }
}

#[test]
fn a_reset_of_a_preview_that_sleeps_is_not_taken_for_its_end() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(283, says(Person::Mona, &[Wish::Extend])),
        at(134_914, says(Person::Otto, &[Wish::Extend])),
        at(142_742, Action::Operate(Operation::ResetPreview(39))),
    ]));
}

#[test]
fn a_termination_is_noticed_although_another_run_has_started_the_preview() {
    let weights = Weights { long_history: 60, ..Weights::NONE };
    holds(&Plan {
        weights,
        ..plan(&[
            at(10, says(Person::Mona, &[Wish::LongPreview])),
            at(20_000, says(Person::Mona, &[Wish::Status])),
            at(40_000, says(Person::Mona, &[Wish::Status])),
            at(60_000, Action::Operate(Operation::TerminatePreview)),
        ])
    });
    holds(&plan(&[
        at(10, Action::Operate(Operation::StartByHand)),
        at(3_900, Action::Operate(Operation::TerminatePreview)),
    ]));
}

#[test]
fn a_conversation_that_a_report_began_is_found_after_the_repository_is_renamed() {
    holds(&plan(&[
        at(349, Action::Operate(Operation::StartByHand)),
        at(67_261, says(Person::Mona, &[Wish::Preview])),
        at(75_545, Action::Rename),
        at(80_059, says(Person::Mona, &[Wish::Stop])),
    ]));
}

#[test]
fn a_deployment_is_told_its_end_although_the_workflow_that_made_it_was_terminated() {
    holds(&Plan {
        deployments: true,
        ..plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(66_089, Action::Operate(Operation::TerminatePullRequest)),
        ])
    });
}

#[test]
fn a_preview_that_was_asked_for_again_is_not_stopped_by_what_was_written_before() {
    holds(&slow_plan(
        0.3,
        &[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(6_008, says(Person::Mona, &[Wish::Stop])),
            at(6_368, says(Person::Mona, &[Wish::Preview])),
        ],
    ));
}

#[test]
fn what_was_asked_after_an_unchecked_stop_in_the_same_comment_is_answered_too() {
    holds(&plan(&[
        at(118_351, Action::Close { merged: false, delivery: Delivery::Once }),
        at(521_705, breaks(Fault::GitHub(Outage::Unauthorized), 356)),
        at(526_123, says(Person::Mona, &[Wish::Stop, Wish::Preview])),
        at(533_901, says(Person::Mona, &[Wish::Preview])),
    ]));
}

#[test]
fn a_preview_that_is_cancelled_while_no_worker_runs_and_whose_time_is_over_by_then_is_removed() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(190_000, breaks(Fault::CutOff(0), 300)),
        at(190_000, breaks(Fault::CutOff(1), 300)),
        at(224_111, Action::Operate(Operation::CancelPreview)),
    ]));
}

#[test]
fn a_preview_that_waits_for_a_hooks_image_and_is_cancelled_while_no_worker_runs_is_removed() {
    holds(&plan(&[
        at(10, Action::Push { commit: 1, delivery: Delivery::Once }),
        at(100, breaks(Fault::NoImages, 600)),
        at(1_000, says(Person::Mona, &[Wish::Preview])),
        at(20_000, breaks(Fault::CutOff(0), 300)),
        at(20_000, breaks(Fault::CutOff(1), 300)),
        at(25_000, Action::Operate(Operation::CancelPreview)),
    ]));
}

#[test]
fn a_worker_that_was_stopped_writes_nothing_over_what_its_successor_wrote() {
    for worker in [0, 1] {
        holds(&plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(5_124, breaks(Fault::Freeze(worker), 321)),
            at(15_500, Action::Close { merged: true, delivery: Delivery::Once }),
        ]));
    }
}

#[test]
fn what_a_preview_said_of_its_end_is_not_overruled_by_what_a_stopped_worker_made_afterwards() {
    let mut steps = vec![
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(300, breaks(Fault::Freeze(0), 330)),
        at(120_000, Action::Operate(Operation::CancelPullRequest)),
    ];
    holds(&plan(&steps));
    // Wherever it is stopped.
    for millis in [100, 500, 1_000, 2_000, 5_000] {
        steps[1] = at(millis, breaks(Fault::Freeze(0), 330));
        holds(&plan(&steps));
    }
}

#[test]
fn a_preview_that_is_extended_without_end_is_neither_terminated_nor_unstoppable() {
    let plan = Plan {
        long_lived: true,
        ..plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(20_000, Action::Operate(Operation::ExtendAgainAndAgain(11_000))),
            at(700_000, says(Person::Mona, &[Wish::Stop])),
        ])
    };
    // Some hundred thousand activations each.
    holds_in(&plan, 2);
}

#[test]
fn a_worker_that_github_has_told_to_stay_away_stays_away() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(500, breaks(Fault::GitHub(Outage::RateLimited), 60)),
        at(1_000, says(Person::Otto, &[Wish::Status])),
        at(2_000, says(Person::Hubot, &[Wish::Status])),
        at(3_000, says(Person::Mona, &[Wish::Stop])),
    ]));
}

#[test]
fn what_a_stop_that_was_heard_overtakes_is_not_started() {
    // All of it reaches the workflow at once, when another worker takes it up.
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(551_748, says(Person::Hubot, &[Wish::Preview])),
        at(553_016, says(Person::Otto, &[Wish::Preview])),
        at(562_213, says(Person::Mona, &[Wish::Stop])),
        at(562_714, breaks(Fault::Freeze(0), 360)),
    ]));
    for worker in [0, 1] {
        holds(&slow_plan(
            0.3,
            &[
                at(10, says(Person::Mona, &[Wish::Preview])),
                at(395_151, says(Person::Mona, &[Wish::Preview])),
                at(403_576, breaks(Fault::Freeze(worker), 380)),
                at(403_591, says(Person::Mona, &[Wish::Stop])),
            ],
        ));
    }
}

#[test]
fn a_stop_that_is_overtaken_by_a_later_request_is_told_so_although_it_overtakes_another_one() {
    holds(&slow_plan(
        0.3,
        &[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(46_451, says(Person::Mona, &[Wish::Preview])),
            at(46_689, says(Person::Otto, &[Wish::Preview])),
            at(47_631, says(Person::Mona, &[Wish::Stop])),
            at(47_693, says(Person::Mona, &[Wish::Preview])),
        ],
    ));
}

#[test]
fn whoever_extends_what_is_stopped_before_it_starts_is_answered() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(495, says(Person::Mona, &[Wish::Stop])),
        at(497, says(Person::Otto, &[Wish::Extend])),
    ]));
}

#[test]
fn a_conversation_that_was_not_told_how_a_preview_ended_reads_it_in_temporal() {
    for rename in [200, 44_082] {
        holds(&slow_plan(
            0.1,
            &[
                at(10, says(Person::Mona, &[Wish::Preview])),
                at(351, breaks(Fault::Freeze(0), 100)),
                at(rename, Action::Rename),
                at(64_082, breaks(Fault::Kill(1), 20)),
                at(67_837, says(Person::Mona, &[Wish::Extend])),
            ],
        ));
    }
    holds(&plan(&[
        at(
            10,
            Action::Comment {
                by: Person::Mona,
                commands: vec![Wish::Preview],
                delivery: Delivery::Late(Duration::from_millis(85_839)),
            },
        ),
        at(351, breaks(Fault::Freeze(0), 100)),
        at(44_082, Action::Rename),
        at(64_082, breaks(Fault::Kill(1), 20)),
        at(67_837, says(Person::Mona, &[Wish::Extend])),
    ]));
}

#[test]
fn a_preview_that_is_reset_while_it_is_being_removed_does_not_stay_ready_with_nothing_to_serve() {
    for task in [5, 13, 18] {
        for millis in [330_000, 332_710, 334_000] {
            holds(&slow_plan(
                0.2,
                &[
                    at(10, says(Person::Mona, &[Wish::Preview])),
                    at(millis, Action::Operate(Operation::ResetPreview(task))),
                    at(395_748, Action::Operate(Operation::SignalExtend)),
                ],
            ));
        }
    }
}

#[test]
fn what_waits_for_the_end_of_a_preview_that_is_reset_is_told_that_there_is_one() {
    holds(&plan(&[
        at(10, says(Person::Otto, &[Wish::Preview])),
        at(306_300, says(Person::Mona, &[Wish::Preview])),
        at(306_400, Action::Operate(Operation::ResetPreview(33))),
        at(312_000, says(Person::Otto, &[Wish::Extend])),
    ]));
}

#[test]
fn a_stop_ends_what_was_started_by_hand_and_has_not_reported_yet() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(331, breaks(Fault::Freeze(1), 60)),
        at(1_252, breaks(Fault::Freeze(0), 27)),
        at(1_688, Action::Operate(Operation::StartByHand)),
        at(2_665, says(Person::Otto, &[Wish::Stop])),
    ]));
}

#[test]
fn an_old_answer_of_temporals_does_not_end_what_has_begun_since() {
    for millis in [76_625, 77_200, 78_000] {
        holds(&slow_plan(
            0.3,
            &[
                at(10, says(Person::Mona, &[Wish::Preview])),
                at(59_036, Action::Operate(Operation::CancelPreview)),
                at(59_941, Action::Operate(Operation::DeleteNamespace)),
                at(millis, Action::Operate(Operation::StartByHand)),
            ],
        ));
    }
}

#[test]
fn what_waited_for_the_end_of_a_preview_and_is_stopped_when_that_is_gone_is_told() {
    for millis in [20_500, 23_000, 26_000, 30_000] {
        holds(&slow_plan(
            0.3,
            &[
                at(10, says(Person::Mona, &[Wish::Preview])),
                at(20_000, says(Person::Otto, &[Wish::Stop, Wish::Preview])),
                at(millis, says(Person::Otto, &[Wish::Stop])),
            ],
        ));
    }
}

#[test]
fn a_start_that_is_known_late_does_not_count_for_what_is_asked_for_since() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(433, says(Person::Mona, &[Wish::LongPreview])),
        at(825, breaks(Fault::CutOff(0), 1)),
        at(1_238, Action::Operate(Operation::SignalStop)),
    ]));
    holds(&slow_plan(
        0.07,
        &[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(733, says(Person::Mona, &[Wish::Preview])),
            at(9_082, breaks(Fault::Kill(0), 44)),
            at(10_009, breaks(Fault::Freeze(1), 365)),
        ],
    ));
}

#[test]
fn what_begins_while_a_cancelled_conversation_ends_is_told_by_the_next_one() {
    for millis in [7_200, 9_000, 11_096] {
        let plan = plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(1_127, Action::Operate(Operation::CancelPullRequest)),
            at(millis, Action::Operate(Operation::StartByHand)),
        ]);
        let weights = Weights { lost_answer: 0.2, ..Weights::NONE };
        holds(&Plan { weights, ..plan });
    }
}

#[test]
fn the_stable_url_stays_where_it_was_led_last_although_an_earlier_attempt_goes_on() {
    for millis in [3_509, 38_962] {
        holds(&slow_plan(
            0.3,
            &[
                at(10, says(Person::Mona, &[Wish::Preview])),
                at(millis, Action::Push { commit: 1, delivery: Delivery::Lost }),
                at(millis + 689, says(Person::Mona, &[Wish::LongPreview])),
            ],
        ));
    }
}

#[test]
fn what_is_swept_under_a_repositorys_earlier_name_is_told_under_the_new_one() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(50_505, Action::Operate(Operation::TerminatePreview)),
        at(95_993, Action::Rename),
        at(629_621, Action::Operate(Operation::CancelPullRequest)),
        at(773_165, says(Person::Mona, &[Wish::LongPreview])),
    ]));
}

#[test]
fn a_preview_whose_namespace_is_made_again_and_is_empty_is_ended() {
    holds(&plan(&[
        at(9_836, breaks(Fault::Freeze(1), 237)),
        at(10_673, says(Person::Mona, &[Wish::LongPreview])),
        at(40_936, Action::Operate(Operation::SignalExtend)),
        at(47_421, Action::Operate(Operation::DeleteNamespace)),
    ]));
}

#[test]
fn a_stop_is_obeyed_in_time_although_its_author_is_being_looked_up_already() {
    for outage in [Outage::Unauthorized, Outage::Forbidden] {
        holds(&plan(&[
            at(10, says(Person::Mona, &[Wish::Preview])),
            at(155, breaks(Fault::GitHub(outage), 700)),
            at(977, says(Person::Mona, &[Wish::Stop])),
        ]));
    }
}

#[test]
fn what_is_answered_anew_after_a_conversation_has_lost_its_memory_is_told() {
    let twice = Action::Comment {
        by: Person::Mona,
        commands: vec![Wish::Preview],
        delivery: Delivery::Twice(Duration::from_millis(178_277)),
    };
    for end in [Operation::TerminatePullRequest, Operation::CancelPullRequest] {
        holds(&plan(&[
            at(10, twice.clone()),
            at(117, says(Person::Mona, &[Wish::Stop])),
            at(25_152, Action::Close { merged: false, delivery: Delivery::Once }),
            at(25_564, Action::Operate(end)),
            at(420_786, says(Person::Mona, &[Wish::Preview])),
        ]));
    }
}

#[test]
fn a_preview_that_is_made_anew_after_a_reset_is_not_called_ready_meanwhile() {
    holds(&plan(&[
        at(10, says(Person::Mona, &[Wish::Preview])),
        at(190_223, breaks(Fault::Hold, 979)),
        at(191_155, Action::Operate(Operation::DeleteNamespace)),
        at(230_193, Action::Operate(Operation::ResetPreview(8))),
    ]));
}

#[test]
fn a_preview_that_is_started_under_a_repositorys_new_name_ends_with_the_pull_request_too() {
    holds_in(
        &slow_plan(
            0.1,
            &[
                at(10, says(Person::Mona, &[Wish::Preview])),
                at(20_791, Action::Rename),
                at(109_171, Action::Operate(Operation::StartByHand)),
                at(110_134, Action::Close { merged: false, delivery: Delivery::Once }),
                at(151_033, says(Person::Otto, &[Wish::Extend])),
            ],
        ),
        400,
    );
}

#[test]
fn a_conversation_that_goes_on_in_a_new_run_is_found_after_the_repository_is_renamed() {
    let twice = |by, wishes: &[Wish]| Action::Comment {
        by,
        commands: wishes.to_vec(),
        delivery: Delivery::Twice(Duration::from_millis(90_000)),
    };
    let weights = Weights { slow: 0.1, long_history: 60, ..Weights::NONE };
    let comments = (0_u32..12).map(|number| {
        let wishes = if number % 2 == 0 { &[Wish::Preview] } else { &[Wish::Stop] };
        at(20_000 + 9_973 * u64::from(number), twice(Person::Mona, wishes))
    });
    let steps: Vec<_> = [at(10, says(Person::Mona, &[Wish::Preview])), at(15_000, Action::Rename)]
        .into_iter()
        .chain(comments)
        .collect();
    holds(&Plan { weights, ..plan(&steps) });
}
