//! The content of a repository: a bare git repository on disk, so that commits are real commits.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use jiff::Timestamp;
use tokio::{io::AsyncWriteExt, process::Command};

/// A file of a commit: path from the root, content, and whether it may be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The bytes.
    pub content: Vec<u8>,
    /// Mode 100755 instead of 100644.
    pub executable: bool,
}

impl<P: Into<String>, C: AsRef<[u8]>> From<(P, C)> for File {
    fn from((path, content): (P, C)) -> Self {
        Self { path: path.into(), content: content.as_ref().to_vec(), executable: false }
    }
}

/// Why git could not do it.
#[derive(Debug, thiserror::Error)]
#[error("git {action} in {}: {reason}", repository.display())]
pub struct GitError {
    action: String,
    repository: PathBuf,
    reason: String,
}

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

/// How two commits differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiffStat {
    pub(crate) changed_files: u64,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

/// What a path holds at a commit.
pub(crate) enum Entry {
    File { sha: String, content: Vec<u8> },
    Folder(Vec<FolderEntry>),
}

pub(crate) struct FolderEntry {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
    pub(crate) sha: String,
    pub(crate) size: u64,
}

/// A bare repository.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    folder: PathBuf,
}

impl Git {
    pub(crate) async fn init(folder: PathBuf) -> Result<Self, GitError> {
        let git = Self { folder };
        git.run(&["init", "--quiet", "--bare", "--initial-branch=main", &git.folder.to_string_lossy()], b"").await?;
        Ok(git)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a commit and returns its SHA.
    pub(crate) async fn commit(&self, commit: &NewCommit<'_>) -> Result<String, GitError> {
        let mut changes = Vec::new();
        for file in commit.files {
            let mode = if file.executable { "100755" } else { "100644" };
            changes.extend_from_slice(format!("M {mode} inline {}\ndata {}\n", quoted(&file.path), file.content.len()).as_bytes());
            changes.extend_from_slice(&file.content);
            changes.push(b'\n');
        }
        self.import(commit, &changes).await
    }

    /// Makes a merge commit: the first parent plus everything that the second one changed. In a conflict the second one wins.
    pub(crate) async fn merge(&self, commit: &NewCommit<'_>) -> Result<String, GitError> {
        let [ours, theirs] = commit.parents else { unreachable!("a merge has two parents") };
        let raw = self.run(&["diff", "--raw", "--no-abbrev", "--no-renames", "-z", &format!("{ours}...{theirs}")], b"").await?;
        let raw = String::from_utf8_lossy(&raw);
        let mut fields = raw.split_terminator('\0');
        let mut changes = String::new();
        // `:<mode> <mode> <sha> <sha> <status>` NUL `<path>` NUL
        while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
            let columns: Vec<&str> = meta.split(' ').collect();
            changes += &match columns[..] {
                [_, mode, _, sha, status] if status != "D" => format!("M {mode} {sha} {}\n", quoted(path)),
                _ => format!("D {}\n", quoted(path)),
            };
        }
        self.import(commit, changes.as_bytes()).await
    }

