//! What a pull request's workflow asks of the world, other than to write.

pub(crate) mod address;
pub(crate) mod look;
