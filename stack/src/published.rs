//! Publishes ports of a stack that has a network of its own on the machine's 127.0.0.1.
//!
//! A socket belongs to the network of the thread that made it, for as long as it is open. So the ports are
//! taken before the stack leaves the machine's network, and each connection that comes is passed on to the
//! same port inside.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// After a connection could not be accepted.
const RETRY: Duration = Duration::from_millis(50);

/// Ports of the machine's 127.0.0.1 that are taken.
#[derive(Debug, Default)]
pub struct Published(Vec<TcpListener>);

/// Connections are passed on until this is dropped.
#[derive(Debug)]
pub(crate) struct Forwarding {
    _tasks: Vec<AbortOnDropHandle<()>>,
}

impl Published {
    pub(crate) fn new(listeners: Vec<TcpListener>) -> Self {
        Self(listeners)
    }

    pub(crate) fn forward(self) -> io::Result<Forwarding> {
        let forward = |listener: TcpListener| {
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            let listener = Listener::from_std(listener)?;
            Ok(AbortOnDropHandle::new(tokio::spawn(pass_on(listener, port))))
        };
        let tasks = self.0.into_iter().map(forward).collect::<io::Result<_>>()?;
        Ok(Forwarding { _tasks: tasks })
    }
}

async fn pass_on(listener: Listener, port: u16) {
    loop {
        let Ok((mut outside, _)) = listener.accept().await else {
            // Out of file descriptors, at the worst: others are closed meanwhile.
            sleep(RETRY).await;
            continue;
        };
        tokio::spawn(async move {
            // Nobody listens inside: closed at once, which is as good as refused.
            let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                return;
            };
            let _ = (outside.set_nodelay(true), inside.set_nodelay(true));
            let _ = copy_bidirectional(&mut outside, &mut inside).await;
        });
    }
}
