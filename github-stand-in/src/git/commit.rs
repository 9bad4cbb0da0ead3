//! Making commits.

use jiff::Timestamp;

use super::{File, Git, GitError};

/// A commit to be made.
pub(crate) struct NewCommit<'a> {
    /// The references that point to it afterwards.
    pub(crate) references: &'a [String],
    pub(crate) parents: &'a [String],
    pub(crate) author: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) message: &'a str,
    /// Files that are added or replaced; all others stay as in the first parent.
    pub(crate) files: &'a [File],
}

impl Git {
    /// Makes a commit and returns its SHA.
    pub(crate) async fn commit(&self, commit: &NewCommit<'_>) -> Result<String, GitError> {
        let mut changes = Vec::new();
        for file in commit.files {
            changes.extend_from_slice(
                format!(
                    "M {} inline {}\ndata {}\n",
                    file.mode.octal(),
                    quoted(&file.path),
                    file.content.len()
                )
                .as_bytes(),
            );
            changes.extend_from_slice(&file.content);
            changes.push(b'\n');
        }
        self.import(commit, &changes).await
    }

    /// Makes a merge commit: the first parent plus everything that the second one
    /// changed. In a conflict the second one wins.
    pub(crate) async fn merge(&self, commit: &NewCommit<'_>) -> Result<String, GitError> {
        let [ours, theirs] = commit.parents else {
            unreachable!("a merge has two parents")
        };
        let raw = self
            .run(
                &["diff", "--raw", "--no-abbrev", "--no-renames", "-z", &format!("{ours}...{theirs}")],
                b"",
            )
            .await?;
        let raw = String::from_utf8_lossy(&raw);
        let mut fields = raw.split_terminator('\0');
        let mut changes = String::new();
        // `:<mode> <mode> <sha> <sha> <status>` NUL `<path>` NUL
        while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
            let columns: Vec<&str> = meta.split(' ').collect();
            changes += &match columns[..] {
                [_, mode, _, sha, status] if status != "D" => {
                    format!("M {mode} {sha} {}\n", quoted(path))
                }
                _ => format!("D {}\n", quoted(path)),
            };
        }
        self.import(commit, changes.as_bytes()).await
    }

    /// One `git fast-import` does it all: objects, tree, commit, references.
    async fn import(&self, commit: &NewCommit<'_>, changes: &[u8]) -> Result<String, GitError> {
        let (first, others) = commit
            .references
            .split_first()
            .expect("a commit without a reference would be collected as garbage");
        let mut script = format!("commit {first}\nmark :1\n");
        script += &format!(
            "committer {0} <{0}@users.noreply.github.com> {1} +0000\n",
            commit.author,
            commit.at.as_second()
        );
        script += &format!("data {}\n{}\n", commit.message.len(), commit.message);
        for (index, parent) in commit.parents.iter().enumerate() {
            script += &format!("{} {parent}\n", if index == 0 { "from" } else { "merge" });
        }
        let mut script = script.into_bytes();
        script.extend_from_slice(changes);
        for reference in others {
            script.extend_from_slice(format!("\nreset {reference}\nfrom :1\n").as_bytes());
        }
        script.extend_from_slice(b"\nget-mark :1\ndone\n");
        let output = self
            .run(&["fast-import", "--quiet", "--done", "--force", "--date-format=raw"], &script)
            .await?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }
}

/// A path as fast-import wants it when it holds odd characters.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
