//! How many previews live at once: of the whole service, an owner, a repository and a person.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Login, Repository};

/// The service's limits. The one that is reached first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Of all.
    pub in_all: u32,
    /// Of all repositories of one owner.
    pub per_owner: u32,
    /// Of one repository.
    pub per_repository: u32,
    /// Of one person, in all repositories.
    pub per_person: u32,
}

/// What a repository allows itself of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryLimits {
    /// So many previews of the repository live at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<u32>,
    /// So many of them are of one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_per_person: Option<u32>,
}

/// A preview, as far as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// Of which repository.
    pub repository: Repository,
    /// Who has asked for it.
    pub requested_by: Login,
}

/// A limit that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    scope: Scope,
    limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    Service,
    Owner(String),
    Repository(Repository),
    Person(Login),
    PersonIn(Login, Repository),
}

impl Scope {
    fn counts(&self, occupant: &Occupant) -> bool {
        match self {
            Self::Service => true,
            Self::Owner(owner) => occupant.repository.owner().eq_ignore_ascii_case(owner),
            Self::Repository(repository) => occupant.repository.is_the_same_as(repository),
            Self::Person(person) => occupant.requested_by == *person,
            Self::PersonIn(person, repository) => {
                occupant.requested_by == *person && occupant.repository.is_the_same_as(repository)
            }
        }
    }
}

impl Capacity {
    /// Is there room for one more beside these? The narrowest limit is named: what helps there is nearest.
    #[must_use]
    pub fn full(&self, wanted: &Occupant, own: RepositoryLimits, others: &[Occupant]) -> Option<Full> {
        let Occupant { repository, requested_by } = wanted;
        let person_here = Scope::PersonIn(requested_by.clone(), repository.clone());
        let limits = [
            (person_here, own.live_per_person),
            (Scope::Person(requested_by.clone()), Some(self.per_person)),
            (
                Scope::Repository(repository.clone()),
                Some(own.live.map_or(self.per_repository, |live| live.min(self.per_repository))),
            ),
            (Scope::Owner(repository.owner().to_owned()), Some(self.per_owner)),
            (Scope::Service, Some(self.in_all)),
        ];
        limits.into_iter().find_map(|(scope, limit)| {
            let limit = limit?;
            let live = others.iter().filter(|other| scope.counts(other)).count();
            (u32::try_from(live).unwrap_or(u32::MAX) >= limit).then_some(Full { scope, limit })
        })
    }
}

/// For the person who asked: what is full, and what makes room.
impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, limit } = self;
        let s = if *limit == 1 { "" } else { "s" };
        match scope {
            Scope::Service => write!(f, "The service already runs {limit} preview{s}, which is the limit.")?,
            Scope::Owner(owner) => {
                write!(f, "{owner} already has {limit} live preview{s}, which is the limit.")?;
            }
            Scope::Repository(repository) => {
                write!(f, "{repository} already has {limit} live preview{s}, which is the limit.")?;
            }
            Scope::Person(person) => {
                write!(f, "{person} already has {limit} live preview{s}, which is the limit.")?;
            }
            Scope::PersonIn(person, repository) => {
                write!(
                    f,
                    "{person} already has {limit} live preview{s} of {repository}, which is the limit."
                )?;
            }
        }
        f.write_str(
            " Stop one by commenting `/preview stop` on its pull request, or wait until one expires. Then comment `/preview` again.",
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAPACITY: Capacity = Capacity { in_all: 6, per_owner: 5, per_repository: 4, per_person: 3 };

    fn occupant(repository: &str, person: &str) -> Occupant {
        Occupant {
            repository: repository.parse().expect("a repository"),
            requested_by: person.parse().expect("a login"),
        }
    }

    fn full(wanted: &Occupant, own: RepositoryLimits, others: &[Occupant]) -> Option<String> {
        let full = CAPACITY.full(wanted, own, others)?.to_string();
        full.split(" Stop one").next().map(str::to_owned)
    }

    #[test]
    fn the_narrowest_limit_that_is_reached_is_named() {
        let wanted = occupant("octo-org/shop", "mona");
        let own = RepositoryLimits { live: Some(2), live_per_person: Some(1) };
        let others = |list: &[(&str, &str)]| -> Vec<Occupant> {
            list.iter().map(|(repository, person)| occupant(repository, person)).collect()
        };
        for (own, live, told) in [
            (RepositoryLimits::default(), others(&[]), None),
            (
                own,
                others(&[("Octo-Org/Shop", "Mona")]),
                Some("mona already has 1 live preview of octo-org/shop, which is the limit."),
            ),
            (
                RepositoryLimits::default(),
                others(&[("octo-org/shop", "mona"), ("hooli/x", "mona"), ("hooli/y", "MONA")]),
                Some("mona already has 3 live previews, which is the limit."),
            ),
            (
                own,
                others(&[("octo-org/shop", "otto"), ("octo-org/shop", "hubot")]),
                Some("octo-org/shop already has 2 live previews, which is the limit."),
            ),
            (
                RepositoryLimits { live: Some(100), live_per_person: None },
                others(&[("octo-org/shop", "otto"); 4]),
                Some("octo-org/shop already has 4 live previews, which is the limit."),
            ),
            (
                RepositoryLimits::default(),
                others(&[("octo-org/blog", "otto"); 5]),
                Some("octo-org already has 5 live previews, which is the limit."),
            ),
            (
                RepositoryLimits::default(),
                others(&[("hooli/x", "otto"); 6]),
                Some("The service already runs 6 previews, which is the limit."),
            ),
        ] {
            assert_eq!(full(&wanted, own, &live).as_deref(), told, "{live:?}");
        }
    }

    proptest! {
        /// Whoever is let in one after the other, no limit is ever passed.
        #[test]
        fn nobody_is_let_in_beyond_a_limit(asked in prop::collection::vec((0..3usize, 0..3usize, 0..3usize), 0..60)) {
            let mut live: Vec<Occupant> = Vec::new();
            for (owner, name, person) in asked {
                let wanted = occupant(
                    &format!("{}/{}", ["octo-org", "hooli", "acme"][owner], ["shop", "blog", "site"][name]),
                    ["mona", "otto", "hubot"][person],
                );
                let before = CAPACITY.full(&wanted, RepositoryLimits::default(), &live);
                if before.is_none() {
                    live.push(wanted.clone());
                }
                let count = |scope: Scope| live.iter().filter(|it| scope.counts(it)).count();
                prop_assert!(count(Scope::Service) <= 6);
                prop_assert!(count(Scope::Owner(wanted.repository.owner().to_owned())) <= 5);
                prop_assert!(count(Scope::Repository(wanted.repository.clone())) <= 4);
                prop_assert!(count(Scope::Person(wanted.requested_by.clone())) <= 3);
            }
        }
    }
}
