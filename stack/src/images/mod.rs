//! How a commit of a pull request becomes a container image in the cluster.
//!
//! The commit's own Dockerfile is built by BuildKit, which runs beside the cluster and has no network: a pull
//! request's content is not trusted. The base image that its `ARG BASE_IMAGE` gets is this machine's own
//! Python, because no registry can be reached. With the embedded cluster BuildKit works inside the cluster's
//! containerd, so that an image is there the moment it is built; for a person's own cluster it writes an
//! archive and runs a command that loads it.
//!
//! The service's own images come into the cluster in the same way, by `docker/Dockerfile`, of the programs
//! that Cargo has built already.

mod base;
mod builder;
mod buildkit;
mod checkout;
mod error;
mod follow;
mod import;
mod reference;
mod service;

pub use base::BaseImage;
pub use builder::{ImageBuilder, is_in_containerd};
pub use buildkit::Buildkit;
pub use checkout::CommitSource;
pub use error::ImageError;
pub use follow::build_each_push;
pub use import::{Import, ImportCommand, InvalidImportCommand};
pub use reference::{ImageRef, InvalidImageRef, REGISTRY};
pub use service::{Programs, ServiceImage};
