//! Charts of a test's own making.

use std::{fs, path::Path};

use anyhow::Result;

/// Copies a chart and adds a template.
pub(crate) fn copy_with(chart: &Path, to: &Path, name: &str, template: &str) -> Result<()> {
    copy_folder(chart, to)?;
    fs::write(to.join("templates").join(name), template)?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
