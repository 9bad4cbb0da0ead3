//! What do webhook and worker have in common as programs? The settings they share, their logs, and how they are told to stop.

pub mod logging;
pub mod shutdown;
mod temporal;

pub use logging::LogFormat;
pub use temporal::{InvalidConnection, TemporalSettings};
