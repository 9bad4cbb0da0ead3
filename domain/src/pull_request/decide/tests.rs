use super::*;
use crate::{
    InstallationId, PullRequestNumber, RepositoryId, preview::PreviewReport, pull_request::fixtures::snapshot,
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
fn says(command: &Command, snapshot: &PullRequestSnapshot, conversation: &Conversation) -> Vec<Effect> {
    says_in(CommentId(77), command, &origin(NOW, NOW), snapshot, conversation)
}

fn says_in(
    comment: CommentId,
    command: &Command,
    origin: &Origin,
    snapshot: &PullRequestSnapshot,
    conversation: &Conversation,
) -> Vec<Effect> {
    let asked = Asked {
        pull_request: &pull_request(),
        comment,
        by: &mona(),
        origin,
        snapshot,
    };
    decide(Ok(command), &asked, conversation)
}

fn refused(because: Refusal) -> Vec<Effect> {
    answer(Answer::Refused { because })
}

/// The one thing that follows.
fn only(effects: Vec<Effect>) -> Effect {
    let [effect] = <[Effect; 1]>::try_from(effects).expect("one effect");
    effect
}

fn answers(effects: Vec<Effect>) -> Vec<Answer> {
    let answers = effects.into_iter().filter_map(|effect| match effect {
        Effect::Answer(answer) => Some(answer),
        _ => None,
    });
    answers.collect()
}

const PREVIEW: Command = Command::Preview { ttl: None };

/// The head's preview, asked for by `by`, in `state`.
fn with_a_preview(by: Login, state: PreviewState) -> Conversation {
    let mut conversation = Conversation::default();
    let preview = format!("{}:{}", pull_request(), snapshot().head);
    conversation.previews.apply_report(PreviewReport {
        preview: preview.parse().expect("an id"),
        run_id: Some("run-1".to_owned()),
        started_at: None,
        revision: 1,
        requested_by: by,
        asked_in: CommentId(70),
        state,
        environment: None,
        probe: crate::preview::Probe::default(),
    });
    conversation
}

fn ready() -> PreviewState {
    PreviewState::Ready {
        url: "http://x/".to_owned(),
        note: None,
        stable_url: None,
        stable_note: None,
        expires_at: "2026-11-22T12:30:00Z".parse().expect("a time"),
        extendable_until: "2026-11-22T14:00:00Z".parse().expect("a time"),
        is_expiring: false,
    }
}

#[test]
fn a_writer_gets_the_newest_commit_on_the_repositorys_terms() {
    let Effect::Request(request) = only(says(&PREVIEW, &snapshot(), &Conversation::default())) else {
        panic!("not started");
    };
    assert_eq!(request.preview.commit, snapshot().head);
    assert_eq!(request.pull_request(), pull_request());
    assert_eq!((request.ttl, request.max_lifetime.to_string()), (Ttl::DEFAULT, "2h".to_owned()));
    assert_eq!((request.comment, request.requested_by), (CommentId(77), mona()));
}

#[test]
fn a_time_of_ones_own_is_given_up_to_the_maximum() {
    let hours = |text: &str| text.parse().expect("a duration");
    let asking = |text| Command::Preview { ttl: Some(hours(text)) };
    let Effect::Request(request) = only(says(&asking("2h"), &snapshot(), &Conversation::default())) else {
        panic!("not started");
    };
    assert_eq!(request.ttl, hours("2h"));
    assert_eq!(
        says(&asking("3h"), &snapshot(), &Conversation::default()),
        answer(Answer::TtlTooLong { asked: hours("3h"), maximum: hours("2h") })
    );
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    let nobody = PullRequestSnapshot { is_authorized: false, ..snapshot() };
    for (snapshot, because) in [
        (nobody.clone(), Refusal::NotAllowed),
        (PullRequestSnapshot { is_from_fork: true, ..nobody }, Refusal::NotAllowed),
        (PullRequestSnapshot { is_from_fork: true, ..snapshot() }, Refusal::Fork),
        (PullRequestSnapshot { state: PullRequestState::Closed, ..snapshot() }, Refusal::Closed),
        (PullRequestSnapshot { state: PullRequestState::Merged, ..snapshot() }, Refusal::Merged),
        (PullRequestSnapshot { is_locked: true, ..snapshot() }, Refusal::Locked),
    ] {
        assert_eq!(says(&PREVIEW, &snapshot, &Conversation::default()), refused(because), "{snapshot:?}");
    }
}

#[test]
fn where_nothing_is_left_to_decide_strangers_are_not_even_refused() {
    let stranger = PullRequestSnapshot { is_authorized: false, ..snapshot() };
    for over in [
        PullRequestSnapshot { state: PullRequestState::Closed, ..stranger.clone() },
        PullRequestSnapshot { state: PullRequestState::Merged, ..stranger.clone() },
        PullRequestSnapshot { is_locked: true, ..stranger },
    ] {
        for command in [&PREVIEW, &Command::Stop, &Command::Status, &Command::Help] {
            assert_eq!(
                says(command, &over, &Conversation::default()),
                [Effect::DenySilently { person: mona() }],
                "{command:?} {over:?}"
            );
        }
        // Whoever asked for what still runs is no stranger.
        let own = with_a_preview(mona(), ready());
        assert!(matches!(only(says(&Command::Stop, &over, &own)), Effect::Stop { .. }));
    }
}

#[test]
fn an_invalid_configuration_is_answered() {
    let problem = InvalidConfiguration {
        file: ".preview.yaml".to_owned(),
        branch: "main".to_owned(),
        line: Some(3),
        reason: "no such field".to_owned(),
    };
    let snapshot = PullRequestSnapshot { terms: Err(problem.clone()), ..snapshot() };
    assert_eq!(
        says(&PREVIEW, &snapshot, &Conversation::default()),
        answer(Answer::InvalidConfiguration { problem })
    );
}

#[test]
fn a_preview_that_exists_is_not_started_again() {
    let asked_again = |state| says(&PREVIEW, &snapshot(), &with_a_preview(hubot(), state));
    assert!(matches!(
        asked_again(ready()).as_slice(),
        [Effect::AskedAgain { .. }, Effect::Answer(Answer::AlreadyExists { .. })]
    ));
    assert!(matches!(only(asked_again(PreviewState::Installing)), Effect::AskedAgain { .. }));
    let because = StopReason::Asked { by: None };
    assert!(matches!(
        only(asked_again(PreviewState::Stopping { because: because.clone(), is_slow: false })),
        Effect::Queue(_)
    ));
    assert!(matches!(only(asked_again(PreviewState::Removed { because })), Effect::Request(_)));
}

#[test]
fn who_asked_for_a_preview_may_extend_and_stop_it_without_other_rights() {
    let reader = PullRequestSnapshot { is_authorized: false, ..snapshot() };
    let extend = Command::Extend { by: "10m".parse().expect("a duration") };
    let own = with_a_preview(mona(), ready());
    let anothers = with_a_preview(hubot(), ready());
    for command in [&extend, &Command::Stop] {
        assert!(!matches!(only(says(command, &reader, &own)), Effect::Answer(_)), "{command:?}");
        assert_eq!(says(command, &reader, &anothers), refused(Refusal::NotAllowed));
    }
    for command in [&PREVIEW, &Command::Status, &Command::Help] {
        assert_eq!(says(command, &reader, &own), refused(Refusal::NotAllowed), "{command:?}");
    }
}

#[test]
fn whoever_has_had_too_many_previews_gets_no_more_and_keeps_what_there_is() {
    let busy = PullRequestSnapshot { started_in_the_last_hour: 30, ..snapshot() };
    assert_eq!(says(&PREVIEW, &busy, &Conversation::default()), refused(Refusal::TooMany));
    let own = with_a_preview(mona(), ready());
    assert!(matches!(says(&PREVIEW, &busy, &own)[..], [Effect::AskedAgain { .. }, Effect::Answer(_)]));
    assert!(matches!(only(says(&extend(), &busy, &own)), Effect::Extend { .. }));
}

#[test]
fn there_may_be_nothing_to_extend_or_stop() {
    let extend = Command::Extend { by: "10m".parse().expect("a duration") };
    assert_eq!(says(&extend, &snapshot(), &Conversation::default()), answer(Answer::NothingToExtend));
    let stops = says(&Command::Stop, &snapshot(), &Conversation::default());
    assert_eq!(answers(stops), [Answer::NothingToStop]);
}

#[test]
fn a_stop_counts_for_what_arrives_later_although_there_was_nothing_to_stop() {
    let mut conversation = Conversation::default();
    for effect in
        says_in(CommentId(78), &Command::Stop, &origin(NOW, NOW), &snapshot(), &conversation.clone())
    {
        if let Effect::Stop(stop) = effect {
            conversation.stop(&stop);
        }
    }
    let asks = |comment| says_in(CommentId(comment), &PREVIEW, &origin(NOW, NOW), &snapshot(), &conversation);
    assert_eq!(asks(77), late(Overtaken::Stop));
    assert!(matches!(only(asks(79)), Effect::Request(_)));
}

#[test]
fn more_than_the_maximum_is_not_given() {
    let until = "2026-11-22T14:00:00Z".parse().expect("a time");
    let at_maximum = PreviewState::Ready {
        url: "http://x/".to_owned(),
        note: None,
        stable_url: None,
        stable_note: None,
        expires_at: until,
        extendable_until: until,
        is_expiring: false,
    };
    let extend = Command::Extend { by: "10m".parse().expect("a duration") };
    assert_eq!(
        says(&extend, &snapshot(), &with_a_preview(mona(), at_maximum)),
        answer(Answer::AtMaximum { until })
    );
}

#[test]
fn a_push_renews_a_preview_only_where_the_repository_wants_that() {
    let push = Pushed {
        head: snapshot().head,
        by: Some(mona()),
        origin: origin(NOW, NOW),
    };
    let follows = |snapshot: &PullRequestSnapshot| {
        decide_push(&push, &pull_request(), snapshot, &Conversation::default())
    };
    let mut renewing = snapshot();
    renewing.terms.as_mut().expect("terms").redeploy_on_push = true;
    assert_eq!(follows(&snapshot()), []);
    assert!(matches!(only(follows(&renewing)), Effect::Request(_)));
    // Nobody asked, so nobody is answered.
    let fork = PullRequestSnapshot { is_from_fork: true, ..renewing.clone() };
    let gone = PullRequestSnapshot { is_authorized: false, ..renewing };
    assert_eq!(follows(&fork), []);
    assert_eq!(follows(&gone), []);
}

fn extend() -> Command {
    Command::Extend { by: "10m".parse().expect("a duration") }
}

fn late(overtaken_by: Overtaken) -> Vec<Effect> {
    answer(Answer::Late { overtaken_by })
}

#[test]
fn what_arrives_an_hour_after_it_was_written_is_answered_and_not_obeyed() {
    let conversation = with_a_preview(mona(), ready());
    for command in [&PREVIEW, &extend()] {
        let at = |received_at| {
            let origin = origin(NOW, received_at);
            says_in(CommentId(77), command, &origin, &snapshot(), &conversation)
        };
        assert_eq!(at("2026-11-22T13:00:01Z"), late(Overtaken::Time));
        assert_ne!(at("2026-11-22T13:00:00Z"), late(Overtaken::Time));
    }
    // Who may not is told that, and nothing else.
    let nobody = PullRequestSnapshot { is_authorized: false, ..snapshot() };
    assert_eq!(
        says_in(CommentId(77), &PREVIEW, &origin(NOW, "2026-11-22T14:00:00Z"), &nobody, &conversation),
        refused(Refusal::NotAllowed)
    );
}

#[test]
fn what_was_written_before_a_stop_or_a_close_that_was_carried_out_is_not_obeyed() {
    let Effect::Stop(stop) = only(says_in(
        CommentId(80),
        &Command::Stop,
        &origin(NOW, NOW),
        &snapshot(),
        &with_a_preview(mona(), ready()),
    )) else {
        panic!("not stopped");
    };
    let mut stopped = Conversation::default();
    stopped.stop(&stop);
    let asks = |comment, conversation: &Conversation| {
        says_in(CommentId(comment), &PREVIEW, &origin(NOW, NOW), &snapshot(), conversation)
    };
    assert_eq!(asks(79, &stopped), late(Overtaken::Stop));
    // In the same comment, behind the `stop`, or later.
    assert!(matches!(only(asks(80, &stopped)), Effect::Request(_)));
    assert!(matches!(only(asks(81, &stopped)), Effect::Request(_)));

    let mut closed = Conversation::default();
    closed.close("2026-11-22T12:00:01Z".parse().expect("a time"), false);
    assert_eq!(asks(79, &closed), late(Overtaken::Close));
    let mut reopened = Conversation::default();
    reopened.close("2026-11-22T11:59:59Z".parse().expect("a time"), false);
    assert!(matches!(only(asks(79, &reopened)), Effect::Request(_)));
}

#[test]
fn a_stop_ends_what_was_asked_for_before_it_and_nothing_else() {
    let conversation = with_a_preview(mona(), ready());
    let stops =
        |comment| says_in(CommentId(comment), &Command::Stop, &origin(NOW, NOW), &snapshot(), &conversation);
    // The preview was asked for in comment 70.
    assert_eq!(answers(stops(69)), [Answer::Late { overtaken_by: Overtaken::Request }]);
    assert!(matches!(only(stops(71)), Effect::Stop(stop) if stop.previews.len() == 1));
}

#[test]
fn a_stop_whose_author_could_not_be_looked_up_ends_everybodys_previews() {
    let conversation = with_a_preview(hubot(), ready());
    let asked = Commented {
        is_rest: false,
        comment: CommentId(77),
        author: mona(),
        commands: vec![Ok(Command::Stop)],
        origin: origin(NOW, NOW),
    };
    let Effect::Stop(stop) = only(decide_unchecked_stop(&asked, &conversation)) else {
        panic!("not stopped");
    };
    assert!(stop.is_everyones && stop.previews.len() == 1);
    let in_vain = decide_unchecked_stop(&asked, &Conversation::default());
    assert_eq!(answers(in_vain), [Answer::NothingToStop]);
}

#[test]
fn an_end_is_checked_before_everything_is_removed() {
    let close = Closed { merged: false, origin: origin(NOW, NOW) };
    let seen = |state| {
        let snapshot = PullRequestSnapshot { state, ..snapshot() };
        decide_close(&close, Some(&snapshot))
    };
    let at = close.origin.happened_at;
    let ends = |merged| [Effect::Close { at, merged }];
    assert_eq!(seen(PullRequestState::Open), [], "it was reopened");
    assert_eq!(seen(PullRequestState::Closed), ends(false));
    assert_eq!(seen(PullRequestState::Merged), ends(true));
    assert_eq!(decide_close(&close, None), ends(false));
}
