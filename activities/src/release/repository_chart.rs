//! Fetches a chart that lies in the repository, as it is at one commit.
//!
//! Git's trees say what there is, and how large it is, before any of it is fetched. A tree's name is a hash
//! of all that it holds, so a chart that many commits share is fetched once.

use std::{io, sync::Arc};

use domain::{CommitSha, InstallationId, Repository, RepositoryPath};
use futures::{StreamExt, TryStreamExt, stream};
use github::{Depth, GitHubApp, Tree, TreeEntry, TreeEntryKind};
use moka::future::Cache;
use tempfile::TempDir;
use tokio::fs;

use crate::failure::{ActivityFailure, Failure, explain};

/// Most files of a chart: each is a request to GitHub.
const FILES_MAX: usize = 100;
/// Largest chart, in bytes. What Helm makes of it has to fit into a Secret.
const SIZE_MAX: u64 = 2 * 1024 * 1024;
/// Longest name of a file, in bytes.
const NAME_MAX: usize = 255;
/// Requests at the same time.
const AT_ONCE: usize = 5;
/// What is remembered of charts, in bytes.
const MEMORY: u64 = 64 * 1024 * 1024;

/// Charts of repositories, fetched and remembered.
pub struct RepositoryCharts {
    github: GitHubApp,
    fetched: Cache<String, Arc<Vec<File>>>,
}

/// A file of a chart, ready to be written.
#[derive(Debug, PartialEq, Eq)]
struct File {
    /// Below the chart's folder.
    path: String,
    content: Vec<u8>,
}

/// A chart that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("commit {commit} has no folder `{path}`")]
    NoFolder { commit: String, path: RepositoryPath },
    #[error("there is no `Chart.yaml` in it")]
    NoChart,
    #[error("it has more than {FILES_MAX} files, or more than {} MiB", SIZE_MAX / 1024 / 1024)]
    TooLarge,
    #[error("`{0}` is no plain file; links and submodules are not followed")]
    NoFile(String),
}

/// Why the chart is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    GitHub(#[from] github::Error),
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error("the chart cannot be written to the worker's temporary folder: {0}")]
    Io(#[from] io::Error),
}

impl ActivityFailure for FetchError {
    fn failure(&self) -> Failure {
        match self {
            Self::GitHub(error) => {
                let explanation = explain("GitHub did not give the chart. Try again later.");
                Failure::of_github(error, !error.is_retryable(), explanation)
            }
            Self::Unusable(why) => {
                Failure::permanent("ChartUnusable", explain(format!("The chart is not installed: {why}.")))
            }
            Self::Io(_) => Failure::temporary(
                "ChartNotWritten",
                explain("The chart could not be prepared. Contact the operators of the preview service."),
            ),
        }
    }
}

impl RepositoryCharts {
    /// Reads through this App's installations.
    #[must_use]
    pub fn new(github: GitHubApp) -> Self {
        let weight = |_: &String, files: &Arc<Vec<File>>| {
            let size = files.iter().map(|file| file.path.len() + file.content.len());
            u32::try_from(size.sum::<usize>()).unwrap_or(u32::MAX)
        };
        let fetched = Cache::builder().weigher(weight).max_capacity(MEMORY).build();
        Self { github, fetched }
    }

    /// The folder as it is at the commit. It goes when it is dropped.
    pub(super) async fn fetch(
        &self,
        installation: InstallationId,
        repository: &Repository,
        commit: &CommitSha,
        path: &RepositoryPath,
    ) -> Result<TempDir, Arc<FetchError>> {
        let tree = self.find(installation, repository, commit, path).await?;
        let read = self.read(installation, repository, &tree);
        // By the installation too: one that GitHub refuses must not fail
        // another that waits for the same chart.
        let key = format!("{installation}/{tree}");
        let files = self.fetched.try_get_with(key, read).await?;
        Ok(write(&files).await.map_err(FetchError::Io)?)
    }

    /// The name of the tree at `path`.
    async fn find(
        &self,
        installation: InstallationId,
        repository: &Repository,
        commit: &CommitSha,
        path: &RepositoryPath,
    ) -> Result<String, FetchError> {
        let mut sha = commit.to_string();
        for piece in path.pieces() {
            let tree = self.github.tree(installation, repository, &sha, Depth::Folder).await?;
            let folder = tree
                .into_iter()
                .flat_map(|tree| tree.entries)
                .find(|entry| entry.path == piece && entry.kind == TreeEntryKind::Folder);
            sha = folder
                .ok_or_else(|| Unusable::NoFolder { commit: commit.to_string(), path: path.clone() })?
                .sha;
        }
        Ok(sha)
    }

    async fn read(
        &self,
        installation: InstallationId,
        repository: &Repository,
        sha: &str,
    ) -> Result<Arc<Vec<File>>, FetchError> {
        let tree = self.github.tree(installation, repository, sha, Depth::Everything).await?;
        let files = files(tree.ok_or(Unusable::NoChart)?)?;
        let fetch = async |entry: TreeEntry| {
            let content = self.github.blob(installation, repository, &entry.sha).await?;
            Ok::<_, FetchError>(File { path: entry.path, content })
        };
        let files: Vec<_> = stream::iter(files).map(fetch).buffered(AT_ONCE).try_collect().await?;
        Ok(Arc::new(files))
    }
}

