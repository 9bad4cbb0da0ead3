//! Publishes ports of a stack that has a network of its own on the machine's 127.0.0.1.
//!
//! The ports are taken before the stack leaves the machine's network, and each connection that comes is
//! passed on to the same port inside.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use tokio::net::TcpStream;

use crate::forward::Forward;

/// Ports of the machine's 127.0.0.1 that are taken.
#[derive(Debug, Default)]
pub struct Published(Vec<TcpListener>);

impl Published {
    pub(crate) fn new(listeners: Vec<TcpListener>) -> Self {
        Self(listeners)
    }

    pub(crate) fn forward(self) -> io::Result<Vec<Forward>> {
        let forward = |listener: TcpListener| {
            let port = listener.local_addr()?.port();
            Forward::start(listener, move || TcpStream::connect((Ipv4Addr::LOCALHOST, port)))
        };
        self.0.into_iter().map(forward).collect()
    }
}
