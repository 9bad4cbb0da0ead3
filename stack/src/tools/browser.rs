//! Finds the browser that the tests use: the Chromium on `PATH`; on Debian it
//! is installed by apt when there is none.

use std::path::PathBuf;

use super::apt;
use super::error::ToolError;

/// What the same browser is called by different distributions.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// The fonts are for the screenshots.
const PACKAGES: &[&str] = &["chromium", "fonts-dejavu-core", "fonts-noto-color-emoji"];

/// The browser's program, if there is one.
#[must_use]
pub fn find() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| which::which(name).ok())
}

/// Makes sure that there is one.
///
/// # Errors
/// When there is none and this is not root on a system with apt.
pub async fn ensure() -> Result<(), ToolError> {
    if find().is_none() {
        tokio::task::spawn_blocking(|| apt::install(PACKAGES, "the browser test")).await??;
    }
    Ok(())
}
