//! Foreign text without control characters.

use std::sync::LazyLock;

use regex::Regex;

/// The colours and cursor movements of a terminal.
static TERMINAL_SEQUENCES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07").expect("a constant pattern, compiled in a test")
});

/// Without what steers a terminal, and without what makes text look like other text than it is.
pub(crate) fn printable(text: &str) -> String {
    let steers_direction =
        |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    TERMINAL_SEQUENCES
        .replace_all(text, "")
        .chars()
        .filter(|&c| matches!(c, '\n' | '\t') || !(c.is_control() || steers_direction(c)))
        .collect()
}
