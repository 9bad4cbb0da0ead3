//! The form in which GitHub puts the bytes of a file into JSON.

use base64::{Engine, prelude::BASE64_STANDARD};

/// Characters of a line.
const LINE_LENGTH: usize = 60;

/// Base64, broken into lines.
pub(super) fn base64_lines(content: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(content);
    let lines = text.as_bytes().chunks(LINE_LENGTH);
    lines.map(|line| String::from_utf8_lossy(line) + "\n").collect()
}
