//! The service as GitHub sees it: each kind of delivery, its status, and what it passed on.

mod deliveries;
mod limits;
mod log;
mod payloads;
mod probes;
mod service;
mod temporal;
mod wire;
