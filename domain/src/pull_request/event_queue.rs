//! The events of a pull request that are not processed yet.
//!
//! GitHub is asked about each of them, and they are processed in the order in which they were
//! received. A `stop` and the end of the pull request overtake what waits: nobody should have
//! to wait for GitHub to be rid of something, and what is about to be stopped is not started.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Closed, Commented, PullRequestEvent, PullRequestSnapshot, Pushed};
use crate::{Command, CommentId, Login};

/// An older snapshot is taken again before anything is decided: the head or
/// somebody's rights may have changed.
const SNAPSHOT_MAX_AGE: SignedDuration = SignedDuration::from_secs(60);
/// A `stop` or an end is obeyed without a snapshot when GitHub has not answered for this long …
const UNCHECKED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// … unless it is older than this: then the pull request may have been
/// reopened, or asked for again, meanwhile.
const UNCHECKED_MAX_AGE: SignedDuration = SignedDuration::from_mins(10);
/// How many lookups are under way at once.
const LOOKUPS_MAX: usize = 10;
/// How many events wait. More than that come together only if GitHub is away for long, or if somebody floods.
const EVENTS_MAX: usize = 200;

/// Everything that waits, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventQueue {
    entries: VecDeque<Entry>,
    /// Counts the lookups of one run, to tell them apart.
    #[serde(skip)]
    lookups: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    event: PullRequestEvent,
    received_at: Timestamp,
    /// Of this run only: the next run looks again.
    #[serde(skip)]
    lookup: LookupState,
}

#[derive(Clone, Debug, Default)]
enum LookupState {
    #[default]
    Wanted,
    UnderWay(u64),
    Done {
        snapshot: Box<PullRequestSnapshot>,
        at: Timestamp,
    },
}

/// A snapshot that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Tells it apart from the others of the same run.
    pub number: u64,
    /// Whose rights are to be looked up; nobody's, where only the pull request's state matters.
    pub person: Option<Login>,
}

/// What is to be processed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueEvent {
    /// All commands of a comment.
    Commented(Commented, Box<PullRequestSnapshot>),
    /// The commands up to the last `stop`. GitHub could not be asked whether the author may.
    UncheckedStop(Commented),
    /// A push.
    Pushed(Pushed, Box<PullRequestSnapshot>),
    /// The end. Without a snapshot if GitHub could not be asked whether it is still true.
    Closed(Closed, Option<Box<PullRequestSnapshot>>),
}

impl DueEvent {
    /// Is it a `stop`, or the end of the pull request?
    #[must_use]
    pub fn ends_previews(&self) -> bool {
        match self {
            Self::Commented(comment, _) => comment.has_stop(),
            Self::Pushed(..) => false,
            Self::UncheckedStop(_) | Self::Closed(..) => true,
        }
    }
}

impl EventQueue {
    /// Takes in what has happened.
    pub fn push(&mut self, event: PullRequestEvent, now: Timestamp) {
        self.entries
            .push_back(Entry { event, received_at: now, lookup: LookupState::Wanted });
        if self.entries.len() > EVENTS_MAX {
            self.drop_surplus();
        }
    }

