//! What things are called, one type for each kind of name.

mod cluster;
mod commit;
mod github;
mod login;
mod preview;
mod pull_request;
mod repository;

pub use cluster::{NamespaceHandle, RunIdentity};
pub use commit::{CommitSha, InvalidCommitSha};
pub use github::{CommentId, DeploymentId, InstallationId, RepositoryId};
pub use login::{InvalidLogin, Login};
pub use preview::{InvalidPreviewId, PreviewId};
pub use pull_request::{PullRequestNumber, PullRequestRef};
pub(crate) use repository::owner_is_legal;
pub use repository::{InvalidRepository, Repository};
