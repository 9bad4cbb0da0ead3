//! Reads one file of a repository.

use domain::PullRequestRef;
use serde::Deserialize;

use crate::{Error, ErrorKind, GitHubApp, Operation, content::Content};

/// What there is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryFile {
    /// A file, and what it holds.
    Content(Vec<u8>),
    /// A file that holds more than was wanted; its content was not looked at.
    TooLarge {
        /// In bytes.
        size: u64,
    },
    /// A folder, a submodule or a link that leads nowhere.
    NoFile,
}

impl GitHubApp {
    /// Reads one file of the repository that received the pull request, as it is at the
    /// end of a branch; `None` if there is none.
    ///
    /// `path` is given piece by piece. The branch is named in full, so that no
    /// tag of the same name is read in its place.
    ///
    /// # Errors
    /// If GitHub does not answer, or answers other than documented.
    pub async fn file(
        &self,
        reference: &PullRequestRef,
        branch: &str,
        path: &[&str],
        max_size: u64,
    ) -> Result<Option<RepositoryFile>, Error> {
        let repository = &reference.repository;
        let name = path.join("/");
        let call = self
            .transport()
            .repository_call(
                format!("reading {name} of {repository} at branch {branch}"),
                Operation::GetFile,
                repository,
                &[&["contents"][..], path].concat(),
            )
            .query(&[("ref", &format!("refs/heads/{branch}"))]);
        match self.send(reference.installation, &call).await {
            Ok(answer) => answer
                .json::<Wire>()?
                .read(max_size)
                .map(Some)
                .map_err(|reason| Error::new(&call.doing, ErrorKind::Unexpected(reason))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// GitHub describes a file as an object, and a folder as the list of what is in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Entry(Entry),
    #[expect(dead_code, reason = "what is in it does not matter")]
    Folder(Vec<serde::de::IgnoredAny>),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    #[serde(flatten)]
    content: Content,
}

impl Wire {
    fn read(self, max_size: u64) -> Result<RepositoryFile, String> {
        let Self::Entry(entry) = self else {
            return Ok(RepositoryFile::NoFile);
        };
        if entry.kind != "file" {
            return Ok(RepositoryFile::NoFile);
        }
        // Beyond a megabyte GitHub sends no content at all.
        if entry.size > max_size {
            return Ok(RepositoryFile::TooLarge { size: entry.size });
        }
        entry.content.decode().map(RepositoryFile::Content)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(json: Value) -> Result<RepositoryFile, String> {
        serde_json::from_value::<Wire>(json).expect("an entry or a folder").read(64)
    }

    #[test]
    fn files_are_told_from_everything_else() {
        let file = |size: u64, encoding: &str, content: &str| json!({ "type": "file", "size": size, "encoding": encoding, "content": content });
        assert_eq!(read(file(5, "base64", "aGVs\nbG8=\n")), Ok(RepositoryFile::Content(b"hello".to_vec())));
        assert_eq!(read(file(65, "base64", "aGVsbG8=")), Ok(RepositoryFile::TooLarge { size: 65 }));
        assert_eq!(read(file(2_000_000, "none", "")), Ok(RepositoryFile::TooLarge { size: 2_000_000 }));
        assert!(read(file(5, "base64", "%")).is_err());
        assert!(read(file(5, "none", "")).is_err());
        for other in [
            json!([]),
            json!([{ "type": "file", "name": "a" }]),
            json!({ "type": "submodule", "size": 0 }),
            json!({ "type": "symlink", "size": 3, "target": "a/b" }),
        ] {
            assert_eq!(read(other.clone()), Ok(RepositoryFile::NoFile), "{other}");
        }
    }
}
