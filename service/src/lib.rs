//! What webhook and worker have in common as programs: the settings they share, their logs, how they are told to stop, and how a pull request's
//! workflow is signalled.

pub mod logging;
pub mod shutdown;
pub mod signal;
mod temporal;

pub use logging::LogFormat;
pub use temporal::{InvalidConnection, TemporalSettings};
