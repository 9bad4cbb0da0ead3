//! Recognises lines that were meant as commands but are not.

use super::{
    Misunderstood,
    parse::{form_of, understand},
    words::{INVISIBLE, MARKUP, NOT_TEXT, PREFIX},
};

/// What people take for a slash.
const SLASHES: [char; 5] = ['/', '\\', '／', '⁄', '∕'];
/// Ends a sentence, or a part of one.
const PUNCTUATION: [char; 7] = [',', ';', ':', '!', '?', '.', '…'];
/// Stands around words. What makes of them a quote (`>`), code, or a comment in a program is not among it.
const AROUND: [char; 16] =
    [MARKUP, '*', '_', '"', '\'', '“', '”', '„', '‘', '’', '«', '»', '(', ')', '[', ']'];

/// How the command is written that such a line is probably meant to be.
///
/// `/preview` with nothing before it and punctuation behind it always is. With anything else about it, it is
/// if what follows makes sense as a command: people also write *about* `/preview`, and
/// `@mona /preview is slow` asks for nothing.
pub(super) fn suggestion(words: &[&str]) -> Option<String> {
    let address = words.iter().take_while(|word| is_address(word)).count();
    let (word, arguments) = match &words[address..] {
        [slash, word, arguments @ ..] if slash.chars().all(|c| SLASHES.contains(&c)) => {
            (["/", word].concat(), arguments)
        }
        [word, arguments @ ..] => ((*word).to_owned(), arguments),
        [] => return None,
    };
    if !resembles_the_prefix(&word) {
        return None;
    }
    let arguments: Vec<_> = arguments.iter().map(|word| bare(word)).collect();
    let arguments: Vec<_> = arguments
        .iter()
        .map(|word| word.trim_matches(AROUND).trim_end_matches(PUNCTUATION))
        .filter(|word| !word.is_empty())
        .collect();
    match form_of(&arguments) {
        Ok((form, _)) => Some(match understand(&arguments) {
            Ok(command) => command.to_string(),
            Err(_) => form.usage.to_owned(),
        }),
        Err(Misunderstood::UnknownCommand { did_you_mean: Some(verb), .. }) => {
            Some(format!("{PREFIX} {verb}"))
        }
        Err(_) => begins_with_the_prefix(words[0]).then(|| PREFIX.to_owned()),
    }
}

/// A mention, an emoji or a picture.
fn is_address(word: &str) -> bool {
    let is_symbol = |c: char| {
        c == MARKUP || !(c.is_ascii() || c.is_alphanumeric() || c == NOT_TEXT || SLASHES.contains(&c))
    };
    let is_shortcode = word.len() > 2 && word.starts_with(':') && word.ends_with(':');
    word.starts_with('@') || is_shortcode || word.chars().all(is_symbol)
}

/// `**/preview**`, `\preview`, `/preview,please` or, with one slip, `/preveiw`. Not `/previews`
/// or `/preview-docs`: those are other words.
fn resembles_the_prefix(word: &str) -> bool {
    let word = bare(word).to_lowercase();
    let word = word.trim_start_matches(AROUND);
    let name = word.trim_start_matches(SLASHES);
    if name.len() == word.len() {
        return false;
    }
    let end = name.find([',', ';', ':', '!', '?']).unwrap_or(name.len());
    let name = name[..end].trim_end_matches(|c| AROUND.contains(&c) || PUNCTUATION.contains(&c));
    let known = &PREFIX[1..];
    // The first letter has to be right: `/review` is a command of others.
    let is_slip =
        || name.starts_with('p') && !name.starts_with(known) && strsim::osa_distance(name, known) == 1;
    name == known || is_slip()
}

fn begins_with_the_prefix(word: &str) -> bool {
    word.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The word without what nobody sees of it.
fn bare(word: &str) -> String {
    word.chars().filter(|c| *c != MARKUP && !INVISIBLE.contains(c)).collect()
}
