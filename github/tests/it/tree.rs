//! Folders and files by their SHAs.

use domain::{InstallationId, Repository};
use github::{Depth, Error, GitHubApp, Tree, TreeEntryKind};
use github_stand_in::File;

use crate::scene::Scene;

/// A SHA that stands for nothing.
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef01234567";

/// The client, and which repository it reads as which installation.
struct Reader {
    app: GitHubApp,
    installation: InstallationId,
    repository: Repository,
    scene: Scene,
}

impl Reader {
    fn of(scene: Scene) -> Self {
        Self {
            app: scene.app(),
            installation: scene.installation(),
            repository: scene.reference().repository,
            scene,
        }
    }

    async fn tree(&self, sha: &str, depth: Depth) -> Result<Option<Tree>, Error> {
        self.app.tree(self.installation, &self.repository, sha, depth).await
    }

    async fn blob(&self, sha: &str) -> Result<Vec<u8>, Error> {
        self.app.blob(self.installation, &self.repository, sha).await
    }
}

/// A pull request that brings a chart; and its newest commit.
async fn chart() -> (Reader, String) {
    let scene = Scene::start().await;
    let commit = scene
        .pull
        .push([
            ("chart/Chart.yaml", "name: hello\n").into(),
            ("chart/templates/app.yaml", "").into(),
            File::executable("chart/ci/lint", "#!/bin/sh\n"),
            File::link("chart/values.yaml", "../content.json"),
        ])
        .await
        .expect("a commit");
    (Reader::of(scene), commit)
}

fn sha_of<'a>(tree: &'a Tree, path: &str) -> &'a str {
    let mut entries = tree.entries.iter();
    let entry = entries.find(|entry| entry.path == path);
    &entry.expect("it is there").sha
}

#[tokio::test]
async fn a_chart_is_read_from_the_commit_down() {
    let (reader, commit) = chart().await;
    let root = reader.tree(&commit, Depth::Folder).await.unwrap().unwrap();
    let folder = sha_of(&root, "chart");
    let chart = reader.tree(folder, Depth::Everything).await.unwrap();
    let chart = chart.unwrap();
    let entries: Vec<_> = chart
        .entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.kind, entry.size))
        .collect();
    assert_eq!(
        entries,
        [
            ("Chart.yaml", TreeEntryKind::File, 12),
            ("ci", TreeEntryKind::Folder, 0),
            ("ci/lint", TreeEntryKind::File, 10),
            ("templates", TreeEntryKind::Folder, 0),
            ("templates/app.yaml", TreeEntryKind::File, 0),
            ("values.yaml", TreeEntryKind::Link, 15),
        ]
    );
    assert!(!chart.is_truncated);
    for (path, content) in [
        ("Chart.yaml", "name: hello\n"),
        ("ci/lint", "#!/bin/sh\n"),
        ("templates/app.yaml", ""),
        ("values.yaml", "../content.json"),
    ] {
        let read = reader.blob(sha_of(&chart, path)).await.unwrap();
        assert_eq!(read, content.as_bytes(), "{path}");
    }
}

#[tokio::test]
async fn any_bytes_come_through_a_blob() {
    let reader = Reader::of(Scene::start().await);
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let commit = reader.scene.pull.push([("all.bin", &content)]).await.unwrap();
    let root = reader.tree(&commit, Depth::Folder).await.unwrap().unwrap();
    let read = reader.blob(sha_of(&root, "all.bin")).await.unwrap();
    assert!(read == content, "{} bytes", read.len());
}

#[tokio::test]
async fn what_is_not_there_is_no_tree_and_no_file() {
    let (reader, _) = chart().await;
    for depth in [Depth::Folder, Depth::Everything] {
        assert_eq!(reader.tree(UNKNOWN, depth).await, Ok(None), "{depth:?}");
    }
    let error = reader.blob(UNKNOWN).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains(UNKNOWN), "{error}");
}

#[tokio::test]
async fn a_refusal_is_not_taken_for_a_tree_that_is_not_there() {
    let (reader, commit) = chart().await;
    for (status, label) in [(403, "forbidden"), (422, "validation"), (502, "unavailable")] {
        reader.scene.github.fail_next("git/get-tree", status, 1);
        let error = reader.tree(&commit, Depth::Everything).await.unwrap_err();
        assert_eq!(error.label(), label, "{error}");
    }
}
