//! Where in the repository's file something stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many places are kept.
const LINES_MAX: usize = 200;
/// Longest pointer that is kept, in bytes.
const POINTER_MAX: usize = 200;

/// In which lines of the repository's file its parts stand, by their JSON pointers: `/values/image`.
/// It serves explanations only, so of a large file not all is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lines(BTreeMap<String, u32>);

impl Lines {
    /// Nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part that a pointer leads to, or the nearest around it that is known, and its line.
    #[must_use]
    pub fn find<'a>(&self, pointer: &'a str) -> Option<(&'a str, u32)> {
        let around =
            std::iter::successors(Some(pointer), |part| part.rsplit_once('/').map(|(outer, _)| outer));
        around.into_iter().find_map(|part| self.0.get(part).map(|line| (part, *line)))
    }
}

/// The first ones are kept: what explains most should come first.
impl FromIterator<(String, u32)> for Lines {
    fn from_iter<I: IntoIterator<Item = (String, u32)>>(lines: I) -> Self {
        let short = lines.into_iter().filter(|(pointer, _)| pointer.len() <= POINTER_MAX);
        Self(short.take(LINES_MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_part_that_is_known_is_found() {
        let lines: Lines = [("/values/image".to_owned(), 3), ("/values/image/tag".to_owned(), 4)]
            .into_iter()
            .collect();
        for (pointer, found) in [
            ("/values/image", Some(("/values/image", 3))),
            ("/values/image/tag", Some(("/values/image/tag", 4))),
            ("/values/image/repository/0", Some(("/values/image", 3))),
            ("/values/images", None),
            ("", None),
        ] {
            assert_eq!(lines.find(pointer), found, "{pointer}");
        }
    }

    #[test]
    fn no_file_makes_it_large() {
        let many = (0..10_000).map(|number| (format!("/values/{number:0300}"), number));
        let lines: Lines = many
            .chain((0..10_000).map(|number| (format!("/values/{number}"), number)))
            .collect();
        assert_eq!(lines.0.len(), LINES_MAX);
        assert!(lines.0.keys().all(|pointer| pointer.len() <= POINTER_MAX));
    }
}
