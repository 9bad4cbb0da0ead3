//! The words the whole product is written in: parsed once at an edge, trusted everywhere after.

mod allowed_owners;
mod command;
mod commit;
mod host;
mod login;
mod names;
mod phase;
mod preview_id;
mod repository;
mod repository_path;
mod request;
mod settings;
mod ttl;

pub use allowed_owners::{AllowedOwners, InvalidAllowedOwners};
pub use command::{
    COMMANDS, Command, CommandForm, MARKUP, Misunderstood, NOT_TEXT, WhoMay, parse_line,
};
pub use commit::{CommitSha, InvalidCommitSha};
pub use host::{InvalidPreviewDomain, PreviewDomain};
pub use login::{InvalidLogin, Login};
pub use names::{NameKey, Names, WeakNameKey};
pub use phase::Phase;
pub use preview_id::{InvalidPreviewId, PreviewId, PullRequestNumber};
pub use repository::{InvalidRepository, Repository};
pub use repository_path::{InvalidRepositoryPath, RepositoryPath};
pub use request::{
    CommentId, InstallationId, InvalidRequest, PreviewRequest, PullRequestRef, RepositoryId,
};
pub use settings::{ChartSource, PreviewSettings};
pub use ttl::{InvalidTtl, Ttl};
