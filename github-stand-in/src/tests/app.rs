//! The App's own client against the stand-in: both understand GitHub's description in the same way.

use domain::InstallationId;
use github::{AppConfig, Depth, Error, GitHubApp, Tree, TreeEntryKind};

use super::{Repository, StandIn, UNKNOWN, assert_as_described, chart, scene};

/// The client, and which repository it reads as which installation.
struct Reader {
    app: GitHubApp,
    installation: InstallationId,
    repository: domain::Repository,
}

impl Reader {
    fn of(github: &StandIn, repository: &Repository) -> Self {
        let config = AppConfig {
            api_url: github.api_url(),
            app_id: github.app_id(),
            private_key: github.private_key_pem().into(),
            deployments: false,
        };
        Self {
            app: GitHubApp::new(&config).unwrap(),
            installation: InstallationId(github.installation_id("octo-org").unwrap()),
            repository: repository.full_name().parse().unwrap(),
        }
    }

    async fn tree(&self, sha: &str, depth: Depth) -> Result<Option<Tree>, Error> {
        self.app
            .tree(self.installation, &self.repository, sha, depth)
            .await
    }

    async fn blob(&self, sha: &str) -> Result<Vec<u8>, Error> {
        self.app
            .blob(self.installation, &self.repository, sha)
            .await
    }
}

fn sha_of<'a>(tree: &'a Tree, path: &str) -> &'a str {
    let mut entries = tree.entries.iter();
    &entries.find(|entry| entry.path == path).unwrap().sha
}

#[tokio::test]
async fn a_chart_is_read_from_the_commit_down() {
    let (github, repository, _, commit) = chart().await;
    let reader = Reader::of(&github, &repository);
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
    assert_as_described(&github);
}

#[tokio::test]
async fn any_bytes_come_through_a_blob() {
    let (github, repository, pull, _) = scene().await;
    let reader = Reader::of(&github, &repository);
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let commit = pull.push([("all.bin", &content)]).await.unwrap();
    let root = reader.tree(&commit, Depth::Folder).await.unwrap().unwrap();
    let read = reader.blob(sha_of(&root, "all.bin")).await.unwrap();
    assert!(read == content, "{} bytes", read.len());
    assert_as_described(&github);
}

#[tokio::test]
async fn what_is_not_there_is_no_tree_and_no_file() {
    let (github, repository, _, _) = chart().await;
    let reader = Reader::of(&github, &repository);
    for depth in [Depth::Folder, Depth::Everything] {
        assert_eq!(reader.tree(UNKNOWN, depth).await, Ok(None), "{depth:?}");
    }
    let error = reader.blob(UNKNOWN).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains(UNKNOWN), "{error}");
    assert_as_described(&github);
}

#[tokio::test]
async fn a_refusal_is_not_taken_for_a_tree_that_is_not_there() {
    let (github, repository, _, commit) = chart().await;
    let reader = Reader::of(&github, &repository);
    for (status, label) in [
        (403, "forbidden"),
        (422, "validation"),
        (502, "unavailable"),
    ] {
        github.fail_next("git/get-tree", status, 1);
        let error = reader.tree(&commit, Depth::Everything).await.unwrap_err();
        assert_eq!(error.label(), label, "{error}");
    }
    assert_as_described(&github);
}
