//! What a test holds in its hands: repositories, pull requests and comments.

mod comment;
mod pull_request;
mod repository;

pub use comment::Comment;
pub use pull_request::PullRequest;
pub use repository::{Deployment, Repository};
