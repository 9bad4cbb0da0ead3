//! How the rules of the crate `domain` are run by Temporal: the workflows, and the
//! contract of their activities and signals.
//!
//! Workflows decide and wait; everything that touches the world is an activity, only *declared* here (see
//! [`contract`]) and implemented in the crate `activities`. Neither Temporal's client and SDK runtime nor a
//! client of GitHub or Kubernetes is in this crate's dependency tree, so a workflow cannot call them by
//! accident.

mod clock;
pub mod contract;
mod heartbeats;
mod input;
pub mod orphan_sweep;
pub mod payload;
pub mod preview;
pub mod pull_request;
pub mod search_attributes;
pub mod signal;
mod uncancelled;

pub use heartbeats::stretch_heartbeats;
pub use orphan_sweep::OrphanSweep;
pub use preview::PreviewWorkflow;
pub use pull_request::PullRequestWorkflow;
