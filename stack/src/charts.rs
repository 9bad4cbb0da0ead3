//! Names the folders of this workspace's own charts.

use std::path::{Path, PathBuf};

/// The folder of the chart `name`.
pub(crate) fn folder(name: &str) -> PathBuf {
    let chart = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../charts")).join(name);
    chart.canonicalize().unwrap_or(chart)
}