    /// Drops the oldest event of whoever has the most waiting, so that nobody's flood costs others anything.
    fn drop_surplus(&mut self) {
        let mut waiting: Vec<(Option<&Login>, usize)> = Vec::new();
        for person in self.entries.iter().map(|entry| entry.event.person()) {
            match waiting.iter_mut().find(|(other, _)| *other == person) {
                Some((_, count)) => *count += 1,
                None => waiting.push((person, 1)),
            }
        }
        let loudest = waiting.into_iter().max_by_key(|(_, count)| *count);
        let oldest = loudest
            .and_then(|(person, _)| self.entries.iter().position(|entry| entry.event.person() == person));
        if let Some(oldest) = oldest {
            self.entries.remove(oldest);
        }
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many wait for GitHub, and since when.
    #[must_use]
    pub fn waiting(&self) -> Option<(usize, Timestamp)> {
        let oldest = self.entries.front()?.received_at;
        Some((self.entries.len(), oldest))
    }

    /// Forgets comments of people who were denied just now, and pushes that nobody wants followed.
    pub fn discard(&mut self, is_denied: impl Fn(&Login) -> bool, pushes_matter: bool) {
        self.entries.retain(
            |entry| !matches!(&entry.event, PullRequestEvent::Commented(it) if is_denied(&it.author)),
        );
        while !pushes_matter && self.front_is_a_push() {
            self.entries.pop_front();
        }
    }

    fn front_is_a_push(&self) -> bool {
        let front = self.entries.front();
        front.is_some_and(|entry| matches!(entry.event, PullRequestEvent::Pushed(_)))
    }

    /// Is there a lookup that could be begun now?
    #[must_use]
    pub fn wants_a_lookup(&self) -> bool {
        self.next_person().is_some()
    }

    /// The next lookup. One serves everything that waits for the same person's rights by then.
    pub fn begin_lookup(&mut self) -> Option<Lookup> {
        let person = self.next_person()?;
        self.lookups += 1;
        let number = self.lookups;
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if entry.is_wanted_at(index) && entry.event.person() == person.as_ref() {
                entry.lookup = LookupState::UnderWay(number);
            }
        }
        Some(Lookup { number, person })
    }

    fn next_person(&self) -> Option<Option<Login>> {
        let under_way: BTreeMap<u64, Option<&Login>> =
            self.entries.iter().filter_map(Entry::under_way).collect();
        if under_way.len() >= LOOKUPS_MAX {
            return None;
        }
        // One lookup a person at a time: a flood of comments must not become a flood of questions.
        let is_being_looked_up = |person| under_way.values().any(|it| *it == person);
        self.entries
            .iter()
            .enumerate()
            .find(|(index, entry)| entry.is_wanted_at(*index) && !is_being_looked_up(entry.event.person()))
            .map(|(_, entry)| entry.event.person().cloned())
    }

    /// A lookup has ended. Without a snapshot, there will never be one, and what waited for it is dropped.
    pub fn finish_lookup(&mut self, number: u64, snapshot: Option<&PullRequestSnapshot>, now: Timestamp) {
        self.entries.retain_mut(|entry| {
            if !entry.awaits(number) {
                return true;
            }
            if let Some(snapshot) = snapshot {
                entry.lookup = LookupState::Done { snapshot: Box::new(snapshot.clone()), at: now };
            }
            snapshot.is_some()
        });
    }

    /// Does anything wait for this lookup?
    #[must_use]
    pub fn awaits(&self, number: u64) -> bool {
        self.entries.iter().any(|entry| entry.awaits(number))
    }

    /// Something has happened that makes all earlier snapshots worthless.
    pub fn forget_snapshots(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.lookup, LookupState::Done { .. }) {
                entry.lookup = LookupState::Wanted;
            }
        }
    }

    /// Takes out what is to be processed next.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<DueEvent> {
        for entry in &mut self.entries {
            if matches!(entry.lookup, LookupState::Done { at, .. } if at.duration_until(now) > SNAPSHOT_MAX_AGE)
            {
                entry.lookup = LookupState::Wanted;
            }
        }
        let overtaking = self.entries.iter().position(|entry| entry.overtakes() && entry.is_checked());
        if let Some(entry) = overtaking.and_then(|index| self.entries.remove(index)) {
            return Some(entry.into_due());
        }
        if let Some(unchecked) = self.pop_unchecked(now) {
            return Some(unchecked);
        }
        let front = self.is_front_due(now).then(|| self.entries.pop_front())?;
        front.map(Entry::into_due)
    }

    /// Takes out a `stop` or an end that GitHub could not be asked about in time.
    fn pop_unchecked(&mut self, now: Timestamp) -> Option<DueEvent> {
        let unchecked = self.entries.iter().position(|entry| entry.is_due_unchecked(now))?;
        let (due, rest) = self.entries[unchecked].event.clone().split_after_stop();
        match rest {
            Some(rest) => self.entries[unchecked].event = rest,
            None => drop(self.entries.remove(unchecked)),
        }
        match due {
            PullRequestEvent::Closed(closed) => Some(DueEvent::Closed(closed, None)),
            PullRequestEvent::Commented(comment) => Some(DueEvent::UncheckedStop(comment)),
            PullRequestEvent::Pushed(_) => None,
        }
    }

    /// What asks for something waits until it is known whether a `stop` or an end that has been heard
    /// overtakes it.
    fn is_front_due(&self, now: Timestamp) -> bool {
        let may_be_overtaken = || {
            let mut unchecked = self.entries.iter().filter_map(Entry::due_unchecked_at);
            unchecked.any(|at| at > now)
        };
        let front = self.entries.front();
        front.is_some_and(|front| front.is_checked() && !(front.is_request() && may_be_overtaken()))
    }

    /// When something will be due even if GitHub does not answer.
    #[must_use]
    pub fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = self.entries.iter().filter_map(Entry::due_unchecked_at);
        moments.filter(|moment| *moment > now).min()
    }

    /// Does a preview, or more time, wait that was asked for before this comment?
    #[must_use]
    pub fn has_requests_before(&self, comment: CommentId) -> bool {
        self.entries.iter().any(|entry| match &entry.event {
            PullRequestEvent::Commented(earlier) => earlier.comment < comment && earlier.has_request(),
            PullRequestEvent::Pushed(_) | PullRequestEvent::Closed(_) => false,
        })
    }
}

