//! What webhook and worker share as programs: settings, logs, the connection to Temporal, ports, probes,
//! shutdown, and how a pull request's workflow is signalled.

pub mod build;
mod listen;
pub mod logging;
pub mod probes;
pub mod ready;
pub mod secret;
pub mod shutdown;
pub mod signal;
pub mod temporal;
mod temporal_settings;

pub use listen::listen;
pub use logging::LogFormat;
pub use temporal_settings::{InvalidConnection, TemporalSettings};
