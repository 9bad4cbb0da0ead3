//! What the service promises, told as conversations on pull requests. Each test's name is the promise.

mod browser;
mod budget;
mod chart;
mod commands;
mod configuration;
mod crash;
mod ending;
mod failure;
mod flood;
mod isolation;
mod newer_commit;
mod permission;
mod pictures;
mod policy;
mod preview;
mod redelivery;
mod replay;
mod repository_chart;
mod signals;
mod sticky;
mod sweep;
mod sweep_scale;
mod temporal_tls;
mod webhook;
mod words;
