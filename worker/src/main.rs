//! The preview worker service.
fn main() {}
