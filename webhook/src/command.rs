//! Reads the commands of a comment.
//!
//! A command is a line that a reader sees as plain text at the left edge of the comment, and whose first
//! word is `/preview`. Whatever is shown as something else is talk *about* commands and runs nothing:
//! quotes, code, headings, list items, tables, links, emphasis, and what stands inside an HTML element.
//! A quoted reply or a README pasted into a comment must never deploy. What Markdown makes of a comment
//! is found out in `markdown`, what a browser makes of that in `html`; what the words of such a line
//! mean is decided in [`domain::parse_line`].

mod html;
mod markdown;

use domain::{Command, Misunderstood, parse_line};

/// Longest comment that is read, in bytes. GitHub's limit is 65,536 characters of at most 4 bytes.
const COMMENT_MAX: usize = 262_144;
/// Commands that one comment may hold.
pub const COMMANDS_MAX: usize = 10;

/// The lines of a comment that are addressed to us, in order; of those that are nearly commands only the
/// first. Beyond [`COMMANDS_MAX`] there is one more, in place of all others, that says so.
#[must_use]
pub fn parse(markdown: &str) -> Vec<Result<Command, Misunderstood>> {
    if markdown.len() > COMMENT_MAX {
        return Vec::new();
    }
    let mut hinted = false;
    let mut commands: Vec<_> = html::plain_lines(&markdown::page(markdown))
        .iter()
        .filter_map(|line| parse_line(line))
        .filter(|parsed| {
            let is_hint = matches!(parsed, Err(Misunderstood::NearlyCommand { .. }));
            !is_hint || !std::mem::replace(&mut hinted, true)
        })
        .take(COMMANDS_MAX + 1)
        .collect();
    if let Some(beyond) = commands.get_mut(COMMANDS_MAX) {
        *beyond = Err(Misunderstood::TooMany { at_most: COMMANDS_MAX });
    }
    commands
}

#[cfg(test)]
mod tests;
