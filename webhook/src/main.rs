//! The webhook service: GitHub's deliveries in, signals to pull requests' workflows out.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use service::logging;
use temporalio_client::ConnectionOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use webhook::{
    config::Config,
    health::{self, Readiness},
    receive::Service,
    router::router,
    server::Server,
    temporal::Temporal,
};

/// What is written when RUST_LOG says nothing else. The Temporal client warns of every retry; of a call that failed for good we tell ourselves.
const LOGGED: &str = "info,temporalio_client=error";
/// How often a Temporal server that does not answer yet is tried again.
const CONNECT_EVERY: Duration = Duration::from_secs(2);

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
    let connection = config.temporal.connection()?;
    logging::start(config.log_format, LOGGED);

    // Stop at SIGTERM and SIGINT
    let shutdown = CancellationToken::new();
    service::shutdown::on_signal(shutdown.clone()).context("cannot listen to signals")?;

    // Connect to Temporal, which may be starting too
    let connected = shutdown.run_until_cancelled(connect(&config, &connection));
    let Some(temporal) = connected.await else {
        return Ok(());
    };
    let temporal = Arc::new(temporal);

    // Answer probes and scrapes, to the very end
    let readiness = Readiness::new(temporal.clone(), shutdown.clone());
    let service = Service::new(config.secrets(), temporal, readiness, &limits);
    let service = Arc::new(service);
    let listener = listen("WEBHOOK_HEALTH_LISTEN", config.webhook_health_listen).await?;
    tracing::info!(address = %listener.local_addr()?, "health and metrics");
    tokio::spawn(health::serve(listener, health::router(service.clone())));

    // Serve until told to stop and nobody sends any more, then finish what was accepted
    let listener = listen("WEBHOOK_LISTEN", config.webhook_listen).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let server = Server {
        connections: service.connections().clone(),
        receive_timeout: limits.receive_timeout,
        drain: config.webhook_drain,
    };
    server.serve(listener, router(service), shutdown).await;

    tracing::info!("stopped");
    Ok(())
}

async fn listen(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{setting}: cannot listen on {address}"))
}

/// Tries until there is a connection.
async fn connect(config: &Config, connection: &ConnectionOptions) -> Temporal {
    loop {
        let connected = Temporal::connect(
            connection.clone(),
            &config.temporal.temporal_namespace,
            &config.temporal.preview_task_queue,
        )
        .await;
        match connected {
            Ok(temporal) => return temporal,
            Err(error) => {
                let address = config.temporal.temporal_address.as_str();
                tracing::warn!(address, %error, "Temporal does not answer; trying again (TEMPORAL_ADDRESS)");
                tokio::time::sleep(CONNECT_EVERY).await;
            }
        }
    }
}