/// The files of a chart, if all of it is small enough and nothing leads out of it.
fn files(tree: Tree) -> Result<Vec<TreeEntry>, Unusable> {
    let mut files = Vec::new();
    for entry in tree.entries {
        match entry.kind {
            TreeEntryKind::Folder => {}
            TreeEntryKind::File if leads_downwards(&entry.path) => files.push(entry),
            _ => return Err(Unusable::NoFile(entry.path)),
        }
    }
    let size: u64 = files.iter().map(|file| file.size).sum();
    if tree.is_truncated || files.len() > FILES_MAX || size > SIZE_MAX {
        return Err(Unusable::TooLarge);
    }
    let is_folder = |path: &str| {
        let mut below = files.iter().filter_map(|file| file.path.strip_prefix(path));
        below.any(|rest| rest.starts_with('/'))
    };
    if let Some(file) = files.iter().find(|file| is_folder(&file.path)) {
        return Err(Unusable::NoFile(file.path.clone()));
    }
    if !files.iter().any(|file| file.path == "Chart.yaml") {
        return Err(Unusable::NoChart);
    }
    Ok(files)
}

/// Git does not keep other names from anyone who writes trees by hand.
fn leads_downwards(path: &str) -> bool {
    path.split('/').all(|piece| {
        !matches!(piece, "" | "." | "..") && !piece.contains(['\\', '\0']) && piece.len() <= NAME_MAX
    })
}

async fn write(files: &[File]) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("preview-chart-").tempdir()?;
    for file in files {
        let path = folder.path().join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(folder.path())).await?;
        fs::write(path, &file.content).await?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(kind: TreeEntryKind, path: &str, size: u64) -> TreeEntry {
        TreeEntry {
            path: path.to_owned(),
            kind,
            sha: "5ca1ab1e".to_owned(),
            size,
        }
    }

    fn file(path: &str) -> TreeEntry {
        entry(TreeEntryKind::File, path, 100)
    }

    fn found(entries: Vec<TreeEntry>) -> Result<Vec<String>, Unusable> {
        let tree = Tree { entries, is_truncated: false };
        files(tree).map(|files| files.into_iter().map(|file| file.path).collect())
    }

    #[test]
    fn a_chart_is_its_files() {
        let chart = vec![
            file("Chart.yaml"),
            entry(TreeEntryKind::Folder, "templates", 0),
            file("templates/app.yaml"),
        ];
        assert_eq!(found(chart), Ok(["Chart.yaml", "templates/app.yaml"].map(str::to_owned).into()));
    }

    #[test]
    fn what_is_no_chart_or_leads_elsewhere_is_refused() {
        let with = |entry| vec![file("Chart.yaml"), entry];
        for kind in [TreeEntryKind::Link, TreeEntryKind::Submodule] {
            assert_eq!(
                found(with(entry(kind, "values.yaml", 9))),
                Err(Unusable::NoFile("values.yaml".to_owned()))
            );
        }
        for path in ["../x", "/x", "a/../../x", "a//b", "./x", "a\\..\\b", ""] {
            assert_eq!(found(with(file(path))), Err(Unusable::NoFile(path.to_owned())), "{path}");
        }
        assert_eq!(found(vec![]), Err(Unusable::NoChart));
        assert_eq!(found(vec![file("chart/Chart.yaml")]), Err(Unusable::NoChart));
        let long = "x".repeat(NAME_MAX + 1);
        assert_eq!(found(with(file(&long))), Err(Unusable::NoFile(long)));
        assert_eq!(
            found(vec![file("Chart.yaml"), file("a"), file("a/b")]),
            Err(Unusable::NoFile("a".to_owned()))
        );
        let large = entry(TreeEntryKind::File, "a", SIZE_MAX);
        assert_eq!(found(with(large)), Err(Unusable::TooLarge));
        let many = (0..FILES_MAX).map(|number| file(&format!("{number}")));
        assert_eq!(found(with(file("x")).into_iter().chain(many).collect()), Err(Unusable::TooLarge));
        let cut = Tree { entries: vec![file("Chart.yaml")], is_truncated: true };
        assert_eq!(files(cut), Err(Unusable::TooLarge));
    }

    proptest! {
        #[test]
        fn nothing_is_written_outside_of_the_folder(path in r"[a./\\]{0,12}") {
            if found(vec![file("Chart.yaml"), file(&path)]).is_ok() {
                let root = std::path::Path::new("/root/of/chart");
                let joined = root.join(&path);
                let only_downwards = joined
                    .components()
                    .all(|piece| !matches!(piece, std::path::Component::ParentDir));
                prop_assert!(joined.starts_with(root) && only_downwards, "{}", path);
            }
        }
    }
}
