use super::*;
use crate::{
    InstallationId, RepositoryId,
    pull_request::{Origin, fixtures::snapshot},
};

/// So many seconds after noon.
fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    noon + SignedDuration::from_secs(seconds)
}

fn login(name: &str) -> Login {
    name.parse().expect("a login")
}

fn origin(seconds: i64) -> Origin {
    Origin {
        installation: InstallationId(5),
        repository_id: RepositoryId(77),
        happened_at: at(seconds),
        received_at: at(seconds),
    }
}

const PREVIEW: Command = Command::Preview { ttl: None };

fn commented(comment: u64, by: &str, commands: &[Command]) -> Commented {
    Commented {
        is_rest: false,
        comment: CommentId(comment),
        author: login(by),
        commands: commands.iter().cloned().map(Ok).collect(),
        origin: origin(0),
    }
}

fn asks(comment: u64, by: &str, commands: &[Command]) -> PullRequestEvent {
    PullRequestEvent::Commented(commented(comment, by, commands))
}

fn closes(happened_at: i64) -> PullRequestEvent {
    PullRequestEvent::Closed(Closed { merged: false, origin: origin(happened_at) })
}

fn pushes(by: &str) -> PullRequestEvent {
    PullRequestEvent::Pushed(Pushed {
        head: "b".repeat(40).parse().expect("a commit"),
        by: Some(login(by)),
        origin: origin(0),
    })
}

fn received(events: impl IntoIterator<Item = PullRequestEvent>) -> EventQueue {
    let mut queue = EventQueue::default();
    for event in events {
        queue.push(event, at(0));
    }
    queue
}

/// Begins all lookups that can be begun, and says whose.
fn begin_all(queue: &mut EventQueue) -> Vec<(u64, String)> {
    std::iter::from_fn(|| queue.begin_lookup())
        .map(|lookup| {
            let person = lookup.person.map_or("nobody".to_owned(), |it| it.to_string());
            (lookup.number, person)
        })
        .collect()
}

/// What is due: the number of the comment, or what else it is.
fn due(queue: &mut EventQueue, now: i64) -> Option<String> {
    queue.pop_due(at(now)).map(|due| match due {
        DueEvent::Commented(asked, _) => asked.comment.to_string(),
        DueEvent::UncheckedStop(asked) => format!("{} unchecked", asked.comment),
        DueEvent::Pushed(..) => "push".to_owned(),
        DueEvent::Closed(_, Some(_)) => "closed".to_owned(),
        DueEvent::Closed(_, None) => "closed unchecked".to_owned(),
    })
}

#[test]
fn lookups_go_side_by_side_and_events_are_processed_in_order() {
    let mut queue = received([asks(1, "mona", &[PREVIEW]), asks(2, "hubot", &[PREVIEW])]);
    let lookups = begin_all(&mut queue);
    assert_eq!(lookups, [(1, "mona".to_owned()), (2, "hubot".to_owned())]);
    queue.finish_lookup(2, Some(&snapshot()), at(1));
    assert_eq!(due(&mut queue, 1), None, "mona was first");
    queue.finish_lookup(1, Some(&snapshot()), at(2));
    assert_eq!(due(&mut queue, 2).as_deref(), Some("1"));
    assert_eq!(due(&mut queue, 2).as_deref(), Some("2"));
    assert!(queue.is_empty());
}

#[test]
fn one_lookup_serves_all_that_waits_for_the_same_persons_rights() {
    let mut queue = received((1..=100).map(|comment| asks(comment, "otto", &[PREVIEW])));
    assert_eq!(begin_all(&mut queue).len(), 1);
    queue.push(asks(101, "otto", &[PREVIEW]), at(1));
    assert!(!queue.wants_a_lookup(), "one at a time");
    queue.finish_lookup(1, Some(&snapshot()), at(2));
    assert!(queue.wants_a_lookup(), "what came later was not seen");
    for _ in 1..=100 {
        assert!(due(&mut queue, 2).is_some());
    }
    assert_eq!(due(&mut queue, 2), None);
}

#[test]
fn a_stop_and_an_end_overtake_what_waits() {
    let mut queue = received([
        asks(1, "mona", &[PREVIEW]),
        asks(2, "hubot", &[Command::Stop]),
        closes(0),
        asks(3, "ada", &[Command::Status]),
    ]);
    assert_eq!(begin_all(&mut queue).len(), 4);
    for lookup in 2..=4 {
        queue.finish_lookup(lookup, Some(&snapshot()), at(1));
    }
    assert_eq!(due(&mut queue, 1).as_deref(), Some("2"));
    assert_eq!(due(&mut queue, 1).as_deref(), Some("closed"));
    assert_eq!(due(&mut queue, 1), None, "a status waits for its turn");
    assert!(queue.has_requests_before(CommentId(2)));
    assert!(!queue.has_requests_before(CommentId(1)));
}

#[test]
fn nothing_is_begun_that_a_stop_which_was_heard_may_overtake() {
    let mut queue = received([
        asks(1, "mona", &[Command::Status]),
        asks(2, "mona", &[PREVIEW]),
        asks(3, "hubot", &[Command::Stop]),
    ]);
    begin_all(&mut queue);
    queue.finish_lookup(1, Some(&snapshot()), at(1));
    assert_eq!(due(&mut queue, 1).as_deref(), Some("1"));
    assert_eq!(due(&mut queue, 1), None, "hubot may have the right to stop it");
    queue.finish_lookup(2, Some(&snapshot()), at(2));
    assert_eq!(due(&mut queue, 2).as_deref(), Some("3"));
    assert_eq!(due(&mut queue, 2).as_deref(), Some("2"));
}

