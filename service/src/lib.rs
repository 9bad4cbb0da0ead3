//! What do webhook and worker have in common as programs? The settings they share, their logs, and how they are told to stop.

mod github;
pub mod logging;
pub mod shutdown;
mod temporal;

pub use github::{GitHubSettings, PrivateKeyError};
pub use logging::LogFormat;
pub use temporal::TemporalSettings;
