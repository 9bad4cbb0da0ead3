//! The webhook service: GitHub's deliveries in, signals to pull requests' workflows out.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use service::logging;
use temporalio_client::ConnectionOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use webhook::{
    config::Config, health::Readiness, receive::Service, router::router, shutdown,
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

    // Serve until told to stop, then finish what was accepted
    let readiness = Readiness::new(temporal.clone(), shutdown.clone());
    let service = Service::new(
        config.secrets(),
        config.preview_allowed_owners.clone(),
        temporal,
        readiness,
    );
    let listener = TcpListener::bind(config.webhook_listen)
        .await
        .with_context(|| format!("WEBHOOK_LISTEN: cannot listen on {}", config.webhook_listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    shutdown::serve(listener, router(Arc::new(service)), shutdown).await?;

    tracing::info!("stopped");
    Ok(())
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
