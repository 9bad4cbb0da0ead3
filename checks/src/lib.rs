//! What must hold for the repository as a whole, as tests. They need Cargo and
//! git, and run first in `.ci/run`. And what its pages hold for the tests of others.

pub mod commands;
pub mod cookbook;

#[cfg(test)]
mod comments;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod files;
#[cfg(test)]
mod links;
#[cfg(test)]
mod monitoring;
#[cfg(test)]
mod releases;
