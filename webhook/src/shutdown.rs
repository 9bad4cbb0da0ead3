//! When does the service stop, and how long do those inside have to finish?

use std::{io, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Longest time for finishing what was accepted: a little more than one delivery takes at the most.
const FINISH: Duration = Duration::from_secs(10);

/// Cancels `shutdown` at the first SIGTERM or SIGINT.
///
/// # Errors
/// If this process may not listen to signals.
pub fn on_signal(shutdown: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; what was accepted is being finished");
        shutdown.cancel();
    });
    Ok(())
}

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
