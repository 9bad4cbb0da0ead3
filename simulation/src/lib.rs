//! Runs the workflows' own code through interleavings drawn from a seed, and checks what must hold.
//!
//! A model of Temporal (`temporal`) drives the unchanged code of the crate `workflows` through a seam
//! of the SDK (`sdk`). The activities are small machines with the effect points of the real ones
//! (`activities`); cluster, GitHub and people are models, too. Time is virtual, and everything random
//! comes from the seed: the same seed makes the same run.

mod activities;
pub mod checks;
mod cluster;
mod executor;
pub mod faults;
pub mod github;
pub mod history;
pub mod plan;
pub mod run;
mod sdk;
mod signal;
mod sim;
mod temporal;
mod world;
