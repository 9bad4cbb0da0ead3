use super::*;
use crate::{
    activities::{Misconfigured, PreviewReport},
    pull_request::fixtures::sight,
    vocabulary::{InstallationId, PullRequestNumber, RepositoryId},
};

const NOW: &str = "2026-11-22T12:00:00Z";

fn mona() -> Login {
    "mona".parse().expect("a login")
}

fn hubot() -> Login {
    "hubot".parse().expect("a login")
}

fn pull_request() -> PullRequestRef {
    PullRequestRef {
        installation: InstallationId(5),
        repository: "octo-org/hello-world".parse().expect("a repository"),
        number: PullRequestNumber::new(12).expect("a number"),
    }
}

fn origin(happened_at: &str, received_at: &str) -> Origin {
    Origin {
        installation: InstallationId(5),
        repository_id: RepositoryId(77),
        happened_at: happened_at.parse().expect("a time"),
        received_at: received_at.parse().expect("a time"),
    }
}

/// What becomes of a command by mona.
fn says(command: &Command, sight: &Sight, memory: &Memory) -> Decision {
    says_in(CommentId(77), command, &origin(NOW, NOW), sight, memory)
}

fn says_in(
    comment: CommentId,
    command: &Command,
    origin: &Origin,
    sight: &Sight,
    memory: &Memory,
) -> Decision {
    let asked = Asked {
        pull_request: &pull_request(),
        comment,
        by: &mona(),
        origin,
        sight,
    };
    decide(Ok(command), &asked, memory)
}

fn refused(because: Refusal) -> Decision {
    Decision::Answer(Answer::Refused { because })
}

const PREVIEW: Command = Command::Preview { ttl: None };

/// The head's preview, asked for by `by`, in `state`.
fn with_a_preview(by: Login, state: ReportedState) -> Memory {
    let mut memory = Memory::default();
    let preview = format!("{}:{}", pull_request(), sight().head);
    memory.previews.learn(PreviewReport {
        preview: preview.parse().expect("an id"),
        run_id: Some("run-1".to_owned()),
        revision: 1,
        requested_by: by,
        asked_in: CommentId(70),
        state,
    });
    memory
}

fn ready() -> ReportedState {
    ReportedState::Ready {
        url: "http://x/".to_owned(),
        stable_url: None,
        expires_at: "2026-11-22T12:30:00Z".parse().expect("a time"),
        extendable_until: "2026-11-22T14:00:00Z".parse().expect("a time"),
        is_expiring: false,
    }
}

#[test]
fn a_writer_gets_the_newest_commit_on_the_repositorys_terms() {
    let Decision::Start(request) = says(&PREVIEW, &sight(), &Memory::default()) else {
        panic!("not started");
    };
    assert_eq!(request.preview.commit, sight().head);
    assert_eq!(request.pull_request(), pull_request());
    assert_eq!(
        (request.ttl, request.max_lifetime.to_string()),
        (Ttl::DEFAULT, "2h".to_owned())
    );
    assert_eq!(
        (request.comment, request.requested_by),
        (CommentId(77), mona())
    );
}

#[test]
fn a_time_of_ones_own_is_given_up_to_the_maximum() {
    let hours = |text: &str| text.parse().expect("a duration");
    let asking = |text| Command::Preview {
        ttl: Some(hours(text)),
    };
    let Decision::Start(request) = says(&asking("2h"), &sight(), &Memory::default()) else {
        panic!("not started");
    };
    assert_eq!(request.ttl, hours("2h"));
    assert_eq!(
        says(&asking("3h"), &sight(), &Memory::default()),
        Decision::Answer(Answer::TtlTooLong {
            asked: hours("3h"),
            maximum: hours("2h"),
        })
    );
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let nobody = Sight {
        person_may: false,
        ..sight()
    };
    for (sight, because) in [
        (nobody.clone(), Refusal::NotAllowed),
        (
            Sight {
                is_from_fork: true,
                ..nobody
            },
            Refusal::NotAllowed,
        ),
        (
            Sight {
                is_from_fork: true,
                ..sight()
            },
            Refusal::Fork,
        ),
        (
            Sight {
                openness: Openness::Closed,
                ..sight()
            },
            Refusal::Closed,
        ),
        (
            Sight {
                openness: Openness::Merged,
                ..sight()
            },
            Refusal::Merged,
        ),
        (
            Sight {
                is_locked: true,
                ..sight()
            },
            Refusal::Locked,
        ),
    ] {
        assert_eq!(
            says(&PREVIEW, &sight, &Memory::default()),
            refused(because),
            "{sight:?}"
        );
    }
}

