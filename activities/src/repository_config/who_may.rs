//! Who among those with write access may request previews.

use domain::Login;
use github::Role;
use serde::Deserialize;

/// Whom a repository names. Nobody in particular: everyone who may write to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct WhoMay(Vec<Named>);

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Named {
    Write,
    Maintain,
    Admin,
    Person(Login),
}

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let person = || text.strip_prefix('@').and_then(|login| login.parse().ok());
        match text.as_str() {
            "write" => Ok(Self::Write),
            "maintain" => Ok(Self::Maintain),
            "admin" => Ok(Self::Admin),
            _ => person().map(Self::Person).ok_or_else(|| {
                let shown: String = text.chars().take(40).collect();
                format!(
                    "`{shown}` is not a role or `@login`: expected `write`, `maintain`, `admin` or a login like `\"@mona\"`"
                )
            }),
        }
    }
}

impl WhoMay {
    /// To be named gives nobody rights: who may not write to the repository may not ask.
    pub(crate) fn covers(&self, role: &Role, person: &Login) -> bool {
        role.may_deploy() && (self.0.is_empty() || self.0.iter().any(|named| named.is(role, person)))
    }
}

impl Named {
    fn is(&self, role: &Role, person: &Login) -> bool {
        match self {
            Self::Write => role.may_deploy(),
            Self::Maintain => matches!(role, Role::Maintain | Role::Admin),
            Self::Admin => matches!(role, Role::Admin),
            Self::Person(login) => login == person,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(named: &[&str], role: &Role, person: &str) -> bool {
        let named = named
            .iter()
            .map(|text| Named::try_from((*text).to_owned()).expect("somebody"))
            .collect();
        WhoMay(named).covers(role, &person.parse().expect("a login"))
    }

    #[test]
    fn roles_include_the_higher_ones_and_people_are_told_apart_without_case() {
        for (named, role, person, may) in [
            (&[][..], &Role::Write, "mona", true),
            (&[], &Role::Triage, "mona", false),
            (&["write"], &Role::Admin, "mona", true),
            (&["maintain"], &Role::Write, "mona", false),
            (&["maintain"], &Role::Admin, "mona", true),
            (&["admin"], &Role::Maintain, "mona", false),
            (&["admin", "@Mona"], &Role::Write, "mona", true),
            (&["@hubot"], &Role::Admin, "mona", false),
            // Naming someone gives no rights that the person has not.
            (&["@mona"], &Role::Read, "mona", false),
        ] {
            assert_eq!(covers(named, role, person), may, "{named:?} {role:?}");
        }
        let custom = |writes| Role::Custom { name: "release-engineer".to_owned(), writes };
        assert!(covers(&["write"], &custom(true), "mona"));
        assert!(!covers(&["write"], &custom(false), "mona"));
        assert!(!covers(&["maintain"], &custom(true), "mona"));
    }

    #[test]
    fn nobody_is_named_by_accident() {
        for text in ["", "mona", "@", "@mona lisa", "Write", "read", "@octo/team"] {
            assert!(Named::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
