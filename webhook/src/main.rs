//! The webhook service: GitHub's deliveries in, signals to pull requests' workflows out.

use std::{env, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use runtime::{
    listen, logging,
    probes::{self, Readiness},
    ready, shutdown,
    temporal::{self, TemporalIsThere},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use webhook::{
    config::{Config, DEFAULT_HEALTH_LISTEN},
    receive::Service,
    router::router,
    server::Server,
    temporal::TemporalSignaler,
};

/// What is written when RUST_LOG says nothing else. The Temporal client warns of every retry; of a
/// call that failed for good we tell ourselves.
const LOGGED: &str = "info,temporalio_client=error";

#[tokio::main]
async fn main() -> ExitCode {
    let asked = ready::asked_for(env::args_os(), "WEBHOOK_HEALTH_LISTEN", DEFAULT_HEALTH_LISTEN);
    if let Some(code) = asked.await {
        return code;
    }
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
    let secret_source = config.secret_source();
    let secrets = watch::Sender::new(secret_source.read()?);
    let mut connection = config.temporal.connection()?;
    logging::start(config.log_format, LOGGED);

    // Stop at SIGTERM and SIGINT
    let stop = CancellationToken::new();
    shutdown::on_signal(stop.clone()).context("cannot listen for signals")?;

    // Connect to Temporal, which may be starting too
    TemporalSignaler::prepare(&mut connection);
    let connected = stop.run_until_cancelled(temporal::connect(&config.temporal, &connection));
    let Some(temporal) = connected.await else {
        return Ok(());
    };

    // Answer probes and scrapes, to the very end
    let signaler = TemporalSignaler::new(temporal.clone(), &config.temporal.preview_task_queue);
    let service = Arc::new(Service::new(
        secrets.subscribe(),
        config.preview_allowed_owners.clone(),
        Arc::new(signaler),
        &limits,
    ));
    let readiness = Arc::new(Readiness::new(Arc::new(TemporalIsThere(temporal)), stop.clone()));
    let probes = probes::router(readiness, service.metrics().clone());
    probes::start("WEBHOOK_HEALTH_LISTEN", config.webhook_health_listen, probes).await?;

    // Notice when the secret is changed
    tokio::spawn(secret_source.keep_current(secrets));

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
