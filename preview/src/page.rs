//! docs/operating.md, which shows what the tests of this program have rendered.

const PAGE: &str = include_str!("../../docs/operating.md");

/// Fails unless the page shows it, as it is.
pub(crate) fn assert_shows(output: &str) {
    let block = format!("\n```\n{}\n```\n", output.trim_end());
    assert!(PAGE.contains(&block), "docs/operating.md does not show this:\n{output}");
}
