//! The worker, piece by piece; `main.rs` shows the order in which they are put together.

pub mod cluster;
#[allow(
    rustdoc::bare_urls,
    reason = "these comments are also the help text, where an address stands as it is"
)]
pub mod config;
pub mod github_app;
pub mod metrics;
pub mod rate_limit;
pub mod schedule;
pub mod search_attributes;
pub mod try_connection;
pub mod workers;
