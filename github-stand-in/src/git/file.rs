//! What a commit holds at one path.

/// A file of a commit. Two texts, its path and its content, make a regular one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The bytes; of a link, the path that it leads to.
    pub content: Vec<u8>,
    /// What they are.
    pub mode: FileMode,
}

/// What git takes a file for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMode {
    /// Something to read.
    Regular,
    /// Something to run.
    Executable,
    /// A symbolic link.
    Link,
}

impl File {
    /// A file that may be executed.
    #[must_use]
    pub fn executable(path: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        Self::new(path, content, FileMode::Executable)
    }

    /// A symbolic link to a path that is relative to the link's own folder.
    #[must_use]
    pub fn link(path: impl Into<String>, target: impl AsRef<[u8]>) -> Self {
        Self::new(path, target, FileMode::Link)
    }

    fn new(path: impl Into<String>, content: impl AsRef<[u8]>, mode: FileMode) -> Self {
        Self { path: path.into(), content: content.as_ref().to_vec(), mode }
    }
}

impl<P: Into<String>, C: AsRef<[u8]>> From<(P, C)> for File {
    fn from((path, content): (P, C)) -> Self {
        Self::new(path, content, FileMode::Regular)
    }
}

impl FileMode {
    /// As git writes it.
    pub(super) fn octal(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
        }
    }
}