#[test]
fn where_nothing_is_left_to_decide_strangers_are_not_even_refused() {
    let stranger = Sight {
        person_may: false,
        ..sight()
    };
    for over in [
        Sight {
            openness: Openness::Closed,
            ..stranger.clone()
        },
        Sight {
            openness: Openness::Merged,
            ..stranger.clone()
        },
        Sight {
            is_locked: true,
            ..stranger
        },
    ] {
        for command in [&PREVIEW, &Command::Stop, &Command::Status, &Command::Help] {
            assert_eq!(
                says(command, &over, &Memory::default()),
                Decision::TurnAway,
                "{command:?} {over:?}"
            );
        }
        // Whoever asked for what still runs is no stranger.
        let own = with_a_preview(mona(), ready());
        assert!(matches!(
            says(&Command::Stop, &over, &own),
            Decision::Stop { .. }
        ));
    }
}

#[test]
fn a_configuration_that_cannot_be_obeyed_is_answered() {
    let problem = Misconfigured {
        file: ".preview.yaml".to_owned(),
        branch: "main".to_owned(),
        line: Some(3),
        reason: "no such field".to_owned(),
    };
    let sight = Sight {
        terms: Err(problem.clone()),
        ..sight()
    };
    assert_eq!(
        says(&PREVIEW, &sight, &Memory::default()),
        Decision::Answer(Answer::Misconfigured { problem })
    );
}

#[test]
fn a_preview_that_exists_is_not_started_again() {
    let asked_again = |state| says(&PREVIEW, &sight(), &with_a_preview(hubot(), state));
    assert!(matches!(
        asked_again(ready()),
        Decision::Answer(Answer::AlreadyExists { .. })
    ));
    assert_eq!(asked_again(ReportedState::Installing), Decision::Nothing);
    let because = StopReason::Asked { by: None };
    assert!(matches!(
        asked_again(ReportedState::Stopping {
            because: because.clone()
        }),
        Decision::Queue(_)
    ));
    assert!(matches!(
        asked_again(ReportedState::Removed { because }),
        Decision::Start(_)
    ));
}

#[test]
fn who_asked_for_a_preview_may_extend_and_stop_it_without_other_rights() {
    let reader = Sight {
        person_may: false,
        ..sight()
    };
    let extend = Command::Extend {
        by: "10m".parse().expect("a duration"),
    };
    let own = with_a_preview(mona(), ready());
    let anothers = with_a_preview(hubot(), ready());
    for command in [&extend, &Command::Stop] {
        assert!(
            !matches!(says(command, &reader, &own), Decision::Answer(_)),
            "{command:?}"
        );
        assert_eq!(
            says(command, &reader, &anothers),
            refused(Refusal::NotAllowed)
        );
    }
    for command in [&PREVIEW, &Command::Status, &Command::Help] {
        assert_eq!(
            says(command, &reader, &own),
            refused(Refusal::NotAllowed),
            "{command:?}"
        );
    }
}

#[test]
fn there_may_be_nothing_to_extend_or_stop() {
    let extend = Command::Extend {
        by: "10m".parse().expect("a duration"),
    };
    assert_eq!(
        says(&extend, &sight(), &Memory::default()),
        Decision::Answer(Answer::NothingToExtend)
    );
    assert_eq!(
        says(&Command::Stop, &sight(), &Memory::default()),
        Decision::Answer(Answer::NothingToStop)
    );
}

#[test]
fn more_than_the_maximum_is_not_given() {
    let until = "2026-11-22T14:00:00Z".parse().expect("a time");
    let at_maximum = ReportedState::Ready {
        url: "http://x/".to_owned(),
        stable_url: None,
        expires_at: until,
        extendable_until: until,
        is_expiring: false,
    };
    let extend = Command::Extend {
        by: "10m".parse().expect("a duration"),
    };
    assert_eq!(
        says(&extend, &sight(), &with_a_preview(mona(), at_maximum)),
        Decision::Answer(Answer::AtMaximum { until })
    );
}

#[test]
fn a_push_renews_a_preview_only_where_the_repository_wants_that() {
    let asked = |sight: &Sight| {
        let asked = Asked {
            pull_request: &pull_request(),
            comment: CommentId(77),
            by: &mona(),
            origin: &origin(NOW, NOW),
            sight,
        };
        follow_push(&asked, &Memory::default())
    };
    let mut renewing = sight();
    renewing.terms.as_mut().expect("terms").redeploy_on_push = true;
    assert_eq!(asked(&sight()), Decision::Nothing);
    assert!(matches!(asked(&renewing), Decision::Start(_)));
    // Nobody asked, so nobody is answered.
    let fork = Sight {
        is_from_fork: true,
        ..renewing.clone()
    };
    let gone = Sight {
        person_may: false,
        ..renewing
    };
    assert_eq!(asked(&fork), Decision::Nothing);
    assert_eq!(asked(&gone), Decision::Nothing);
}

