//! Passes connections on between the network of this process and the node's, which the stack keeps apart.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use anyhow::Result;
use stack::forward::Forward;
use tokio::{net::TcpStream, task::spawn_blocking};

use crate::OsProcess;

/// Passes on until it is dropped.
#[derive(Debug)]
pub struct Bridge {
    _forward: Forward,
}

impl Bridge {
    /// Whoever connects to this port of `address` in the node's network reaches the same port of this
    /// machine's 127.0.0.1. `node` is a process of it.
    ///
    /// # Errors
    /// When the port is taken there.
    pub fn inwards(node: &OsProcess, address: Ipv4Addr, port: u16) -> Result<Self> {
        let listener = node.listen((address, port).into())?;
        let forward = Forward::start(listener, move || TcpStream::connect((Ipv4Addr::LOCALHOST, port)))?;
        Ok(Self { _forward: forward })
    }

    /// Whoever connects to the address that is returned, on this machine, reaches `to` in the node's network.
    ///
    /// # Errors
    /// When there is no port left.
    pub fn outwards(node: &OsProcess, to: SocketAddr) -> Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let node = node.clone();
        let forward = Forward::start(listener, move || {
            let node = node.clone();
            async move {
                let stream = spawn_blocking(move || node.connect(to)).await?.map_err(io::Error::other)?;
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream)
            }
        })?;
        Ok((Self { _forward: forward }, address))
    }

    /// Whoever connects to `from` reaches `to`, both on this machine.
    ///
    /// # Errors
    /// When `from` is taken.
    pub fn between(from: SocketAddr, to: SocketAddr) -> Result<Self> {
        let forward = Forward::start(TcpListener::bind(from)?, move || TcpStream::connect(to))?;
        Ok(Self { _forward: forward })
    }
}
