//! Finds private keys, whole or in part.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::compiled;

/// The lines around a key, of PEM, PGP and SSH2. In JSON there is no line end before or after them.
static BORDER: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?i)-{4,5} ?(BEGIN|END)[A-Z0-9 ]* PRIVATE KEY(?: BLOCK)? ?-{4,5}"));

/// From each beginning to its end. A key without an end goes on to the end of the text; one
/// without a beginning began before the text.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut keys = Vec::new();
    let mut outside_since = 0;
    let mut begun_at = None;
    for border in BORDER.captures_iter(text) {
        let whole = border.get_match();
        if border[1].eq_ignore_ascii_case("BEGIN") {
            begun_at.get_or_insert(whole.start());
        } else {
            keys.push(begun_at.take().unwrap_or(outside_since)..whole.end());
            outside_since = whole.end();
        }
    }
    keys.extend(begun_at.map(|start| start..text.len()));
    keys
}
