//! What has happened on the pull request and was not attended to yet. Pure; no Temporal in here.
//!
//! Everything waits for a look at GitHub, and has its turn in the order in which it was heard. A `stop` and the end of the pull request overtake
//! what waits: nobody should have to wait for GitHub to be rid of something.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Closed, Commented, Origin, Pushed};
use crate::{
    activities::Sight,
    vocabulary::{Command, CommentId, Login},
};

/// What was seen longer ago is looked at again before anything is decided: the head or somebody's rights may have changed.
const SIGHT_MAX_AGE: SignedDuration = SignedDuration::from_secs(60);
/// A `stop` or an end is obeyed unseen when GitHub has not answered for this long …
const UNSEEN_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// … unless it is older than this: then the pull request may have been reopened, or asked for again, meanwhile.
const UNSEEN_MAX_AGE: SignedDuration = SignedDuration::from_mins(10);
/// How many looks are under way at once.
const LOOKS_MAX: usize = 10;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// Somebody asked for something.
    Commented(Commented),
    /// There is a new newest commit.
    Pushed(Pushed),
    /// It was closed or merged.
    Closed(Closed),
}

/// Everything that waits, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Inbox {
    entries: VecDeque<Entry>,
    /// Counts the looks of one run, to tell them apart.
    #[serde(skip)]
    looks: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    message: Message,
    heard_at: Timestamp,
    /// Of this run only: the next run looks again.
    #[serde(skip)]
    look: LookUp,
}

#[derive(Clone, Debug, Default)]
enum LookUp {
    #[default]
    Wanted,
    UnderWay(u64),
    Done {
        sight: Box<Sight>,
        at: Timestamp,
    },
}

/// A look at GitHub that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedLook {
    pub(super) number: u64,
    /// Whose rights are to be looked at; nobody's, where only the pull request's state matters.
    pub(super) person: Option<Login>,
}

/// What is to be attended to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Commented(Commented, Box<Sight>),
    /// The commands up to the last `stop`. GitHub could not be asked whether the author may.
    StopUnseen(Commented),
    Pushed(Pushed, Box<Sight>),
    /// Without a sight if GitHub could not be asked whether it is still true.
    Closed(Closed, Option<Box<Sight>>),
}

impl Inbox {
    pub(super) fn hear(&mut self, message: Message, now: Timestamp) {
        self.entries.push_back(Entry {
            message,
            heard_at: now,
            look: LookUp::Wanted,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many wait for GitHub, and since when.
    pub(super) fn waiting(&self) -> Option<(usize, Timestamp)> {
        let oldest = self.entries.front()?.heard_at;
        Some((self.entries.len(), oldest))
    }

    /// Forgets comments of those who need not be heard now, and pushes that nobody wants followed.
    pub(super) fn discard(
        &mut self,
        is_deaf_to: impl Fn(&Login) -> bool,
        pushes_matter: impl FnOnce() -> bool,
    ) {
        self.entries.retain(
            |entry| !matches!(&entry.message, Message::Commented(it) if is_deaf_to(&it.author)),
        );
        if self.front_is_a_push() && !pushes_matter() {
            while self.front_is_a_push() {
                self.entries.pop_front();
            }
        }
    }

    fn front_is_a_push(&self) -> bool {
        let front = self.entries.front();
        front.is_some_and(|entry| matches!(entry.message, Message::Pushed(_)))
    }

    /// Is there something that a look could be begun for now?
    pub(super) fn wants_a_look(&self) -> bool {
        self.next_person().is_some()
    }

    /// The next look. One serves everything that waits for the same person's rights by then.
    pub(super) fn begin_look(&mut self) -> Option<WantedLook> {
        let person = self.next_person()?;
        self.looks += 1;
        let number = self.looks;
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if entry.is_wanted_at(index) && entry.person() == person.as_ref() {
                entry.look = LookUp::UnderWay(number);
            }
        }
        Some(WantedLook { number, person })
    }

    fn next_person(&self) -> Option<Option<Login>> {
        let is_under_way = |look: &LookUp| matches!(look, LookUp::UnderWay(_));
        let mut under_way: Vec<u64> = Vec::new();
        for entry in &self.entries {
            if let LookUp::UnderWay(number) = entry.look
                && !under_way.contains(&number)
            {
                under_way.push(number);
            }
        }
        if under_way.len() >= LOOKS_MAX {
            return None;
        }
        // One look a person at a time: a flood of comments must not become a flood of questions.
        let is_being_looked_up = |person: Option<&Login>| {
            self.entries
                .iter()
                .any(|entry| is_under_way(&entry.look) && entry.person() == person)
        };
        self.entries
            .iter()
            .enumerate()
            .find(|(index, entry)| {
                entry.is_wanted_at(*index) && !is_being_looked_up(entry.person())
            })
            .map(|(_, entry)| entry.person().cloned())
    }

    /// A look has ended. Without a sight, there will never be one, and what waited for it is dropped.
    pub(super) fn looked(&mut self, number: u64, sight: Option<&Sight>, now: Timestamp) {
        self.entries.retain_mut(|entry| {
            if !entry.awaits(number) {
                return true;
            }
            if let Some(sight) = sight {
                entry.look = LookUp::Done {
                    sight: Box::new(sight.clone()),
                    at: now,
                };
            }
            sight.is_some()
        });
    }

    /// Does anything wait for this look?
    pub(super) fn awaits(&self, number: u64) -> bool {
        self.entries.iter().any(|entry| entry.awaits(number))
    }

    /// Something has happened that makes all that was seen before worthless.
    pub(super) fn forget_sights(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.look, LookUp::Done { .. }) {
                entry.look = LookUp::Wanted;
            }
        }
    }

