//! The name of the image of a commit.

use std::fmt;

/// The registry in every image's name. It has no image: all are brought to the cluster.
pub const REGISTRY: &str = "registry.preview.localhost";

/// Longest image name, by the distribution specification.
const MAX_NAME: usize = 255;

/// `registry.preview.localhost/{owner}/{repo}:{commit}`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRef {
    repository: String,
    commit: String,
}

/// Why a commit has no image name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImageRef {
    /// The repository's name is legal on GitHub but not in a container registry.
    #[error(
        "`{0}` cannot name an image: in lower case, its parts must begin and end with a letter or digit \
         and hold no separators in a row other than `__` and `--`"
    )]
    Repository(String),
    /// Not a full commit hash.
    #[error("`{0}` is not a commit: expected 40 hexadecimal digits")]
    Commit(String),
}

impl ImageRef {
    /// The image of a commit. Distinct for distinct repositories, because
    /// GitHub's names do not differ in case only.
    ///
    /// # Errors
    /// [`InvalidImageRef::Commit`] for anything but 40 hexadecimal digits; [`InvalidImageRef::Repository`]
    /// for the few names that GitHub allows and image names cannot express, such as `.github`.
    pub fn new(owner: &str, repo: &str, commit: &str) -> Result<Self, InvalidImageRef> {
        if commit.len() != 40 || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidImageRef::Commit(commit.chars().take(60).collect()));
        }
        let path = format!("{owner}/{repo}").to_ascii_lowercase();
        let repository = format!("{REGISTRY}/{path}");
        if !path.split('/').all(is_path_component)
            || path.matches('/').count() != 1
            || repository.len() > MAX_NAME
        {
            return Err(InvalidImageRef::Repository(path.chars().take(200).collect()));
        }
        Ok(Self { repository, commit: commit.to_ascii_lowercase() })
    }

    /// The name without the tag.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag: the full commit hash.
    #[must_use]
    pub fn commit(&self) -> &str {
        &self.commit
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.commit)
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, the distribution specification's grammar.
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMIT: &str = "3F786850e387550fdab836ed7e6dc881de23001b";

    #[test]
    fn is_lower_case() {
        assert_eq!(
            ImageRef::new("Octo-Org", "Hello_World.js", COMMIT).unwrap().to_string(),
            "registry.preview.localhost/octo-org/hello_world.js:3f786850e387550fdab836ed7e6dc881de23001b"
        );
    }

    #[test]
    fn refuses_what_no_registry_accepts() {
        for repo in [".github", "a..b", "a___b", "a-", "-a", "", "a/b", "ä", "a b", "a:b", "a@b", "a._b"] {
            assert!(
                matches!(ImageRef::new("octo-org", repo, COMMIT), Err(InvalidImageRef::Repository(_))),
                "{repo:?}"
            );
        }
        for repo in ["a", "a--b", "a__b", "a.b", "1"] {
            assert!(ImageRef::new("octo-org", repo, COMMIT).is_ok(), "{repo:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_commit() {
        for commit in ["", "main", &COMMIT[..39], "g".repeat(40).as_str(), "ä".repeat(20).as_str()] {
            assert!(matches!(ImageRef::new("o", "r", commit), Err(InvalidImageRef::Commit(_))), "{commit:?}");
        }
    }

    proptest! {
        /// Whatever is accepted is one argument for a program and one value for a key=value,… option.
        #[test]
        fn holds_no_character_with_a_meaning(owner in ".{1,50}", repo in ".{1,110}") {
            if let Ok(image) = ImageRef::new(&owner, &repo, COMMIT) {
                let name = image.to_string();
                prop_assert!(name.len() <= MAX_NAME + 41);
                prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/:._-".contains(&b)));
            }
        }
    }
}
