//! The local stack: real Temporal, real Kubernetes, real ingress, and the GitHub stand-in.

pub mod browser;
pub mod cargo;
pub mod cluster;
pub mod images;
mod last_words;
pub mod page;
pub mod stack;
pub mod tools;
