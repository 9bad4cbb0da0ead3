//! The local stack: real Temporal, real Kubernetes, real ingress, and the
//! GitHub stand-in, all on this machine.
//!
//! [`Stack`] starts them in their order and stops them. Their programs are pinned and installed by [`tools`];
//! clients find a running stack by its [`env::StackEnv`].

mod buildkit;
pub mod cargo;
mod charts;
pub mod cluster;
pub mod compose;
pub mod env;
mod error;
mod eventually;
mod file_lock;
pub mod forward;
pub mod github;
mod http_probe;
pub mod images;
pub mod ingress;
pub mod installed;
mod last_words;
pub mod namespace;
pub mod options;
pub mod page;
pub mod part;
pub mod ports;
mod prerequisites;
mod private_file;
pub mod program;
pub mod published;
pub mod services;
mod stack;
pub mod temporal;
pub mod tools;

pub use error::StackError;
pub use eventually::eventually;
pub use stack::{Platform, Stack};
