//! The content of a repository: a bare git repository on disk, so that commits are real commits.

mod check_out;
mod commit;
mod file;
mod read;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{io::AsyncWriteExt, process::Command};

pub use check_out::{CheckOutError, check_out};
pub(crate) use commit::NewCommit;
pub use file::{File, FileMode};
pub(crate) use read::{DiffStat, Entry, Tree, TreeEntry};

/// Why git could not do it.
#[derive(Debug, thiserror::Error)]
#[error("git {action} in {}: {reason}", repository.display())]
pub struct GitError {
    action: String,
    repository: PathBuf,
    reason: String,
}

/// A bare repository.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    folder: PathBuf,
}

impl Git {
    pub(crate) async fn init(folder: PathBuf) -> Result<Self, GitError> {
        let git = Self { folder };
        git.run(
            &["init", "--quiet", "--bare", "--initial-branch=main", &git.folder.to_string_lossy()],
            b"",
        )
        .await?;
        Ok(git)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Points a new reference at a commit.
    pub(crate) async fn point(&self, reference: &str, sha: &str) -> Result<(), GitError> {
        self.run(&["update-ref", reference, sha], b"").await.map(drop)
    }

    /// Runs git in this repository.
    async fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, GitError> {
        let failed = |reason: String| GitError {
            action: arguments[0].to_owned(),
            repository: self.folder.clone(),
            reason,
        };
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
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("could not be started ({error}); is git installed?")))?;
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[tokio::test]
    async fn commits_are_real_and_build_on_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::init(folder.path().join("x.git")).await.unwrap();
        let commit = |parents: Vec<String>, files: Vec<File>| {
            let git = git.clone();
            async move {
                let references = ["refs/heads/main".to_owned(), "refs/pull/1/head".to_owned()];
                git.commit(&NewCommit {
                    references: &references,
                    parents: &parents,
                    author: "mona",
                    at: Timestamp::UNIX_EPOCH,
                    message: "Ä message",
                    files: &files,
                })
                .await
                .unwrap()
            }
        };
        let first = commit(vec![], vec![("a.txt", "one\n").into(), ("odd \"name\"/ü.txt", "x").into()]).await;
        let second = commit(vec![first.clone()], vec![("a.txt", "one\ntwo\n").into()]).await;
        assert_eq!(git.resolve("main").await.as_deref(), Some(second.as_str()));
        assert_eq!(git.resolve("refs/pull/1/head").await.as_deref(), Some(second.as_str()));
        assert_eq!(git.resolve("nothing").await, None);
        assert_eq!(
            git.diff_stat(&first, &second).await.unwrap(),
            DiffStat { changed_files: 1, additions: 1, deletions: 0 }
        );
        assert!(
            matches!(git.read(&second, "odd \"name\"/ü.txt").await.unwrap(), Some(Entry::File { content, .. }) if content == b"x")
        );
        assert!(
            matches!(git.read(&second, "").await.unwrap(), Some(Entry::Folder(entries)) if entries.len() == 2)
        );
        assert!(git.read(&second, "absent").await.unwrap().is_none());
    }
}
