//! Who acts, and what a repository lets them do.

/// A user, organisation or bot.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
}

/// GitHub's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountKind {
    Person,
    Organization,
    Bot,
}

impl AccountKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Person => "User",
            Self::Organization => "Organization",
            Self::Bot => "Bot",
        }
    }
}

/// A role on a repository, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// No access.
    None,
    /// May read and comment.
    Read,
    /// May also manage issues and pull requests.
    Triage,
    /// May also push.
    Write,
    /// May also manage the repository.
    Maintain,
    /// May do everything.
    Admin,
}

impl Role {
    /// `role_name`: the role itself.
    pub(crate) fn role_name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// `permission`: the legacy name, which knows neither triage nor maintain.
    pub(crate) fn legacy_permission(self) -> &'static str {
        match self {
            Self::Triage => "read",
            Self::Maintain => "write",
            other => other.role_name(),
        }
    }
}
