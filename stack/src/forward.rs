//! Passes connections on from one address to another, which may be in another network.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener as Listener, TcpStream},
    task::JoinSet,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// After a connection could not be accepted.
const RETRY: Duration = Duration::from_millis(50);

/// Connections are passed on until this is dropped.
#[derive(Debug)]
pub struct Forward {
    _task: AbortOnDropHandle<()>,
}

impl Forward {
    /// Passes each connection that `listener` accepts on to the one that `connect` makes for it. A socket
    /// belongs to the network of the thread that made it, so the two can be in different ones.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn start<Connect, Connecting>(listener: TcpListener, connect: Connect) -> io::Result<Self>
    where
        Connect: Fn() -> Connecting + Send + Sync + 'static,
        Connecting: Future<Output = io::Result<TcpStream>> + Send + 'static,
    {
        listener.set_nonblocking(true)?;
        let listener = Listener::from_std(listener)?;
        let task = tokio::spawn(pass_on(listener, Arc::new(connect)));
        Ok(Self { _task: AbortOnDropHandle::new(task) })
    }
}

async fn pass_on<Connect, Connecting>(listener: Listener, connect: Arc<Connect>)
where
    Connect: Fn() -> Connecting + Send + Sync + 'static,
    Connecting: Future<Output = io::Result<TcpStream>> + Send + 'static,
{
    // They end with this task.
    let mut passed_on = JoinSet::new();
    loop {
        let Ok((mut caller, _)) = listener.accept().await else {
            // Out of file descriptors, at the worst: others are closed meanwhile.
            sleep(RETRY).await;
            continue;
        };
        while passed_on.try_join_next().is_some() {}
        let connect = Arc::clone(&connect);
        passed_on.spawn(async move {
            // Nobody listens there: closed at once, which is as good as refused.
            let Ok(mut called) = connect().await else {
                return;
            };
            let _ = (caller.set_nodelay(true), called.set_nodelay(true));
            let _ = copy_bidirectional(&mut caller, &mut called).await;
        });
    }
}
