//! The webhook service: GitHub's deliveries in, signals to pull requests' workflows out.

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use runtime::{
    logging,
    probes::{self, Readiness},
    shutdown,
    temporal::{self, TemporalIsThere},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use webhook::{config::Config, receive::Service, router::router, server::Server, temporal::TemporalSignaler};

/// What is written when RUST_LOG says nothing else. The Temporal client warns of every retry; of a
/// call that failed for good we tell ourselves.
const LOGGED: &str = "info,temporalio_client=error";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        // An operator reads this: the causes in one line, and no backtrace
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    // Read the configuration, all of it, before anything is touched
    let config = Config::parse();
    let limits = config.limits()?;
    let mut connection = config.temporal.connection()?;
    logging::start(config.log_format, LOGGED);

    // Stop at SIGTERM and SIGINT
    let stop = CancellationToken::new();
    shutdown::on_signal(stop.clone()).context("cannot listen to signals")?;

    // Connect to Temporal, which may be starting too
    TemporalSignaler::prepare(&mut connection);
    let connected = stop.run_until_cancelled(temporal::connect(&config.temporal, &connection));
    let Some(temporal) = connected.await else {
        return Ok(());
    };

    // Answer probes and scrapes, to the very end
    let signaler = TemporalSignaler::new(temporal.clone(), &config.temporal.preview_task_queue);
    let service = Arc::new(Service::new(
        config.secrets(),
        config.preview_allowed_owners.clone(),
        Arc::new(signaler),
        &limits,
    ));
    let readiness = Arc::new(Readiness::new(Arc::new(TemporalIsThere(temporal)), stop.clone()));
    let listener = listen("WEBHOOK_HEALTH_LISTEN", config.webhook_health_listen).await?;
    tracing::info!(address = %listener.local_addr()?, "health and metrics");
    let probes = probes::router(readiness, service.metrics().clone());
    tokio::spawn(probes::serve(listener, probes));

    // Serve until told to stop and nobody sends any more, then finish what was accepted
    let listener = listen("WEBHOOK_LISTEN", config.webhook_listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let server = Server {
        connections: service.connections().clone(),
        receive_timeout: limits.receive_timeout,
        drain: config.webhook_drain,
    };
    server.serve(listener, router(service), stop).await;

    tracing::info!("stopped");
    Ok(())
}

async fn listen(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{setting}: cannot listen on {address}"))
}
