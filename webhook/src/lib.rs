//! Receives GitHub's deliveries and starts preview workflows.
//!
//! One delivery's way: [`signature`] and the rest of [`delivery`] (is this really GitHub, and can it be read?) → [`event`] and [`command`] (does it
//! ask for something?) → GitHub (who asks, for which commit?) → [`decide`] (may it be?) → [`start`] (Temporal has it) → [`outcome`] (the answer).
//! [`receive`] walks it. Nothing is kept in this process: whatever was answered with 202 is Temporal's from then on.

pub mod command;
pub mod config;
pub mod decide;
pub mod delivery;
pub mod event;
pub mod health;
pub mod metrics;
pub mod outcome;
pub mod receive;
pub mod router;
pub mod shutdown;
pub mod signature;
pub mod start;
pub mod temporal;
