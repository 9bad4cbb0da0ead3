//! One pull request: what happens on it, what is remembered of it, and what follows.
//!
//! An event waits in the [`EventQueue`] until GitHub was asked about it; [`decide`](decide::decide)
//! turns it into effects; the [`Conversation`] remembers; the [`PreviewTracker`] says what is to be
//! done until every preview is as it should be.

mod answer;
mod conversation;
pub mod decide;
mod deployments;
mod effect;
mod event;
mod event_queue;
#[cfg(test)]
mod fixtures;
mod snapshot;
mod sticky;
mod tracker;

pub use answer::{Answer, Overtaken, Refusal, Reply};
pub use conversation::Conversation;
pub use deployments::{DeploymentWrite, Deployments};
pub use effect::{Effect, Stop};
pub use event::{Closed, Commented, Origin, PullRequestEvent, Pushed};
pub use event_queue::{DueEvent, EventQueue, Lookup};
pub use snapshot::{InvalidConfiguration, PullRequestSnapshot, PullRequestState, Terms};
pub use sticky::{StickyComment, StickyWritten};
pub use tracker::{Availability, PreviewTracker};
