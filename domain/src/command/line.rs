//! Parses one line of a comment.

use super::{
    Command, Misunderstood, near,
    parse::{shown, understand},
    words::{INVISIBLE, MARKUP, PREFIX},
};

/// Reads a line of plain text. `None` if it is not addressed to us: its first word is not `/preview`, in
/// whatever case, nor does the line look as if it was meant to be.
#[must_use]
pub fn parse_line(line: &str) -> Option<Result<Command, Misunderstood>> {
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| word.trim_matches(INVISIBLE))
        .filter(|word| !word.is_empty())
        .collect();
    let (first, arguments) = words.split_first()?;
    if first.eq_ignore_ascii_case(PREFIX) {
        return Some(understand(arguments));
    }
    near::suggestion(&words).map(|did_you_mean| {
        Err(Misunderstood::NearlyCommand {
            line: shown(words.join(" ").replace(MARKUP, "").trim()),
            did_you_mean,
        })
    })
}
