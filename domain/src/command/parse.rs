//! What does one line of a comment ask for?

use super::{
    Command, CommandForm, Misunderstood, near,
    table::{COMMANDS, Takes},
};
use crate::{InvalidTtl, Ttl};

/// Stands in a line for whatever in it is not plain text: code, a link, what an HTML element holds. No word with it is one of ours.
pub const NOT_TEXT: char = '\u{FFFC}';
/// Stands in a line for what decorates its text and is no text itself: where emphasis begins or ends, a picture, an HTML tag. No word with it is
/// one of ours, but it may be meant to be.
pub const MARKUP: char = '\u{FDD2}';

/// The word that every command begins with.
pub(super) const PREFIX: &str = "/preview";
/// Characters that nobody sees. Pages and chats leave them around what is copied from there.
pub(super) const INVISIBLE: [char; 8] = [
    '\u{AD}', '\u{200B}', '\u{200C}', '\u{200D}', '\u{200E}', '\u{200F}', '\u{2060}', '\u{FEFF}',
];
/// How options begin. Phones make a long dash of two short ones.
const DASHES: [char; 3] = ['-', '–', '—'];
/// How much of what people wrote is repeated to them, in characters.
const SHOWN_MAX: usize = 40;

/// Reads a line of plain text. `None` if it is not addressed to us: its first word is not `/preview`, in whatever case, nor does the line look
/// as if it was meant to be.
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

pub(super) fn understand(words: &[&str]) -> Result<Command, Misunderstood> {
    // Wherever it stands: whoever asks how to stop a preview does not want it stopped.
    if words.iter().any(|word| is_option(word, &["help", "h"])) {
        return Ok(Command::Help);
    }
    let (form, arguments) = form_of(words)?;
    match (&form.takes, arguments) {
        (Takes::Nothing(command), []) => Ok(command()),
        (Takes::Duration(command), arguments) => duration(form, arguments).map(command),
        (Takes::TtlOption(command), []) => Ok(command(None)),
        (Takes::TtlOption(command), [option, more @ ..]) => {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if is_option(name, &["ttl"]) {
                duration(form, &[&[value], more].concat()).map(|ttl| command(Some(ttl)))
            } else {
                Err(unexpected(form, option))
            }
        }
        (Takes::Nothing(_), [word, ..]) => Err(unexpected(form, word)),
    }
}

/// Which command it is, and what follows its verb.
pub(super) fn form_of<'a>(
    words: &'a [&'a str],
) -> Result<(&'static CommandForm, &'a [&'a str]), Misunderstood> {
    let (verb, arguments) = match words {
        [verb, arguments @ ..] if !verb.starts_with(DASHES) => (*verb, arguments),
        arguments => ("", arguments),
    };
    COMMANDS
        .iter()
        .find(|form| form.verb.eq_ignore_ascii_case(verb))
        .map(|form| (form, arguments))
        .ok_or_else(|| unknown(words))
}

fn is_option(word: &str, names: &[&str]) -> bool {
    let name = word.trim_start_matches(DASHES);
    name != word && names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// All the words together: `1h 30m` is one duration too.
fn duration(form: &CommandForm, words: &[&str]) -> Result<Ttl, Misunderstood> {
    let text = words.join(" ");
    if text.is_empty() {
        return Err(Misunderstood::MissingArgument {
            usage: form.usage.to_owned(),
        });
    }
    text.parse()
        .map_err(|invalid: InvalidTtl| Misunderstood::BadDuration {
            word: shown(text.trim()),
            reason: invalid.reason().to_owned(),
        })
}

fn unexpected(form: &CommandForm, word: &str) -> Misunderstood {
    Misunderstood::UnexpectedArgument {
        word: shown(word),
        usage: form.usage.to_owned(),
    }
}

fn unknown(words: &[&str]) -> Misunderstood {
    let word = shown(words.first().unwrap_or(&""));
    let did_you_mean = match words.join(" ").parse::<Ttl>() {
        Ok(ttl) => Some(format!("--ttl {ttl}")),
        Err(_) => nearest_verb(&word).map(str::to_owned),
    };
    Misunderstood::UnknownCommand { word, did_you_mean }
}

/// The verb that one would get to by changing, adding, leaving out or swapping no more than a third of its letters.
fn nearest_verb(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    COMMANDS
        .iter()
        .map(|form| (strsim::osa_distance(&word, form.verb), form.verb))
        .filter(|(distance, verb)| *distance <= verb.len() / 3)
        .min()
        .map(|(_, verb)| verb)
}

fn shown(text: &str) -> String {
    text.chars()
        .take(SHOWN_MAX)
        .map(|c| {
            if [NOT_TEXT, MARKUP].contains(&c) {
                '…'
            } else {
                c
            }
        })
        .collect()
}
