//! Reads the folders of a commit, and the files in them.

use domain::{InstallationId, Repository};
use serde::Deserialize;

use crate::{Error, ErrorKind, GitHubApp, Operation, content::Content};

/// How GitHub says that there is no such tree, when everything below it was asked for; with 404 otherwise.
const NO_SUCH_TREE: &str = "SHA must identify a commit or a tree";

/// A folder's content, as one commit has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tree {
    /// In git's order.
    #[serde(rename = "tree")]
    pub entries: Vec<TreeEntry>,
    /// Is there more than GitHub lists at once? Folder by folder it lists all.
    #[serde(rename = "truncated")]
    pub is_truncated: bool,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TreeEntry {
    /// Below the folder that was asked for, with `/`.
    pub path: String,
    /// What it is.
    #[serde(rename = "mode")]
    pub kind: TreeEntryKind,
    /// What its own content is asked for by: [`GitHubApp::tree`] of a folder,
    /// [`GitHubApp::blob`] of a file or a link.
    pub sha: String,
    /// In bytes, of a file or of the path that a link holds; 0 for folders and submodules.
    #[serde(default)]
    pub size: u64,
}

/// What git takes something in a folder for. Whether a file may be executed does not matter to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TreeEntryKind {
    /// A file.
    #[serde(rename = "100644", alias = "100755", alias = "100664")]
    File,
    /// A folder.
    #[serde(rename = "040000")]
    Folder,
    /// A symbolic link, which holds the path that it leads to.
    #[serde(rename = "120000")]
    Link,
    /// A commit of another repository.
    #[serde(rename = "160000")]
    Submodule,
}

/// How much of a tree is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What lies in the folder itself.
    Folder,
    /// That, and what lies in all folders below it.
    Everything,
}

impl GitHubApp {
    /// Lists a folder; `None` if there is no such tree. `sha` is that of a tree,
    /// or of a commit for the repository's root.
    ///
    /// # Errors
    /// If GitHub does not answer, or answers other than documented.
    pub async fn tree(
        &self,
        installation: InstallationId,
        repository: &Repository,
        sha: &str,
        depth: Depth,
    ) -> Result<Option<Tree>, Error> {
        let call = self.transport().repository_call(
            format!("reading the tree {sha} of {repository}"),
            Operation::GetTree,
            repository,
            &["git", "trees", sha],
        );
        let call = match depth {
            Depth::Folder => call,
            Depth::Everything => call.query(&[("recursive", "1")]),
        };
        match self.send(installation, &call).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if is_no_such_tree(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bytes of a file, or the path that a link holds. Its size is in its
    /// [`TreeEntry`]: ask for nothing that is too large.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such file.
    pub async fn blob(
        &self,
        installation: InstallationId,
        repository: &Repository,
        sha: &str,
    ) -> Result<Vec<u8>, Error> {
        let call = self.transport().repository_call(
            format!("reading the file {sha} of {repository}"),
            Operation::GetBlob,
            repository,
            &["git", "blobs", sha],
        );
        let content: Content = self.send(installation, &call).await?.json()?;
        content
            .decode()
            .map_err(|reason| Error::new(&call.doing, ErrorKind::Unexpected(reason)))
    }
}

fn is_no_such_tree(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotFound(_) => true,
        ErrorKind::Validation(message) => message.contains(NO_SUCH_TREE),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(json: Value) -> Result<TreeEntry, String> {
        serde_json::from_value(json).map_err(|error| error.to_string())
    }

    #[test]
    fn modes_tell_what_an_entry_is() {
        for (mode, kind) in [
            ("100644", TreeEntryKind::File),
            ("100755", TreeEntryKind::File),
            ("040000", TreeEntryKind::Folder),
            ("120000", TreeEntryKind::Link),
            ("160000", TreeEntryKind::Submodule),
        ] {
            let read = entry(json!({ "path": "a", "mode": mode, "type": "blob", "sha": "b" }));
            assert_eq!(read.map(|entry| entry.kind), Ok(kind), "{mode}");
        }
        let odd = json!({ "path": "a", "mode": "100666", "type": "blob", "sha": "b" });
        let error = entry(odd).expect_err("no such mode");
        assert!(error.contains("100666"), "{error}");
    }

    #[test]
    fn a_tree_is_read_as_github_writes_it() {
        let tree: Tree = serde_json::from_value(json!({
            "sha": "c", "url": "https://api.github.com/repos/o/r/git/trees/c", "truncated": true,
            "tree": [
                { "path": "a/b", "mode": "100644", "type": "blob", "sha": "d", "size": 12, "url": "https://api.github.com/repos/o/r/git/blobs/d" },
                { "path": "vendor", "mode": "160000", "type": "commit", "sha": "e" },
            ],
        }))
        .expect("a tree");
        let entry = |path: &str, kind, sha: &str, size| TreeEntry {
            path: path.to_owned(),
            kind,
            sha: sha.to_owned(),
            size,
        };
        assert_eq!(
            tree,
            Tree {
                entries: vec![
                    entry("a/b", TreeEntryKind::File, "d", 12),
                    entry("vendor", TreeEntryKind::Submodule, "e", 0),
                ],
                is_truncated: true,
            }
        );
    }

    #[test]
    fn there_is_no_tree_in_either_of_githubs_ways_of_saying_so() {
        let no_tree = |kind| is_no_such_tree(&Error::new("reading", kind));
        let said = |words: &str| format!("422 Unprocessable Entity: {words}");
        assert!(no_tree(ErrorKind::NotFound("404 Not Found: Not Found".to_owned())));
        assert!(no_tree(ErrorKind::Validation(said(
            "Invalid object requested. SHA must identify a commit or a tree."
        ))));
        assert!(!no_tree(ErrorKind::Validation(said("Validation Failed"))));
        assert!(!no_tree(ErrorKind::Forbidden("403 Forbidden".to_owned())));
    }
}
