//! Finds texts that are too random to be words.
//!
//! Whatever was drawn at random has pairs of neighbours that no word and no name in a program has:
//! `qz`, a digit in the middle, a capital after a small letter. Entropy as such does not tell the
//! two apart: a long path has as much of it.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::compiled;

/// Shorter texts are not examined: too many names of things look like them.
const LENGTH_MIN: usize = 20;
/// Fewer pairs than this say nothing.
const PAIRS_MIN: usize = 8;
/// Beside something random, fewer pairs than this make no word.
const WORD_MIN: usize = 3;
/// The part of all pairs that has to be unusual, in percent. Of names in programs one in a thousand has so
/// many, of random texts all but one in a thousand.
const UNUSUAL_MIN: usize = 45;

/// For each letter from `a` to `z` the letters that follow it: 93 % of all pairs in the names and
/// comments of three thousand source files.
const FOLLOWERS: [&str; 26] = [
    "bcdfgiklmnprstuvy",
    "aceilorsuy",
    "acehiklorstuy",
    "adeilorsu",
    "abcdefgilmnopqrstvwxy",
    "aefilorstu",
    "aehinorsu",
    "aeiot",
    "abcdefglmnoprstvxz",
    "aeou",
    "efis",
    "adeilostuy",
    "abeimopsu",
    "acdefgiknopstuv",
    "abcdfgiklmnoprstuvw",
    "aehiloprstu",
    "u",
    "acdegiklmnoprstuvy",
    "acehiklmopstuy",
    "acehiloprstuy",
    "abcefilmnprst",
    "aeio",
    "aeinor",
    "ept",
    "npst",
    "e",
];

/// Text that is examined: the alphabets of Base64, Base32 and hexadecimal numbers.
static RUN: LazyLock<Regex> = LazyLock::new(|| compiled(r"[A-Za-z0-9+/_=-]{20,}"));
/// Random, but nobody's secret: commits, and identifiers in their one spelling.
static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"(?i)\b(?:[0-9a-f]{40}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")
});
/// What stands in front of a digest.
static DIGEST: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?i)(?:\b|_)(?:sha-?(?:1|224|256|384|512)|md5|blake[23]\w?|h1)[:=-]$"));

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for run in RUN.find_iter(text) {
        // The longest prefix of a digest has nine characters.
        let before = &text[text.floor_char_boundary(run.start().saturating_sub(12))..run.start()];
        // `sha512-…` begins inside of the run.
        let inside = run
            .as_str()
            .split_once(['-', '='])
            .is_some_and(|(name, _)| DIGEST.is_match(&format!("{name}-")));
        if !inside && !DIGEST.is_match(before) {
            found.extend(
                random_parts(run.as_str())
                    .into_iter()
                    .map(|part| run.start() + part.start..run.start() + part.end),
            );
        }
    }
    found
}

/// In Base64 a `/` is a letter, in a path it ends a name. So a random piece takes along
/// those beside it that are no words either.
fn random_parts(run: &str) -> Vec<Range<usize>> {
    let mut end = 0;
    let pieces: Vec<Range<usize>> = run
        .split_inclusive('/')
        .map(|piece| {
            let start = end;
            end += piece.len();
            start..end - usize::from(piece.ends_with('/'))
        })
        .collect();
    let random: Vec<bool> = pieces.iter().map(|piece| is_random(&run[piece.clone()])).collect();
    // No path has these.
    let is_base64 = run.contains('+') || run.ends_with('=');
    let is_whole = if random.contains(&true) { is_base64 } else { is_random(run) };
    let no_word = |index: &usize| {
        let (unusual, pairs) = pair_counts(&run[pieces[*index].clone()]);
        pairs < WORD_MIN || unusual * 100 >= pairs * UNUSUAL_MIN
    };
    let with_neighbours = |index: usize| {
        let first = (0..index).rev().take_while(no_word).last();
        let last = (index + 1..pieces.len()).take_while(no_word).last();
        pieces[first.unwrap_or(index)].start..pieces[last.unwrap_or(index)].end
    };
    if is_whole {
        return std::iter::once(0..run.len()).collect();
    }
    (0..pieces.len()).filter(|&index| random[index]).map(with_neighbours).collect()
}

fn is_random(text: &str) -> bool {
    let text = NAMES.replace_all(text, "-");
    // In the cluster's names, each piece counts for itself: those of pods and of our
    // namespaces end in random ones, which are short.
    let is_name = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let mut pieces = if is_name { text.split('-') } else { text.split('\n') };
    pieces.any(|piece| {
        let (unusual, pairs) = pair_counts(piece);
        piece.len() >= LENGTH_MIN && pairs >= PAIRS_MIN && unusual * 100 >= pairs * UNUSUAL_MIN
    })
}

/// How many of the neighbours are an unusual pair, and how many are a pair at all. Numbers and
/// marks between words are not, nor is `xxxx`.
fn pair_counts(text: &str) -> (usize, usize) {
    let pairs = text.as_bytes().windows(2).filter_map(|pair| {
        let [first, second] = [pair[0], pair[1]];
        let both = |is: fn(&u8) -> bool| is(&first) && is(&second);
        if !both(u8::is_ascii_alphanumeric) || both(u8::is_ascii_digit) || first == second {
            None
        } else if !both(u8::is_ascii_alphabetic) {
            Some(true)
        } else {
            let begins_a_word = first.is_ascii_lowercase() && second.is_ascii_uppercase();
            let [first, second] = [first, second].map(|letter| letter.to_ascii_lowercase());
            let followers = FOLLOWERS[usize::from(first - b'a')];
            Some(begins_a_word || !followers.as_bytes().contains(&second))
        }
    });
    pairs.fold((0, 0), |(unusual, all), is_unusual| (unusual + usize::from(is_unusual), all + 1))
}
