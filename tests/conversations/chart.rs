//! Charts of a test's own making.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use github_stand_in::File;
use tests::{Conversation, PullRequest, Setting};

/// A service that takes charts from repositories, too.
pub(crate) fn with_charts_of_repositories() -> Setting {
    Setting::default().worker("PREVIEW_REPOSITORY_CHARTS", "true")
}

/// A folder beside the conversations, with a chart that is made for them.
pub(crate) fn chart_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations").join(name)
}

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

/// The files of a chart as a commit has them, in a folder of the repository; with one template more.
pub(crate) fn in_repository(chart: &Path, folder: &str, name: &str, template: &str) -> Result<Vec<File>> {
    let mut files = files(chart, folder)?;
    files.push((format!("{folder}/templates/{name}"), template).into());
    Ok(files)
}

/// The files of a chart as a commit has them, in a folder of the repository.
pub(crate) fn files(chart: &Path, folder: &str) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![chart.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(chart)?.to_string_lossy();
                files.push((format!("{folder}/{below}"), fs::read(&path)?).into());
            }
        }
    }
    Ok(files)
}

/// A pull request that brings files along, with an image.
pub(crate) async fn pull_request_with(chat: &Conversation, files: Vec<File>) -> Result<PullRequest> {
    let pull = chat.pull_request_without_image().await?;
    pull.github.push(files).await?;
    pull.build_image().await?;
    Ok(pull)
}
