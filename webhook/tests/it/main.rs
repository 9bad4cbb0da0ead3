//! The service as GitHub sees it: each kind of delivery, its status, and what it started.

mod deliveries;
mod durable;
mod github;
mod health;
mod service;