#[test]
fn nothing_waits_longer_than_a_minute_for_the_author_of_a_stop_to_be_looked_up() {
    let mut queue = received([asks(1, "mona", &[PREVIEW]), asks(2, "hubot", &[Command::Stop])]);
    begin_all(&mut queue);
    queue.finish_lookup(1, Some(&snapshot()), at(30));
    assert_eq!(due(&mut queue, 30), None);
    assert_eq!(queue.next_deadline(at(30)), Some(at(60)));
    assert_eq!(due(&mut queue, 60).as_deref(), Some("2 unchecked"));
    assert_eq!(due(&mut queue, 60).as_deref(), Some("1"));
}

#[test]
fn a_stop_is_obeyed_unchecked_after_a_minute_and_what_follows_it_waits() {
    let mut queue = received([asks(1, "mona", &[PREVIEW, Command::Stop, Command::Status])]);
    begin_all(&mut queue);
    assert_eq!(queue.next_deadline(at(0)), Some(at(60)));
    assert_eq!(due(&mut queue, 59), None);
    let Some(DueEvent::UncheckedStop(obeyed)) = queue.pop_due(at(60)) else {
        panic!("not obeyed");
    };
    assert_eq!(obeyed.commands, [Ok(PREVIEW), Ok(Command::Stop)]);
    assert_eq!(queue.next_deadline(at(60)), None);
    queue.finish_lookup(1, Some(&snapshot()), at(61));
    let Some(DueEvent::Commented(rest, _)) = queue.pop_due(at(61)) else {
        panic!("the rest is lost");
    };
    assert_eq!(rest.commands, [Ok(Command::Status)]);
}

#[test]
fn only_a_young_end_is_obeyed_unchecked() {
    let mut young = received([closes(-539)]);
    assert_eq!(due(&mut young, 60).as_deref(), Some("closed unchecked"));
    let mut old = received([closes(-541)]);
    for now in [60, 6_000] {
        assert_eq!(due(&mut old, now), None);
    }
    assert!(!old.is_empty(), "it waits for GitHub");
    let mut request = received([asks(1, "mona", &[PREVIEW])]);
    assert_eq!(due(&mut request, 6_000), None, "unknown rights give nothing");
}

#[test]
fn an_old_snapshot_is_taken_again() {
    let mut queue = received([asks(1, "mona", &[PREVIEW]), asks(2, "hubot", &[PREVIEW])]);
    begin_all(&mut queue);
    queue.finish_lookup(2, Some(&snapshot()), at(1));
    queue.finish_lookup(1, Some(&snapshot()), at(100));
    assert_eq!(due(&mut queue, 100).as_deref(), Some("1"));
    assert_eq!(due(&mut queue, 100), None);
    assert_eq!(begin_all(&mut queue), [(3, "hubot".to_owned())]);
    queue.finish_lookup(3, Some(&snapshot()), at(101));
    queue.forget_snapshots();
    assert_eq!(due(&mut queue, 101), None, "something has happened since");
    assert!(queue.wants_a_lookup());
}

#[test]
fn what_can_never_be_looked_into_is_dropped() {
    let mut queue = received([asks(1, "mona", &[PREVIEW])]);
    begin_all(&mut queue);
    queue.finish_lookup(1, None, at(1));
    assert!(queue.is_empty());
}

#[test]
fn a_push_is_looked_into_only_when_everything_before_it_is_settled() {
    let mut queue = received([asks(1, "mona", &[PREVIEW]), pushes("hubot")]);
    assert_eq!(begin_all(&mut queue), [(1, "mona".to_owned())]);
    queue.finish_lookup(1, Some(&snapshot()), at(1));
    assert_eq!(due(&mut queue, 1).as_deref(), Some("1"));
    queue.discard(|_| false, true);
    assert_eq!(begin_all(&mut queue), [(2, "hubot".to_owned())]);

    let mut unwanted = received([pushes("hubot"), pushes("hubot"), closes(0)]);
    unwanted.discard(|_| false, false);
    assert_eq!(unwanted.waiting().map(|(count, _)| count), Some(1));
}

#[test]
fn who_was_refused_a_moment_ago_is_not_looked_up() {
    let mut queue = received([asks(1, "otto", &[PREVIEW]), asks(2, "mona", &[PREVIEW])]);
    queue.discard(|person| *person == login("otto"), true);
    assert_eq!(begin_all(&mut queue), [(1, "mona".to_owned())]);
}

#[test]
fn the_next_run_looks_again() {
    let mut queue = received([asks(1, "mona", &[PREVIEW])]);
    begin_all(&mut queue);
    let json = serde_json::to_string(&queue).expect("json");
    let mut next: EventQueue = serde_json::from_str(&json).expect("a queue");
    assert_eq!(begin_all(&mut next), [(1, "mona".to_owned())]);
}

#[test]
fn a_flood_costs_whoever_floods_and_nobody_else() {
    let flood = (10..400).map(|comment| asks(comment, "otto", &[Command::Help]));
    let events = [asks(1, "mona", &[PREVIEW])].into_iter().chain(flood);
    let mut queue = received(events.chain([asks(400, "mona", &[Command::Stop]), closes(0)]));
    assert_eq!(queue.waiting(), Some((EVENTS_MAX, at(0))));
    let mut mona = Vec::new();
    while let Some(Lookup { number, .. }) = queue.begin_lookup() {
        queue.finish_lookup(number, Some(&snapshot()), at(1));
        while let Some(due) = queue.pop_due(at(1)) {
            if let DueEvent::Commented(comment, _) = due
                && comment.author == login("mona")
            {
                mona.push(comment.comment.0);
            }
        }
    }
    assert_eq!(mona, [400, 1]);
}
