//! What happens to a preview: in which order, and with which patience.
//!
//! Workflows decide and wait; everything that touches the world is an activity, only *declared* here (see [`activities`]) and implemented
//! in the crate of that name. No crate that does I/O is in this crate's dependency tree, so a workflow cannot do I/O by accident.

pub mod activities;
mod clock;
mod ignored_signals;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
pub mod orphan_sweep;
pub mod payload;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
pub mod preview;
#[allow(
    missing_docs,
    reason = "the SDK's macros generate public items without documentation"
)]
pub mod pull_request;
pub mod search_attributes;
mod uncancelled;
pub mod vocabulary;

pub use orphan_sweep::OrphanSweep;
pub use preview::PreviewWorkflow;
pub use pull_request::PullRequestWorkflow;