impl Entry {
    /// The lookup that it waits for, and whose rights are looked up.
    fn under_way(&self) -> Option<(u64, Option<&Login>)> {
        match self.lookup {
            LookupState::UnderWay(number) => Some((number, self.event.person())),
            LookupState::Wanted | LookupState::Done { .. } => None,
        }
    }

    fn awaits(&self, number: u64) -> bool {
        matches!(self.lookup, LookupState::UnderWay(under_way) if under_way == number)
    }

    /// A push is looked into only when everything before it is settled: nobody waits for it.
    fn is_wanted_at(&self, index: usize) -> bool {
        matches!(self.lookup, LookupState::Wanted)
            && (index == 0 || !matches!(self.event, PullRequestEvent::Pushed(_)))
    }

    fn is_checked(&self) -> bool {
        matches!(self.lookup, LookupState::Done { .. })
    }

    /// Would it have something started, or stay longer?
    fn is_request(&self) -> bool {
        match &self.event {
            PullRequestEvent::Commented(comment) => comment.has_request(),
            PullRequestEvent::Pushed(_) => true,
            PullRequestEvent::Closed(_) => false,
        }
    }

    fn overtakes(&self) -> bool {
        match &self.event {
            PullRequestEvent::Commented(comment) => comment.has_stop(),
            PullRequestEvent::Pushed(_) => false,
            PullRequestEvent::Closed(_) => true,
        }
    }

    /// When GitHub has had its time to answer, of something that can be obeyed without its answer.
    fn due_unchecked_at(&self) -> Option<Timestamp> {
        let at = self.received_at.saturating_add(UNCHECKED_AFTER).ok()?;
        self.overtakes().then_some(at)
    }

    fn is_due_unchecked(&self, now: Timestamp) -> bool {
        let age = self.event.origin().happened_at.duration_until(now);
        age < UNCHECKED_MAX_AGE && self.due_unchecked_at().is_some_and(|at| at <= now)
    }

    fn into_due(self) -> DueEvent {
        let LookupState::Done { snapshot, .. } = self.lookup else {
            unreachable!("only what was looked up is taken out");
        };
        match self.event {
            PullRequestEvent::Commented(comment) => DueEvent::Commented(comment, snapshot),
            PullRequestEvent::Pushed(push) => DueEvent::Pushed(push, snapshot),
            PullRequestEvent::Closed(close) => DueEvent::Closed(close, Some(snapshot)),
        }
    }
}

impl PullRequestEvent {
    /// What is asked up to the last `stop`, and what is asked after it.
    fn split_after_stop(self) -> (Self, Option<Self>) {
        let Self::Commented(mut comment) = self else {
            return (self, None);
        };
        let stop = Ok(Command::Stop);
        let last = comment.commands.iter().rposition(|command| *command == stop);
        let rest = comment.commands.split_off(last.map_or(0, |index| index + 1));
        let rest = (!rest.is_empty())
            .then(|| Self::Commented(Commented { commands: rest, is_rest: true, ..comment.clone() }));
        (Self::Commented(comment), rest)
    }
}

#[cfg(test)]
mod tests;
