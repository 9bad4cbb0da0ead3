//! Receives GitHub's deliveries and passes on what concerns us.
//!
//! One delivery's way: [`signature`] and the rest of [`delivery`] (is this really GitHub, and can it be
//! read?) → [`event`] and [`command`] (does it concern us?) → [`signaler`] (the pull request's workflow
//! has it, by way of [`temporal`]) → [`outcome`] (the answer). [`receive`] walks it. GitHub is asked
//! nothing: who may do what is decided where it is done. Nothing is kept in this process: whatever was
//! answered with 202 is Temporal's from then on.
//!
//! [`server`] and [`limit`] keep callers who are not GitHub from getting in its
//! way, and probes have a port of their own.

pub mod command;
pub mod config;
pub mod delivery;
pub mod event;
pub mod limit;
pub mod metrics;
pub mod outcome;
pub mod receive;
pub mod router;
pub mod secret_source;
pub mod server;
pub mod signaler;
pub mod signature;
pub mod temporal;
