//! Reads what a person may do in a repository.

use domain::PullRequestRef;
use serde::Deserialize;

use crate::{Error, GitHubApp, Operation};

/// A person's role in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// No access, or no such person.
    None,
    /// May look.
    Read,
    /// May sort issues.
    Triage,
    /// May push.
    Write,
    /// May manage the repository, short of what could destroy it.
    Maintain,
    /// May do everything.
    Admin,
    /// A role that the organisation defined itself.
    Custom {
        /// As the organisation calls it.
        name: String,
        /// Is it built upon write access or more? GitHub tells this by its older `permission` field.
        writes: bool,
    },
}

impl Role {
    /// May this person have code of this repository run? Whoever may push it may.
    #[must_use]
    pub fn may_deploy(&self) -> bool {
        match self {
            Self::Write | Self::Maintain | Self::Admin => true,
            Self::None | Self::Read | Self::Triage => false,
            Self::Custom { writes, .. } => *writes,
        }
    }
}

impl GitHubApp {
    /// A person's role in the repository that received the pull request; [`Role::None`] for strangers.
    ///
    /// # Errors
    /// If GitHub does not answer, or answers other than documented.
    pub async fn role(&self, reference: &PullRequestRef, login: &str) -> Result<Role, Error> {
        let repository = &reference.repository;
        let call = self.transport().repository_call(
            format!("reading the role of {login:?} in {repository}"),
            Operation::GetRole,
            repository,
            &["collaborators", login, "permission"],
        );
        match self.send(reference.installation, &call).await {
            Ok(answer) => answer.json::<Wire>().map(Role::from),
            Err(error) if error.is_not_found() => Ok(Role::None),
            Err(error) => Err(error),
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    /// The older field, which knows four levels: admin, write, read, none.
    permission: String,
    role_name: String,
}

impl From<Wire> for Role {
    fn from(wire: Wire) -> Self {
        match wire.role_name.as_str() {
            "none" | "" => Self::None,
            "read" => Self::Read,
            "triage" => Self::Triage,
            "write" => Self::Write,
            "maintain" => Self::Maintain,
            "admin" => Self::Admin,
            _ => Self::Custom {
                writes: matches!(wire.permission.as_str(), "write" | "admin"),
                name: wire.role_name,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_push_may_deploy() {
        for (role_name, permission, may) in [
            ("admin", "admin", true),
            ("maintain", "write", true),
            ("write", "write", true),
            ("triage", "read", false),
            ("read", "read", false),
            ("none", "none", false),
            ("", "none", false),
            ("release-engineer", "write", true),
            ("auditor", "read", false),
            ("WRITE", "read", false),
        ] {
            let role = Role::from(Wire {
                permission: permission.to_owned(),
                role_name: role_name.to_owned(),
            });
            assert_eq!(role.may_deploy(), may, "{role_name}");
        }
    }
}