    /// One `git fast-import` does it all: objects, tree, commit, references.
    async fn import(&self, commit: &NewCommit<'_>, changes: &[u8]) -> Result<String, GitError> {
        let (first, others) = commit.references.split_first().expect("a commit without a reference would be collected as garbage");
        let mut script = format!("commit {first}\nmark :1\n");
        script += &format!("committer {0} <{0}@users.noreply.github.com> {1} +0000\n", commit.author, commit.at.as_second());
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
        let output = self.run(&["fast-import", "--quiet", "--done", "--force", "--date-format=raw"], &script).await?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// Points a new reference at a commit.
    pub(crate) async fn point(&self, reference: &str, sha: &str) -> Result<(), GitError> {
        self.run(&["update-ref", reference, sha], b"").await.map(drop)
    }

    /// What changed on the way from where both histories parted to `head`.
    pub(crate) async fn diff_stat(&self, base: &str, head: &str) -> Result<DiffStat, GitError> {
        let output = self.run(&["diff", "--numstat", "--no-renames", &format!("{base}...{head}")], b"").await?;
        let mut stat = DiffStat::default();
        for line in String::from_utf8_lossy(&output).lines() {
            // A binary file counts as changed, with "-" for its lines.
            let mut columns = line.split('\t').map(|column| column.parse::<u64>().unwrap_or(0));
            stat.changed_files += 1;
            stat.additions += columns.next().unwrap_or(0);
            stat.deletions += columns.next().unwrap_or(0);
        }
        Ok(stat)
    }

    /// The full SHA that a branch, tag or (short) SHA stands for, if there is such a commit.
    pub(crate) async fn resolve(&self, name: &str) -> Option<String> {
        let output = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")], b"").await.ok()?;
        Some(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// The file or folder at `path` of a commit; `None` if there is none.
    pub(crate) async fn read(&self, commit: &str, path: &str) -> Result<Option<Entry>, GitError> {
        let path = path.trim_matches('/');
        let Ok(output) = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{commit}:{path}")], b"").await else {
            return Ok(None);
        };
        let sha = String::from_utf8_lossy(&output).trim().to_owned();
        if self.run(&["cat-file", "-t", &sha], b"").await?.starts_with(b"blob") {
            let content = self.run(&["cat-file", "blob", &sha], b"").await?;
            return Ok(Some(Entry::File { sha, content }));
        }
        let listing = self.run(&["ls-tree", "--long", "-z", &sha], b"").await?;
        let entries = String::from_utf8_lossy(&listing).split_terminator('\0').filter_map(FolderEntry::parse).collect();
        Ok(Some(Entry::Folder(entries)))
    }

    async fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let failed = |reason: String| GitError { action: arguments[0].to_owned(), repository: self.folder.clone(), reason };
        let mut command = Command::new("git");
        command
            .args(arguments)
            .env("GIT_DIR", &self.folder)
            // A person's hooks, signing and other settings must not reach these repositories.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(format!("could not be started ({error}); is git installed?")))?;
        let mut stdin = child.stdin.take().expect("piped above");
        let write = async move {
            // A git that fails early closes the pipe; its own message says why.
            let _ = stdin.write_all(input).await;
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), write);
        let output = output.map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
    }
}

impl FolderEntry {
    /// `100644 blob <sha> <size>\t<name>`
    fn parse(line: &str) -> Option<Self> {
        let (meta, name) = line.split_once('\t')?;
        let mut columns = meta.split_whitespace();
        let (_mode, kind, sha, size) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        Some(Self { name: name.to_owned(), is_folder: kind == "tree", sha: sha.to_owned(), size: size.parse().unwrap_or(0) })
    }
}

/// A path as fast-import wants it when it holds odd characters.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_are_real_and_build_on_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path().join("x.git")).await.unwrap();
        let commit = |parents: Vec<String>, files: Vec<File>| {
            let git = git.clone();
            async move {
                let references = ["refs/heads/main".to_owned(), "refs/pull/1/head".to_owned()];
                git.commit(&NewCommit { references: &references, parents: &parents, author: "mona", at: Timestamp::UNIX_EPOCH, message: "Ä message", files: &files })
                    .await
                    .unwrap()
            }
        };
        let first = commit(vec![], vec![("a.txt", "one\n").into(), ("odd \"name\"/ü.txt", "x").into()]).await;
        let second = commit(vec![first.clone()], vec![("a.txt", "one\ntwo\n").into()]).await;
        assert_eq!(git.resolve("main").await.as_deref(), Some(second.as_str()));
        assert_eq!(git.resolve("refs/pull/1/head").await.as_deref(), Some(second.as_str()));
        assert_eq!(git.resolve("nothing").await, None);
        assert_eq!(git.diff_stat(&first, &second).await.unwrap(), DiffStat { changed_files: 1, additions: 1, deletions: 0 });
        assert!(matches!(git.read(&second, "odd \"name\"/ü.txt").await.unwrap(), Some(Entry::File { content, .. }) if content == b"x"));
        assert!(matches!(git.read(&second, "").await.unwrap(), Some(Entry::Folder(entries)) if entries.len() == 2));
        assert!(git.read(&second, "absent").await.unwrap().is_none());
    }
}