    /// Whose turn is it? Taken out.
    pub(super) fn next_turn(&mut self, now: Timestamp) -> Option<Turn> {
        for entry in &mut self.entries {
            if matches!(entry.look, LookUp::Done { at, .. } if at.duration_until(now) > SIGHT_MAX_AGE)
            {
                entry.look = LookUp::Wanted;
            }
        }
        let seen = self.entries.iter().enumerate().position(|(index, entry)| {
            matches!(entry.look, LookUp::Done { .. }) && (index == 0 || entry.overtakes())
        });
        if let Some(entry) = seen.and_then(|index| self.entries.remove(index)) {
            return Some(entry.into_turn());
        }
        let unseen = self
            .entries
            .iter()
            .position(|entry| entry.is_obeyed_unseen(now))?;
        let (obeyed, rest) = self.entries[unseen].message.clone().split_after_stop();
        match rest {
            Some(rest) => self.entries[unseen].message = rest,
            None => drop(self.entries.remove(unseen)),
        }
        Some(match obeyed {
            Message::Closed(closed) => Turn::Closed(closed, None),
            Message::Commented(asked) => Turn::StopUnseen(asked),
            Message::Pushed(_) => return None,
        })
    }

    /// When there will be a turn even if GitHub does not answer.
    pub(super) fn next_moment(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = self.entries.iter().filter_map(Entry::unseen_at);
        moments.filter(|moment| *moment > now).min()
    }

    /// Does a preview, or more time, wait that was asked for before this comment?
    pub(super) fn has_requests_before(&self, comment: CommentId) -> bool {
        self.entries.iter().any(|entry| match &entry.message {
            Message::Commented(asked) => {
                asked.comment < comment && asked.commands.iter().any(is_a_request)
            }
            Message::Pushed(_) | Message::Closed(_) => false,
        })
    }
}

impl Entry {
    fn awaits(&self, number: u64) -> bool {
        matches!(self.look, LookUp::UnderWay(under_way) if under_way == number)
    }

    fn person(&self) -> Option<&Login> {
        match &self.message {
            Message::Commented(asked) => Some(&asked.author),
            Message::Pushed(pushed) => pushed.by.as_ref(),
            Message::Closed(_) => None,
        }
    }

    /// A push is looked into only when everything before it is settled: nobody waits for it.
    fn is_wanted_at(&self, index: usize) -> bool {
        matches!(self.look, LookUp::Wanted)
            && (index == 0 || !matches!(self.message, Message::Pushed(_)))
    }

    fn overtakes(&self) -> bool {
        match &self.message {
            Message::Commented(asked) => asked.commands.contains(&Ok(Command::Stop)),
            Message::Pushed(_) => false,
            Message::Closed(_) => true,
        }
    }

    /// When GitHub has had its time to answer, of something that can be obeyed without its answer.
    fn unseen_at(&self) -> Option<Timestamp> {
        let at = self.heard_at.saturating_add(UNSEEN_AFTER).ok()?;
        self.overtakes().then_some(at)
    }

    fn is_obeyed_unseen(&self, now: Timestamp) -> bool {
        let age = self.message.origin().happened_at.duration_until(now);
        age < UNSEEN_MAX_AGE && self.unseen_at().is_some_and(|at| at <= now)
    }

    fn into_turn(self) -> Turn {
        let LookUp::Done { sight, .. } = self.look else {
            unreachable!("only what was seen is taken out");
        };
        match self.message {
            Message::Commented(asked) => Turn::Commented(asked, sight),
            Message::Pushed(pushed) => Turn::Pushed(pushed, sight),
            Message::Closed(closed) => Turn::Closed(closed, Some(sight)),
        }
    }
}

impl Message {
    pub(super) fn origin(&self) -> &Origin {
        match self {
            Self::Commented(asked) => &asked.origin,
            Self::Pushed(pushed) => &pushed.origin,
            Self::Closed(closed) => &closed.origin,
        }
    }

    /// What is asked up to the last `stop`, and what is asked after it.
    fn split_after_stop(self) -> (Self, Option<Self>) {
        let Self::Commented(mut asked) = self else {
            return (self, None);
        };
        let stop = Ok(Command::Stop);
        let last = asked.commands.iter().rposition(|command| *command == stop);
        let rest = asked.commands.split_off(last.map_or(0, |index| index + 1));
        let rest = (!rest.is_empty()).then(|| {
            Self::Commented(Commented {
                commands: rest,
                ..asked.clone()
            })
        });
        (Self::Commented(asked), rest)
    }
}

fn is_a_request<E>(command: &Result<Command, E>) -> bool {
    matches!(
        command,
        Ok(Command::Preview { .. } | Command::Extend { .. })
    )
}

#[cfg(test)]
mod tests;
