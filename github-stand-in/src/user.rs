//! The people of the stand-in.

use super::model::Role;

/// Somebody who acts, by login.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    login: String,
}

impl User {
    /// The roles that people have in every repository that the stand-in
    /// creates. Everybody else is an outsider.
    pub(crate) const ROLES: &[(&str, Role)] = &[
        ("ada", Role::Admin),
        ("maia", Role::Maintain),
        ("mona", Role::Write),
        ("tess", Role::Triage),
        ("rita", Role::Read),
    ];

    /// Somebody with this login.
    #[must_use]
    pub fn named(login: &str) -> Self {
        Self { login: login.to_owned() }
    }

    /// `ada`, who administers the repositories.
    #[must_use]
    pub fn admin() -> Self {
        Self::named("ada")
    }

    /// `maia`, who maintains them.
    #[must_use]
    pub fn maintainer() -> Self {
        Self::named("maia")
    }

    /// `mona`, who may push.
    #[must_use]
    pub fn writer() -> Self {
        Self::named("mona")
    }

    /// `tess`, who may sort issues and nothing more.
    #[must_use]
    pub fn triager() -> Self {
        Self::named("tess")
    }

    /// `rita`, who may only read.
    #[must_use]
    pub fn reader() -> Self {
        Self::named("rita")
    }

    /// `otto`, whom no repository knows.
    #[must_use]
    pub fn outsider() -> Self {
        Self::named("otto")
    }

    /// `renovate[bot]`: another App.
    #[must_use]
    pub fn other_bot() -> Self {
        Self::named("renovate[bot]")
    }

    /// The login.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }
}