#[test]
fn a_flood_of_one_who_may_do_nothing_is_not_looked_into() {
    let mut memory = Memory::default();
    let now = NOW.parse().expect("a time");
    assert!(!memory.is_deaf_to(&mona(), now));
    memory.refuse(&mona(), Refusal::NotAllowed, now);
    assert!(memory.is_deaf_to(&mona(), now));
    let mut with_own = with_a_preview(mona(), ready());
    with_own.refuse(&mona(), Refusal::NotAllowed, now);
    assert!(!with_own.is_deaf_to(&mona(), now));
}

fn extend() -> Command {
    Command::Extend {
        by: "10m".parse().expect("a duration"),
    }
}

fn late(overtaken_by: Overtaken) -> Decision {
    Decision::Answer(Answer::Late { overtaken_by })
}

#[test]
fn what_arrives_an_hour_after_it_was_written_is_answered_and_not_obeyed() {
    let memory = with_a_preview(mona(), ready());
    for command in [&PREVIEW, &extend()] {
        let at = |received_at| {
            let origin = origin(NOW, received_at);
            says_in(CommentId(77), command, &origin, &sight(), &memory)
        };
        assert_eq!(at("2026-11-22T13:00:01Z"), late(Overtaken::Time));
        assert_ne!(at("2026-11-22T13:00:00Z"), late(Overtaken::Time));
    }
    // Who may not is told that, and nothing else.
    let nobody = Sight {
        person_may: false,
        ..sight()
    };
    assert_eq!(
        says_in(
            CommentId(77),
            &PREVIEW,
            &origin(NOW, "2026-11-22T14:00:00Z"),
            &nobody,
            &memory
        ),
        refused(Refusal::NotAllowed)
    );
}

#[test]
fn what_was_written_before_a_stop_or_a_close_that_was_carried_out_is_not_obeyed() {
    let Decision::Stop(stop) = says_in(
        CommentId(80),
        &Command::Stop,
        &origin(NOW, NOW),
        &sight(),
        &with_a_preview(mona(), ready()),
    ) else {
        panic!("not stopped");
    };
    let mut stopped = Memory::default();
    stopped.stop(&stop);
    let asks = |comment, memory: &Memory| {
        says_in(
            CommentId(comment),
            &PREVIEW,
            &origin(NOW, NOW),
            &sight(),
            memory,
        )
    };
    assert_eq!(asks(79, &stopped), late(Overtaken::Stop));
    // In the same comment, behind the `stop`, or later.
    assert!(matches!(asks(80, &stopped), Decision::Start(_)));
    assert!(matches!(asks(81, &stopped), Decision::Start(_)));

    let mut closed = Memory::default();
    closed.note_close("2026-11-22T12:00:01Z".parse().expect("a time"));
    assert_eq!(asks(79, &closed), late(Overtaken::Close));
    let mut reopened = Memory::default();
    reopened.note_close("2026-11-22T11:59:59Z".parse().expect("a time"));
    assert!(matches!(asks(79, &reopened), Decision::Start(_)));
}

#[test]
fn a_stop_ends_what_was_asked_for_before_it_and_nothing_else() {
    let memory = with_a_preview(mona(), ready());
    let stops = |comment| {
        says_in(
            CommentId(comment),
            &Command::Stop,
            &origin(NOW, NOW),
            &sight(),
            &memory,
        )
    };
    // The preview was asked for in comment 70.
    assert_eq!(stops(69), late(Overtaken::Request));
    assert!(matches!(stops(71), Decision::Stop(stop) if stop.previews.len() == 1));
}

#[test]
fn a_stop_whose_author_could_not_be_looked_up_ends_everybodys_previews() {
    let memory = with_a_preview(hubot(), ready());
    let asked = Commented {
        comment: CommentId(77),
        author: mona(),
        commands: vec![Ok(Command::Stop)],
        origin: origin(NOW, NOW),
    };
    let Decision::Stop(stop) = stop_unseen(&asked, &memory) else {
        panic!("not stopped");
    };
    assert!(stop.is_everyones && stop.previews.len() == 1);
    assert_eq!(
        stop_unseen(&asked, &Memory::default()),
        Decision::Answer(Answer::NothingToStop)
    );
}
