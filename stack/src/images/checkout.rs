//! Takes the files of a commit out of a repository, without a work tree and within a bound.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    error::{ImageError, at},
    reference::ImageRef,
};

/// Most that the files of one commit may measure, in bytes of tar: a preview is a small app.
pub(super) const MAX_SOURCE_BYTES: u64 = 100 << 20;

/// A commit in a Git repository on this machine, and the image that it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitSource {
    git_dir: PathBuf,
    image: ImageRef,
}

impl CommitSource {
    /// The commit of `owner/repo` that the repository at `git_dir` holds.
    ///
    /// # Errors
    /// As [`ImageRef::new`].
    pub fn new(
        git_dir: impl Into<PathBuf>,
        owner: &str,
        repo: &str,
        commit: &str,
    ) -> Result<Self, ImageError> {
        Ok(Self {
            git_dir: git_dir.into(),
            image: ImageRef::new(owner, repo, commit)?,
        })
    }

    /// The image that the commit becomes.
    #[must_use]
    pub fn image(&self) -> &ImageRef {
        &self.image
    }

    /// Writes the commit's files into the empty folder `destination`. Blocks.
    pub(super) fn check_out(&self, destination: &Path, limit: u64) -> Result<(), ImageError> {
        let mut git = Command::new("git")
            .arg("--git-dir")
            .arg(&self.git_dir)
            .args(["archive", "--format=tar", self.image.commit()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| ImageError::Program { program: "git".into(), source })?;
        let stdout = git.stdout.take().expect("it is piped");
        let mut bounded = stdout.take(limit);
        // `unpack` keeps every entry inside the destination, whatever names and links a pull request holds.
        let unpacked = tar::Archive::new(&mut bounded)
            .unpack(destination)
            .and_then(|()| io::copy(&mut bounded, &mut io::sink()));
        let exhausted = bounded.limit() == 0;
        // Closes the pipe, so that a git that still writes ends.
        drop(bounded);
        let output = git.wait_with_output().map_err(at("git"))?;
        if exhausted {
            return Err(ImageError::TooLarge { image: self.image.clone(), limit });
        }
        let reason = match (output.status.success(), unpacked) {
            (true, Ok(_)) => return Ok(()),
            (true, Err(error)) => error.to_string(),
            (false, _) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        };
        Err(ImageError::Checkout {
            image: self.image.clone(),
            git_dir: self.git_dir.clone(),
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=mona", "-c", "user.email=mona@example.com"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A repository with one commit of `greeting.txt` and a link that leads out of it.
    fn repository() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet"]);
        fs::write(folder.path().join("greeting.txt"), "Hello").unwrap();
        symlink("/etc/passwd", folder.path().join("outside")).unwrap();
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "--quiet", "--message", "Hello"]);
        let commit = git(folder.path(), &["rev-parse", "HEAD"]);
        (folder, commit)
    }

    fn check_out(folder: &Path, commit: &str, limit: u64) -> Result<tempfile::TempDir, ImageError> {
        let destination = tempfile::tempdir().unwrap();
        CommitSource::new(folder.join(".git"), "octo-org", "hello-world", commit)?
            .check_out(destination.path(), limit)?;
        Ok(destination)
    }

    #[test]
    fn takes_the_commit_and_not_what_came_after() {
        let (folder, commit) = repository();
        fs::write(folder.path().join("greeting.txt"), "Bonjour").unwrap();
        git(folder.path(), &["commit", "--quiet", "--all", "--message", "Bonjour"]);

        let files = check_out(folder.path(), &commit, MAX_SOURCE_BYTES).unwrap();
        assert_eq!(fs::read_to_string(files.path().join("greeting.txt")).unwrap(), "Hello");
        let link = fs::symlink_metadata(files.path().join("outside")).unwrap();
        assert!(link.is_symlink(), "a link stays a link: BuildKit resolves it inside the context");
    }

    #[test]
    fn an_unknown_commit_is_explained_in_gits_words() {
        let (folder, _) = repository();
        let error = check_out(folder.path(), &"0".repeat(40), MAX_SOURCE_BYTES).unwrap_err();
        assert!(
            matches!(&error, ImageError::Checkout { reason, .. } if reason.contains("not a tree object") || reason.contains("not a valid object")),
            "{error}"
        );
    }

    #[test]
    fn a_commit_beyond_the_bound_is_refused() {
        let (folder, commit) = repository();
        assert!(matches!(check_out(folder.path(), &commit, 600), Err(ImageError::TooLarge { .. })));
    }
}
