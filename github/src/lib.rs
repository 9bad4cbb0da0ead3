//! The GitHub App client of the worker: the few calls we make, in our own types, with our own errors.
//!
//! [`GitHubApp`] is the whole interface: `app.pull_request(&reference)`, `app.role(&reference, login)`,
//! `app.create_comment(..)` and so on. It speaks to GitHub, to GitHub Enterprise or to a stand-in, whichever
//! `api_url` names. It never retries by itself, with one exception (a rejected installation token is replaced
//! once): how often to retry is the caller's decision, and [`Error`] says what would help.
//!
//! Each call is an [`Operation`], which says what permissions it needs. What the tokens may do, what the App
//! asks for when it is registered, and what the documentation says of it all follow from that.

mod app;
mod comment;
mod content;
mod deployment;
mod error;
mod file;
mod manifest;
mod observer;
mod operation;
mod permission;
mod permissions;
mod pull_request;
mod registration;
mod token;
mod transport;
mod tree;
mod visibility;

pub use app::{AppConfig, ConfigError, GitHubApp};
pub use comment::{Comment, Comments};
pub use deployment::NewDeployment;
pub use error::{Error, ErrorKind};
pub use file::RepositoryFile;
pub use manifest::{NewApp, convert_manifest};
pub use observer::{Exchange, Limited, Observer, Quota};
pub use operation::Operation;
pub use permission::Role;
pub use permissions::{APP_EVENTS, Level, Permission, app_permissions};
pub use pull_request::PullRequest;
pub use registration::{Installation, Registration};
pub use tree::{Depth, Tree, TreeEntry, TreeEntryKind};
pub use visibility::Visibility;
