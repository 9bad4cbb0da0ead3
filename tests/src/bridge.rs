//! Passes connections on between the network of this process and the node's, which the stack keeps apart.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener as Listener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::OsProcess;

/// Passes on until it is dropped.
#[derive(Debug)]
pub struct Bridge(JoinHandle<()>);

impl Bridge {
    /// Whoever connects to this port of `address` in the node's network reaches the same port of this
    /// machine's 127.0.0.1. `node` is a process of it.
    ///
    /// # Errors
    /// When the port is taken there.
    pub fn inwards(node: &OsProcess, address: Ipv4Addr, port: u16) -> Result<Self> {
        let listener = node.listen((address, port).into())?;
        Self::accept(
            listener,
            move || async move { Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?) },
        )
    }

    /// Whoever connects to the address that is returned, on this machine, reaches `to` in the node's network.
    ///
    /// # Errors
    /// When there is no port left.
    pub fn outwards(node: &OsProcess, to: SocketAddr) -> Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let node = node.clone();
        let bridge = Self::accept(listener, move || {
            let node = node.clone();
            async move {
                let stream = tokio::task::spawn_blocking(move || node.connect(to)).await??;
                stream.set_nonblocking(true)?;
                Ok(TcpStream::from_std(stream)?)
            }
        })?;
        Ok((bridge, address))
    }

    /// Whoever connects to `from` reaches `to`, both on this machine.
    ///
    /// # Errors
    /// When `from` is taken.
    pub fn between(from: SocketAddr, to: SocketAddr) -> Result<Self> {
        Self::accept(TcpListener::bind(from)?, move || async move { Ok(TcpStream::connect(to).await?) })
    }

    fn accept<Connect, Connecting>(listener: TcpListener, connect: Connect) -> Result<Self>
    where
        Connect: Fn() -> Connecting + Send + Sync + 'static,
        Connecting: Future<Output = Result<TcpStream>> + Send,
    {
        listener.set_nonblocking(true)?;
        let listener = Listener::from_std(listener)?;
        let connect = Arc::new(connect);
        Ok(Self(tokio::spawn(async move {
            // They end with it.
            let mut passed_on = JoinSet::new();
            while let Ok((mut caller, _)) = listener.accept().await {
                let connect = Arc::clone(&connect);
                while passed_on.try_join_next().is_some() {}
                passed_on.spawn(async move {
                    match connect().await {
                        Ok(mut called) => drop(copy_bidirectional(&mut caller, &mut called).await),
                        // Closed at once, which is as good as refused.
                        Err(error) => eprintln!("nothing is passed on: {error:#}"),
                    }
                });
            }
        })))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.0.abort();
    }
}
