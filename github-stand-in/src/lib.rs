//! A stand-in for GitHub: a stateful server that behaves as GitHub's published description says.
//!
//! It answers the REST calls of a deploy-preview app, sends signed webhook deliveries, and shows a page on
//! which a person can hold the conversation. Every request, answer and delivery is checked against the
//! trimmed description in `github-stand-in/description`; what departs from it is recorded
//! ([`StandIn::violations`]) and fails loudly.
//!
//! A test reads as a conversation:
//!
//! ```no_run
//! # async fn conversation() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use github_stand_in::{Options, StandIn, User};
//!
//! let github = StandIn::start(Options::default()).await?;
//! let repository = github.repository("octo-org", "hello").await?;
//! let pull = repository.open_pull_request(&User::writer(), "Greet in Spanish", [("greeting.txt", "¡Hola!")]).await?;
//! pull.comment(&User::writer(), "/preview")?;
//! let answer = pull.wait_for_comment(|comment| comment.body.contains("http"), Duration::from_secs(60)).await?;
//! println!("{}", answer.body);
//! # Ok(()) }
//! ```

mod actions;
mod clock;
mod conversation;
mod deliveries;
mod description;
mod fault;
mod git;
mod keys;
mod limits;
mod manifest;
mod model;
mod on_push;
mod page;
mod rest;
mod samples;
mod shared;
mod stand_in;
#[cfg(test)]
mod tests;
mod user;
mod wire;

pub use actions::Refused;
pub use conversation::{Comment, Deployment, PullRequest, Repository};
pub use deliveries::{DELIVERY_DEADLINE, Delivery, Outcome, sign};
pub use description::{
    DESCRIPTION_FOLDER, PERMISSIONS_FILE, PERMISSIONS_PACKAGE, REST_FILE, REST_PACKAGE, TrimError, Violation,
    WEBHOOKS_FILE, WEBHOOKS_PACKAGE, arbitrary_answer, arbitrary_payload, described_event_permission,
    described_permissions, described_webhooks, regenerate as regenerate_description,
};
pub use fault::CannedAnswer;
pub use git::{CheckOutError, File, FileMode, GitError, check_out};
pub use model::{Role, Version};
pub use on_push::{NoProgram, PushCommand};
pub use samples::{ContentError, SAMPLE_REPOSITORY};
pub use shared::{Push, ReceivedRequest, Traffic};
pub use stand_in::{Options, RawAnswer, RegisteredApp, StandIn, StartError, TimedOut};
pub use user::User;

/// Keeps the example of the README compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
