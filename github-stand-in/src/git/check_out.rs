//! Takes the files of a commit out of a repository, without a work tree and within a bound.

use std::{
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
};

/// Why a commit's files were not taken out.
#[derive(Debug, thiserror::Error)]
pub enum CheckOutError {
    /// Git did not start, or its end could not be waited for.
    #[error("git: {0}")]
    Git(#[source] io::Error),
    /// They measure more than they may.
    #[error("the commit holds more than {} MiB", .limit >> 20)]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// Git does not give them, or they cannot be written.
    #[error("{0}")]
    Refused(String),
}

/// Writes the files of `commit` in the repository at `git_dir` into the empty folder `destination`: at most
/// `limit` bytes of tar. Blocks.
///
/// # Errors
/// See [`CheckOutError`].
pub fn check_out(git_dir: &Path, commit: &str, destination: &Path, limit: u64) -> Result<(), CheckOutError> {
    let mut git = Command::new("git")
        .arg("--git-dir")
        .arg(git_dir)
        .args(["archive", "--format=tar", commit])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CheckOutError::Git)?;
    let stdout = git.stdout.take().expect("it is piped");
    let mut bounded = stdout.take(limit);
    // `unpack` keeps every entry inside the destination, whatever names and links a pull request holds.
    let unpacked = tar::Archive::new(&mut bounded)
        .unpack(destination)
        .and_then(|()| io::copy(&mut bounded, &mut io::sink()));
    let exhausted = bounded.limit() == 0;
    // Closes the pipe, so that a git that still writes ends.
    drop(bounded);
    let output = git.wait_with_output().map_err(CheckOutError::Git)?;
    if exhausted {
        return Err(CheckOutError::TooLarge { limit });
    }
    match (output.status.success(), unpacked) {
        (true, Ok(_)) => Ok(()),
        (true, Err(error)) => Err(CheckOutError::Refused(error.to_string())),
        (false, _) => Err(CheckOutError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
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

    fn taken_out(folder: &Path, commit: &str, limit: u64) -> Result<tempfile::TempDir, CheckOutError> {
        let destination = tempfile::tempdir().unwrap();
        check_out(&folder.join(".git"), commit, destination.path(), limit)?;
        Ok(destination)
    }

    #[test]
    fn takes_the_commit_and_not_what_came_after() {
        let (folder, commit) = repository();
        fs::write(folder.path().join("greeting.txt"), "Bonjour").unwrap();
        git(folder.path(), &["commit", "--quiet", "--all", "--message", "Bonjour"]);

        let files = taken_out(folder.path(), &commit, 1 << 20).unwrap();
        assert_eq!(fs::read_to_string(files.path().join("greeting.txt")).unwrap(), "Hello");
        let link = fs::symlink_metadata(files.path().join("outside")).unwrap();
        assert!(link.is_symlink(), "a link stays a link: whoever builds resolves it inside the context");
    }

    #[test]
    fn an_unknown_commit_is_explained_in_gits_words() {
        let (folder, _) = repository();
        let error = taken_out(folder.path(), &"0".repeat(40), 1 << 20).unwrap_err();
        assert!(
            matches!(&error, CheckOutError::Refused(reason) if reason.contains("not a tree object") || reason.contains("not a valid object")),
            "{error}"
        );
    }

    #[test]
    fn a_commit_beyond_the_bound_is_refused() {
        let (folder, commit) = repository();
        assert!(matches!(taken_out(folder.path(), &commit, 600), Err(CheckOutError::TooLarge { .. })));
    }
}
