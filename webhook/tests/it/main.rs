//! The service as GitHub sees it: each kind of delivery, its status, and what it passed on.

mod deliveries;
mod health;
mod inbox;
#[path = "../../../github-stand-in/description/instance.rs"]
mod instance;
mod limits;
mod log;
mod payloads;
mod service;
mod wire;
