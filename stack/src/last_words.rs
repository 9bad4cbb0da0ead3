//! Shows the end of a program's log in an error.

use std::fs;
use std::path::Path;

/// How much of a log an error shows.
const LINES: usize = 15;
/// How much of each line; some programs write a stack trace into one.
const CHARACTERS: usize = 400;

/// The end of the log at `path`; empty if there is none.
pub(crate) fn of(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().map(|line| line.chars().take(CHARACTERS).collect()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_shown_and_no_line_floods_it() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = (0..50).map(|number| format!("{number} {}", "x".repeat(1_000))).collect();
        fs::write(log.path(), lines.join("\n")).unwrap();
        let shown = of(log.path());
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.starts_with("35 ") && shown.lines().all(|line| line.len() == CHARACTERS), "{shown}");
    }

    #[test]
    fn a_missing_log_says_nothing() {
        assert_eq!(of(Path::new("/nonexistent")), "");
    }
}
