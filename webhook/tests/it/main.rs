//! The service as GitHub sees it: each kind of delivery, its status, and what it passed on.

mod deliveries;
mod health;
mod inbox;
mod service;
