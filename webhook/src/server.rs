//! The accept loop: deadlines for connections, and the drain at shutdown.
//!
//! A connection carries one request. So none is ever idle between two of them, where whoever keeps it for
//! reuse could send a delivery in the moment in which it is closed.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, serve::Listener};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::limit::{Holder, Limit};

/// Largest head of a request, in bytes, and the part of a body that is read at
/// once. GitHub's heads have about 1 KiB.
const BUFFER_MAX: usize = 32 * 1024;
/// Longest time for finishing what was accepted: a little more than one delivery takes at the most.
const FINISH: Duration = Duration::from_secs(15);

/// How connections are treated.
#[derive(Debug, Clone)]
pub struct Server {
    /// How many may be open.
    pub connections: Limit,
    /// Longest time from the opening of a connection to the end of its request's headers.
    pub receive_timeout: Duration,
    /// How long connections are still accepted after the service was told to stop.
    pub drain: Duration,
}

impl Server {
    /// Serves until `shutdown` is cancelled and the drain time is over. Then no connection is accepted any
    /// more, and those that wait for an answer get it.
    ///
    /// What handles a request finds its connection, an `Arc<`[`Holder`]`>`, among the request's extensions.
    pub async fn serve(&self, mut listener: TcpListener, router: Router, shutdown: CancellationToken) {
        let open = TaskTracker::new();
        let drained = async {
            shutdown.cancelled().await;
            tracing::info!(
                drain_s = self.drain.as_secs(),
                "not ready any more; deliveries are accepted until nobody should send any"
            );
            sleep(self.drain).await;
        };
        tokio::pin!(drained);
        loop {
            let (stream, _) = tokio::select! {
                () = &mut drained => break,
                accepted = Listener::accept(&mut listener) => accepted,
            };
            let connection = Arc::new(self.connections.holder());
            // Otherwise every open connection is in the middle of a verified delivery.
            if connection.hold(1).is_ok() {
                open.spawn(self.clone().attend(stream, connection, router.clone()));
            }
        }
        drop(listener);
        open.close();
        if timeout(FINISH, open.wait()).await.is_err() {
            let after_s = FINISH.as_secs();
            tracing::warn!(after_s, "stopped with connections still open");
        }
    }

    async fn attend(self, stream: TcpStream, connection: Arc<Holder>, router: Router) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.receive_timeout)
            .keep_alive(false)
            .max_buf_size(BUFFER_MAX);
        let marked = Arc::clone(&connection);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(Arc::clone(&marked));
            router.clone().oneshot(request)
        });
        tokio::select! {
            () = connection.evicted() => tracing::debug!("a connection made room for a newer one"),
            served = http.serve_connection(TokioIo::new(stream), service) => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended early");
                }
            }
        }
    }
}
