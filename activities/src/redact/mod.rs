//! Removes secrets from foreign text before it is posted, recorded by Temporal, or logged.
//!
//! A container's log, an event and Helm's output may hold credentials. [`Redacted`] is text without what
//! looks like one, and the only form in which such text goes on. It is a net, not a proof: the rule for
//! previews is to give them no secrets at all.
//!
//! Each rule says which parts of the whole text are secret; they are hidden together, and
//! only then may the text be cut. Text that is cut first can lose what tells a secret: the
//! `BEGIN` of a key, the name in front of a value.

mod named;
mod private_key;
mod random;
mod shape;
mod url;

use std::{fmt, ops::Range};

use regex::Regex;
use serde::Serialize;

use crate::printable::printable;

/// What stands in a secret's place.
const HIDDEN: &str = "[hidden]";
/// The most that is looked at, in bytes from the end. It bounds the work; what is shown is far less.
const INPUT_MAX: usize = 256 * 1024;

/// Text without what looks like a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Redacted(String);

impl Redacted {
    /// Give it the whole text there is; [`Redacted::tail`] cuts.
    pub(crate) fn of(text: &str) -> Self {
        // Colours stand between a name and its value, too.
        let text = printable(end_of(text, INPUT_MAX));
        let mut shown = String::with_capacity(text.len());
        let mut end = 0;
        for secret in secrets(&text) {
            shown.push_str(&text[end..secret.start]);
            shown.push_str(HIDDEN);
            end = secret.end;
        }
        shown.push_str(&text[end..]);
        Self(shown)
    }

    /// The last `lines` lines, in at most `bytes` bytes. Nothing if that is blank.
    pub(crate) fn tail(&self, lines: usize, bytes: usize) -> Option<Self> {
        let text = self.0.trim_end();
        let start = text
            .rmatch_indices('\n')
            .nth(lines.saturating_sub(1))
            .map_or(0, |(index, _)| index + 1);
        let start = start.max(text.ceil_char_boundary(text.len().saturating_sub(bytes)));
        let tail = &text[start..];
        (!tail.trim().is_empty()).then(|| Self(tail.to_owned()))
    }

    /// The first and the last of it, in so many bytes, if it is longer than both together.
    pub(crate) fn ends(&self, first: usize, last: usize) -> Self {
        let text = &self.0;
        if text.len() <= first + last {
            return self.clone();
        }
        let first = &text[..text.floor_char_boundary(first)];
        let last = &text[text.ceil_char_boundary(text.len() - last)..];
        Self(format!("{first}\n...\n{last}"))
    }

    /// What comes before `mark`, or all of it.
    pub(crate) fn before(&self, mark: &str) -> Self {
        Self(self.0.split(mark).next().unwrap_or_default().to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last `max` bytes, without the line that the cut went through: its
/// beginning may say that its end is secret.
pub(crate) fn end_of(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let start = text.ceil_char_boundary(text.len() - max);
    text[start..].split_once('\n').map_or("", |(_, rest)| rest)
}

/// One of the patterns below, which are constant.
fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern, compiled in a test")
}

/// The parts of the text that are secret, in order, apart from each other.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> = private_key::find(text);
    found.extend(url::find(text));
    found.extend(named::find(text));
    found.extend(shape::find(text));
    found.extend(random::find(text));
    found.retain(|part| !part.is_empty());
    found.sort_by_key(|part| part.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for part in found {
        match apart.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => apart.push(part),
        }
    }
    apart
}

#[cfg(test)]
mod tests;
