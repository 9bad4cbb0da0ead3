//! How long do deliveries have that were accepted when the service is told to stop?

use std::{io, time::Duration};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longest time for finishing what was accepted: a little more than one delivery takes at the most.
const FINISH: Duration = Duration::from_secs(10);

/// Serves until `shutdown` is cancelled. Then no connection is accepted any more, and those that wait for an answer get it.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let serve =
        axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        result = serve => result,
        () = out_of_patience(shutdown) => {
            tracing::warn!(after_s = FINISH.as_secs(), "stopped with connections still open");
            Ok(())
        }
    }
}

async fn out_of_patience(shutdown: CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(FINISH).await;
}
