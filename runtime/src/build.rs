//! Which build a program is.

use std::env;

/// The version, of all programs together.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where images say which commit they were made from.
const COMMIT: &str = "PREVIEW_COMMIT";

/// The commit; `unknown` outside of an image.
#[must_use]
pub fn commit() -> String {
    env::var(COMMIT)
        .ok()
        .filter(|commit| !commit.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
