//! The calls of this crate, and the permissions that they need of an installation.

use http::Method;

use crate::Permission::{self, Contents, Deployments, Issues, Metadata, PullRequests};
use crate::permissions::Level::{self, Read, Write};

/// A call of GitHub's REST API that this crate makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The App that was registered from a manifest.
    ConvertManifest,
    /// The App itself.
    GetApp,
    /// Who has installed it.
    ListInstallations,
    /// A token for an installation.
    CreateToken,
    /// The repository.
    GetRepository,
    /// A pull request.
    GetPullRequest,
    /// What somebody may do in the repository.
    GetRole,
    /// A file at the end of a branch.
    GetFile,
    /// A folder of a commit.
    GetTree,
    /// A file of a commit.
    GetBlob,
    /// The comments on a pull request.
    ListComments,
    /// A new one.
    CreateComment,
    /// A new text for one.
    UpdateComment,
    /// One less.
    DeleteComment,
    /// A commit's deployments.
    ListDeployments,
    /// A new one.
    CreateDeployment,
    /// How one stands.
    CreateDeploymentStatus,
}

impl Operation {
    /// All that there are.
    pub const ALL: [Self; 17] = [
        Self::ConvertManifest,
        Self::GetApp,
        Self::ListInstallations,
        Self::CreateToken,
        Self::GetRepository,
        Self::GetPullRequest,
        Self::GetRole,
        Self::GetFile,
        Self::GetTree,
        Self::GetBlob,
        Self::ListComments,
        Self::CreateComment,
        Self::UpdateComment,
        Self::DeleteComment,
        Self::ListDeployments,
        Self::CreateDeployment,
        Self::CreateDeploymentStatus,
    ];

    /// GitHub's name for it.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.facts().0
    }

    pub(crate) fn method(self) -> Method {
        self.facts().1
    }

    /// The permissions that it takes, all of them; none where it is not an installation that asks.
    #[must_use]
    pub fn needs(self) -> &'static [(Permission, Level)] {
        self.facts().2
    }

    fn facts(self) -> (&'static str, Method, &'static [(Permission, Level)]) {
        // A comment on a pull request takes both, whatever the documentation says
        // (github/rest-api-description#6994).
        const COMMENT: &[(Permission, Level)] = &[(Issues, Write), (PullRequests, Write)];
        const CONTENT: &[(Permission, Level)] = &[(Contents, Read)];
        match self {
            Self::ConvertManifest => ("apps/create-from-manifest", Method::POST, &[]),
            Self::GetApp => ("apps/get-authenticated", Method::GET, &[]),
            Self::ListInstallations => ("apps/list-installations", Method::GET, &[]),
            Self::CreateToken => ("apps/create-installation-access-token", Method::POST, &[]),
            Self::GetRepository => ("repos/get", Method::GET, &[(Metadata, Read)]),
            Self::GetPullRequest => ("pulls/get", Method::GET, &[(PullRequests, Read)]),
            Self::GetRole => ("repos/get-collaborator-permission-level", Method::GET, &[(Metadata, Read)]),
            Self::GetFile => ("repos/get-content", Method::GET, CONTENT),
            Self::GetTree => ("git/get-tree", Method::GET, CONTENT),
            Self::GetBlob => ("git/get-blob", Method::GET, CONTENT),
            Self::ListComments => ("issues/list-comments", Method::GET, &[(Issues, Read)]),
            Self::CreateComment => ("issues/create-comment", Method::POST, COMMENT),
            Self::UpdateComment => ("issues/update-comment", Method::PATCH, COMMENT),
            Self::DeleteComment => ("issues/delete-comment", Method::DELETE, COMMENT),
            Self::ListDeployments => ("repos/list-deployments", Method::GET, &[(Deployments, Read)]),
            Self::CreateDeployment => ("repos/create-deployment", Method::POST, &[(Deployments, Write)]),
            Self::CreateDeploymentStatus => {
                ("repos/create-deployment-status", Method::POST, &[(Deployments, Write)])
            }
        }
    }
}
