//! What the service promises, told as conversations on pull requests. Each test's name is the promise.

mod browser;
mod crash;
mod ending;
mod failure;
mod isolation;
mod permission;
mod preview;
mod redelivery;
mod replay;
mod signals;
mod sweep;
mod webhook;
