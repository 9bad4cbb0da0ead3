//! The name of a GitHub repository.

use std::{fmt, str::FromStr};

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// Longest account name: 39 characters, and enterprise-managed accounts add `_shortcode` (up to 9 more).
const OWNER_MAX: usize = 48;
/// Longest repository name GitHub accepts.
const NAME_MAX: usize = 100;

/// `owner/name`, in the spelling GitHub gave us, within GitHub's own alphabet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct Repository {
    owner: String,
    name: String,
}

/// The text is not a repository name that GitHub could have sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository: expected `owner/name` as GitHub spells it")]
pub struct InvalidRepository(String);

impl Repository {
    /// The account, for example `octo-org`.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own name, for example `hello-world`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is it the same repository to GitHub, to which case makes no other name?
    #[must_use]
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidRepository(text.chars().take(160).collect());
        let (owner, name) = text.split_once('/').ok_or_else(invalid)?;
        let name_is_legal = (1..=NAME_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && name != "."
            && name != "..";
        if owner_is_legal(owner) && name_is_legal {
            Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(invalid())
        }
    }
}

/// Could GitHub have given this name to an account?
pub(crate) fn owner_is_legal(owner: &str) -> bool {
    (1..=OWNER_MAX).contains(&owner.len())
        && owner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}
