//! Are comments as wide as code, and no wider? On stable, rustfmt leaves them alone.

use std::path::Path;

use crate::files;

/// The width that rustfmt.toml gives to code.
fn width() -> usize {
    files::read(Path::new("rustfmt.toml"))
        .lines()
        .find_map(|line| line.strip_prefix("max_width = "))
        .and_then(|width| width.parse().ok())
        .expect("rustfmt.toml sets max_width")
}

/// The numbers of the lines whose comment is too wide and could be wrapped: no
/// table, no code, more than one word.
fn too_wide(text: &str, width: usize) -> Vec<usize> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            fenced = false;
            continue;
        };
        let words = comment.trim_start_matches(['/', '!']).trim();
        if words.starts_with("```") {
            fenced = !fenced;
        }
        let can_be_wrapped = !fenced && !words.starts_with('|') && words.contains(' ');
        if can_be_wrapped && line.chars().count() > width {
            found.push(number);
        }
    }
    found
}

#[test]
fn comments_keep_to_the_width_of_code() {
    let width = width();
    let mut found = Vec::new();
    for file in files::with_extension("rs") {
        let lines = too_wide(&files::read(&file), width);
        found.extend(lines.iter().map(|line| format!("{}:{line}", file.display())));
    }
    assert!(found.is_empty(), "wider than {width}:\n{}", found.join("\n"));
}

#[test]
fn what_can_be_wrapped_is_found_and_nothing_else() {
    let text = "\
        /// a comment of words\n\
        // one-word-that-is-long\n\
        /// | a row of | a table |\n\
        /// ```\n\
        /// code that is not wrapped\n\
        /// ```\n\
        \x20   //! a comment of words\n\
        let code = \"that is for rustfmt to wrap\";\n\
        // äöüäöüäöü äöüäöü\n";
    assert_eq!(too_wide(text, 20), [1, 7]);
}
