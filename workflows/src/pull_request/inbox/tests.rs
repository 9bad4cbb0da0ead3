use super::*;
use crate::{
    pull_request::fixtures::sight,
    vocabulary::{InstallationId, RepositoryId},
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
        comment: CommentId(comment),
        author: login(by),
        commands: commands.iter().cloned().map(Ok).collect(),
        origin: origin(0),
    }
}

fn asks(comment: u64, by: &str, commands: &[Command]) -> Message {
    Message::Commented(commented(comment, by, commands))
}

fn closes(happened_at: i64) -> Message {
    Message::Closed(Closed {
        merged: false,
        origin: origin(happened_at),
    })
}

fn pushes(by: &str) -> Message {
    Message::Pushed(Pushed {
        head: "b".repeat(40).parse().expect("a commit"),
        by: Some(login(by)),
        origin: origin(0),
    })
}

fn heard(messages: impl IntoIterator<Item = Message>) -> Inbox {
    let mut inbox = Inbox::default();
    for message in messages {
        inbox.hear(message, at(0));
    }
    inbox
}

/// Begins all looks that can be begun, and says whose.
fn begin_all(inbox: &mut Inbox) -> Vec<(u64, String)> {
    std::iter::from_fn(|| inbox.begin_look())
        .map(|look| {
            let person = look.person.map_or("nobody".to_owned(), |it| it.to_string());
            (look.number, person)
        })
        .collect()
}

/// Whose turn it is: the number of the comment, or what else it is.
fn turn(inbox: &mut Inbox, now: i64) -> Option<String> {
    inbox.next_turn(at(now)).map(|turn| match turn {
        Turn::Commented(asked, _) => asked.comment.to_string(),
        Turn::StopUnseen(asked) => format!("{} unseen", asked.comment),
        Turn::Pushed(..) => "push".to_owned(),
        Turn::Closed(_, Some(_)) => "closed".to_owned(),
        Turn::Closed(_, None) => "closed unseen".to_owned(),
    })
}

#[test]
fn looks_go_side_by_side_and_turns_come_in_order() {
    let mut inbox = heard([asks(1, "mona", &[PREVIEW]), asks(2, "hubot", &[PREVIEW])]);
    let looks = begin_all(&mut inbox);
    assert_eq!(looks, [(1, "mona".to_owned()), (2, "hubot".to_owned())]);
    inbox.looked(2, Some(&sight()), at(1));
    assert_eq!(turn(&mut inbox, 1), None, "mona was first");
    inbox.looked(1, Some(&sight()), at(2));
    assert_eq!(turn(&mut inbox, 2).as_deref(), Some("1"));
    assert_eq!(turn(&mut inbox, 2).as_deref(), Some("2"));
    assert!(inbox.is_empty());
}

#[test]
fn one_look_serves_all_that_waits_for_the_same_persons_rights() {
    let mut inbox = heard((1..=100).map(|comment| asks(comment, "otto", &[PREVIEW])));
    assert_eq!(begin_all(&mut inbox).len(), 1);
    inbox.hear(asks(101, "otto", &[PREVIEW]), at(1));
    assert!(!inbox.wants_a_look(), "one at a time");
    inbox.looked(1, Some(&sight()), at(2));
    assert!(inbox.wants_a_look(), "what came later was not seen");
    for _ in 1..=100 {
        assert!(turn(&mut inbox, 2).is_some());
    }
    assert_eq!(turn(&mut inbox, 2), None);
}

#[test]
fn a_stop_and_an_end_overtake_what_waits() {
    let mut inbox = heard([
        asks(1, "mona", &[PREVIEW]),
        asks(2, "hubot", &[Command::Stop]),
        closes(0),
        asks(3, "ada", &[Command::Status]),
    ]);
    assert_eq!(begin_all(&mut inbox).len(), 4);
    for look in 2..=4 {
        inbox.looked(look, Some(&sight()), at(1));
    }
    assert_eq!(turn(&mut inbox, 1).as_deref(), Some("2"));
    assert_eq!(turn(&mut inbox, 1).as_deref(), Some("closed"));
    assert_eq!(turn(&mut inbox, 1), None, "a status waits for its turn");
    assert!(inbox.has_requests_before(CommentId(2)));
    assert!(!inbox.has_requests_before(CommentId(1)));
}

