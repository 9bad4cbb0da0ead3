//! A commit that becomes an image.

use std::path::{Path, PathBuf};

use github_stand_in::CheckOutError;

use super::{error::ImageError, reference::ImageRef};

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
        let image = || self.image.clone();
        github_stand_in::check_out(&self.git_dir, self.image.commit(), destination, limit).map_err(|error| {
            match error {
                CheckOutError::Git(source) => ImageError::Program { program: "git".into(), source },
                CheckOutError::TooLarge { limit } => ImageError::TooLarge { image: image(), limit },
                CheckOutError::Refused(reason) => {
                    ImageError::Checkout { image: image(), git_dir: self.git_dir.clone(), reason }
                }
            }
        })
    }
}
