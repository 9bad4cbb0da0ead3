//! Parses the words of a command.

use super::{
    Command, CommandForm, Misunderstood,
    table::{COMMANDS, Takes},
    words::{MARKUP, NOT_TEXT},
};
use crate::{InvalidTtl, Ttl};

/// How options begin. Phones make a long dash of two short ones.
const DASHES: [char; 3] = ['-', '–', '—'];
/// How much of what people wrote is repeated to them, in characters.
const SHOWN_MAX: usize = 40;

/// What the words behind `/preview` ask for.
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
        return Err(Misunderstood::MissingArgument { usage: form.usage.to_owned() });
    }
    text.parse().map_err(|invalid: InvalidTtl| Misunderstood::BadDuration {
        word: shown(text.trim()),
        reason: invalid.reason().to_owned(),
    })
}

fn unexpected(form: &CommandForm, word: &str) -> Misunderstood {
    Misunderstood::UnexpectedArgument { word: shown(word), usage: form.usage.to_owned() }
}

fn unknown(words: &[&str]) -> Misunderstood {
    let word = shown(words.first().unwrap_or(&""));
    let did_you_mean = match words.join(" ").parse::<Ttl>() {
        Ok(ttl) => Some(format!("--ttl {ttl}")),
        Err(_) => nearest_verb(&word).map(str::to_owned),
    };
    Misunderstood::UnknownCommand { word, did_you_mean }
}

/// The verb that one would get to by changing, adding, leaving out or swapping
/// no more than a third of its letters.
fn nearest_verb(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    COMMANDS
        .iter()
        .map(|form| (strsim::osa_distance(&word, form.verb), form.verb))
        .filter(|(distance, verb)| *distance <= verb.len() / 3)
        .min()
        .map(|(_, verb)| verb)
}

/// What people wrote, as it is repeated to them.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(SHOWN_MAX)
        .map(|c| if [NOT_TEXT, MARKUP].contains(&c) { '…' } else { c })
        .collect()
}
