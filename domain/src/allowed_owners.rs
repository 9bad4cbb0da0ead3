//! Whom the service serves: named by its operators; nobody else gets anything of it.

use std::str::FromStr;

use crate::{Repository, id::owner_is_legal};

/// Owners, and single repositories of others, as GitHub spells them or in another case. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOwners(Vec<Allowed>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// All repositories of an account.
    Owner(String),
    /// This one.
    Repository(Repository),
}

/// The text does not say whom to serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllowedOwners {
    /// It is empty.
    #[error(
        "it names nobody, and there is no service for everybody: name the owners or repositories that are served, for example `octo-org,mona/shop`"
    )]
    Nobody,
    /// Part of it names neither.
    #[error(
        "`{0}` is no owner and no repository: expected, for example, `octo-org` or `octo-org/shop`; there are no patterns"
    )]
    Malformed(String),
}

impl AllowedOwners {
    /// Is this repository, or its owner, among them? To GitHub, case makes no other name.
    #[must_use]
    pub fn cover(&self, repository: &Repository) -> bool {
        self.0.iter().any(|allowed| match allowed {
            Allowed::Owner(owner) => owner.eq_ignore_ascii_case(repository.owner()),
            Allowed::Repository(one) => one.is_the_same_as(repository),
        })
    }
}

impl FromStr for AllowedOwners {
    type Err = InvalidAllowedOwners;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.split(',').map(str::trim);
        let allowed = named
            .filter(|name| !name.is_empty())
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if allowed.is_empty() {
            return Err(InvalidAllowedOwners::Nobody);
        }
        Ok(Self(allowed))
    }
}

impl FromStr for Allowed {
    type Err = InvalidAllowedOwners;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if owner_is_legal(text) {
            return Ok(Self::Owner(text.to_owned()));
        }
        text.parse()
            .map(Self::Repository)
            .map_err(|_| InvalidAllowedOwners::Malformed(text.chars().take(160).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(named: &str, repository: &str) -> bool {
        let named: AllowedOwners = named.parse().expect("somebody");
        named.cover(&repository.parse().expect("a repository"))
    }

    #[test]
    fn whole_accounts_and_single_repositories_are_served_in_any_case() {
        for (named, repository, served) in [
            ("octo-org", "octo-org/shop", true),
            ("Octo-Org", "octo-org/shop", true),
            ("octo-org", "OCTO-ORG/Shop", true),
            ("octo-org/shop", "Octo-Org/Shop", true),
            ("octo-org/shop", "octo-org/till", false),
            ("octo-org/shop", "mona/shop", false),
            ("octo-org", "octo-org-2/shop", false),
            ("octo-org", "octo/shop", false),
            ("octo-org", "mona/octo-org", false),
            (" hexa , octo-org/shop,", "octo-org/shop", true),
        ] {
            assert_eq!(covers(named, repository), served, "{named} {repository}");
        }
    }

    #[test]
    fn nobody_and_everybody_are_no_answers() {
        for text in ["", " ", ",", " , "] {
            assert_eq!(text.parse::<AllowedOwners>(), Err(InvalidAllowedOwners::Nobody), "{text:?}");
        }
        for text in ["*", "octo-org/*", "octo-*", "octo-org,*", "a/b/c", "/", "octo org", "octo-org/"] {
            let error = text.parse::<AllowedOwners>().expect_err(text);
            assert!(matches!(error, InvalidAllowedOwners::Malformed(_)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_covers_what_it_names_and_no_other(
            owners in prop::collection::vec("[a-cA-C-]{1,3}", 1..4),
            repository in "[a-cA-C-]{1,3}/[a-cA-C._-]{1,3}",
        ) {
            let Ok(repository) = repository.parse::<Repository>() else { return Ok(()) };
            let named: AllowedOwners = owners.join(",").parse().expect("owners");
            let expected = owners.iter().any(|owner| owner.eq_ignore_ascii_case(repository.owner()));
            prop_assert_eq!(named.cover(&repository), expected);
        }
    }
}