#[test]
fn a_stop_is_obeyed_unseen_after_a_minute_and_what_follows_it_waits() {
    let mut inbox = heard([asks(1, "mona", &[PREVIEW, Command::Stop, Command::Status])]);
    begin_all(&mut inbox);
    assert_eq!(inbox.next_moment(at(0)), Some(at(60)));
    assert_eq!(turn(&mut inbox, 59), None);
    let Some(Turn::StopUnseen(obeyed)) = inbox.next_turn(at(60)) else {
        panic!("not obeyed");
    };
    assert_eq!(obeyed.commands, [Ok(PREVIEW), Ok(Command::Stop)]);
    assert_eq!(inbox.next_moment(at(60)), None);
    inbox.looked(1, Some(&sight()), at(61));
    let Some(Turn::Commented(rest, _)) = inbox.next_turn(at(61)) else {
        panic!("the rest is lost");
    };
    assert_eq!(rest.commands, [Ok(Command::Status)]);
}

#[test]
fn only_a_young_end_is_obeyed_unseen() {
    let mut young = heard([closes(-539)]);
    assert_eq!(turn(&mut young, 60).as_deref(), Some("closed unseen"));
    let mut old = heard([closes(-541)]);
    for now in [60, 6_000] {
        assert_eq!(turn(&mut old, now), None);
    }
    assert!(!old.is_empty(), "it waits for GitHub");
    let mut request = heard([asks(1, "mona", &[PREVIEW])]);
    assert_eq!(
        turn(&mut request, 6_000),
        None,
        "unknown rights give nothing"
    );
}

#[test]
fn what_was_seen_too_long_ago_is_looked_at_again() {
    let mut inbox = heard([asks(1, "mona", &[PREVIEW]), asks(2, "hubot", &[PREVIEW])]);
    begin_all(&mut inbox);
    inbox.looked(2, Some(&sight()), at(1));
    inbox.looked(1, Some(&sight()), at(100));
    assert_eq!(turn(&mut inbox, 100).as_deref(), Some("1"));
    assert_eq!(turn(&mut inbox, 100), None);
    assert_eq!(begin_all(&mut inbox), [(3, "hubot".to_owned())]);
    inbox.looked(3, Some(&sight()), at(101));
    inbox.forget_sights();
    assert_eq!(turn(&mut inbox, 101), None, "something has happened since");
    assert!(inbox.wants_a_look());
}

#[test]
fn what_can_never_be_looked_into_is_dropped() {
    let mut inbox = heard([asks(1, "mona", &[PREVIEW])]);
    begin_all(&mut inbox);
    inbox.looked(1, None, at(1));
    assert!(inbox.is_empty());
}

#[test]
fn a_push_is_looked_into_only_when_everything_before_it_is_settled() {
    let mut inbox = heard([asks(1, "mona", &[PREVIEW]), pushes("hubot")]);
    assert_eq!(begin_all(&mut inbox), [(1, "mona".to_owned())]);
    inbox.looked(1, Some(&sight()), at(1));
    assert_eq!(turn(&mut inbox, 1).as_deref(), Some("1"));
    inbox.discard(|_| false, || true);
    assert_eq!(begin_all(&mut inbox), [(2, "hubot".to_owned())]);

    let mut unwanted = heard([pushes("hubot"), pushes("hubot"), closes(0)]);
    unwanted.discard(|_| false, || false);
    assert_eq!(unwanted.waiting().map(|(count, _)| count), Some(1));
}

#[test]
fn who_was_refused_a_moment_ago_is_not_looked_up() {
    let mut inbox = heard([asks(1, "otto", &[PREVIEW]), asks(2, "mona", &[PREVIEW])]);
    inbox.discard(|person| *person == login("otto"), || true);
    assert_eq!(begin_all(&mut inbox), [(1, "mona".to_owned())]);
}

#[test]
fn the_next_run_looks_again() {
    let mut inbox = heard([asks(1, "mona", &[PREVIEW])]);
    begin_all(&mut inbox);
    let json = serde_json::to_string(&inbox).expect("json");
    let mut next: Inbox = serde_json::from_str(&json).expect("an inbox");
    assert_eq!(begin_all(&mut next), [(1, "mona".to_owned())]);
}
