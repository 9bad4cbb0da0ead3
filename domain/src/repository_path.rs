//! A path in a repository.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Longest path, in bytes.
const PATH_MAX: usize = 255;

/// A folder below the root of a repository, written `./deploy/chart`: it leads
/// nowhere else, whatever it is put behind.
#[derive(Clone, Debug, PartialEq, Eq, SerializeDisplay, DeserializeFromStr)]
pub struct RepositoryPath(Vec<String>);

/// The text does not lead to a folder of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no folder of the repository: expected, for example, `./deploy/chart`")]
pub struct InvalidRepositoryPath(String);

impl RepositoryPath {
    /// The names on the way, from the root on. At least one.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for RepositoryPath {
    type Err = InvalidRepositoryPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_legal = |piece: &str| {
            !matches!(piece, "" | "." | "..")
                && !piece.contains(|c: char| c.is_control() || matches!(c, '\\' | ':'))
        };
        let pieces: Option<Vec<_>> = text
            .strip_prefix("./")
            .filter(|_| text.len() <= PATH_MAX)
            .map(|path| path.strip_suffix('/').unwrap_or(path))
            .map(|path| path.split('/').map(str::to_owned).collect());
        match pieces {
            Some(pieces) if pieces.iter().all(|piece| is_legal(piece)) => Ok(Self(pieces)),
            _ => Err(InvalidRepositoryPath(text.chars().take(PATH_MAX).collect())),
        }
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "./{}", self.0.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_leads_downwards_from_the_root() {
        for (text, pieces) in [
            ("./chart", vec!["chart"]),
            ("./deploy/my chart/", vec!["deploy", "my chart"]),
            ("./.github/..chart", vec![".github", "..chart"]),
        ] {
            let path: RepositoryPath = text.parse().expect(text);
            assert_eq!(path.pieces().collect::<Vec<_>>(), pieces);
        }
        for text in [
            "", ".", "./", ".//", "/", "/chart", "chart", "../chart", "./..", "./a/../b", "./a//b",
            "./a/./b", "./a\\b", "./c:/b", "./a\nb",
        ] {
            assert!(text.parse::<RepositoryPath>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same_way(text in r"\.?/?[a-z./\\ ]{0,20}") {
            if let Ok(path) = text.parse::<RepositoryPath>() {
                prop_assert_eq!(path.to_string(), text.trim_end_matches('/'));
                prop_assert!(path.pieces().all(|piece| piece != ".." && !piece.contains('/')));
            }
        }
    }
}
