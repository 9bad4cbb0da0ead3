//! The further branches whose own file counts for the pull requests into them.

use std::collections::BTreeSet;

use serde::Deserialize;

/// Longest name of a branch, in bytes: GitHub's own bound.
const NAME_MAX: usize = 255;

/// The branches that the default branch's file lists. Names only: whoever may
/// push can make a branch that fits a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Branches(BTreeSet<Branch>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Branch(String);

impl TryFrom<String> for Branch {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // What git allows in no branch, patterns' own characters included.
        let is_foreign = |c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
        };
        if (1..=NAME_MAX).contains(&text.len()) && !text.contains(is_foreign) {
            Ok(Self(text))
        } else {
            let shown: String = text.chars().take(40).collect();
            Err(format!(
                "`{shown}` is no branch: expected its whole name, like `release-1.x`; patterns are not read here"
            ))
        }
    }
}

impl Branches {
    /// Is it among them? Git tells upper case from lower case.
    pub(crate) fn list(&self, name: &str) -> bool {
        self.0.iter().any(|branch| branch.0 == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_listed_by_its_whole_name() {
        let branch = |text: &str| Branch::try_from(text.to_owned());
        let listed = Branches(
            ["release-1.x", "team/next", "größer"]
                .map(|text| branch(text).expect("a branch"))
                .into(),
        );
        for (name, is_listed) in [
            ("release-1.x", true),
            ("team/next", true),
            ("größer", true),
            ("release-1.x-lax", false),
            ("Release-1.x", false),
            ("release-1", false),
            ("refs/heads/release-1.x", false),
            ("next", false),
        ] {
            assert_eq!(listed.list(name), is_listed, "{name}");
        }
        for text in ["", "*", "release-*", "release-?", "release-[1-9]", "a b", "a\nb", &"x".repeat(256)] {
            assert!(branch(text).is_err(), "{text}");
        }
    }
}
