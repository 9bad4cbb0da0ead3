//! What workflows ask of the world: every activity's name, input and output. Implemented in the crate
//! `activities`, which does not compile if it disagrees.

mod comment;
mod preview;
mod pull_request;
mod sweep;
pub mod timeouts;

pub use comment::*;
pub use preview::*;
pub use pull_request::*;
pub use sweep::*;

/// Content writes to GitHub run on a task queue of their own, which is paced as a
/// whole, beside the one the workflows run on.
#[must_use]
pub fn github_task_queue(task_queue: &str) -> String {
    format!("{task_queue}-github")
}
