//! The worker: runs preview workflows, and does to GitHub and Kubernetes what they ask for.

use activities::{Cluster, Comments, Previews, PullRequests, RepositoryCharts, Sweeps};
use anyhow::{Context, anyhow};
use clap::Parser;
use github::GitHubApp;
use service::{logging, shutdown};
use temporalio_sdk::Runtime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use worker::{
    cluster,
    config::Config,
    health,
    metrics::Metrics,
    pace, schedule, search_attributes, temporal,
    workers::{self, Implementations},
};

/// What is written when RUST_LOG says nothing else. Temporal's SDK tells about every connection that comes and goes.
const LOGGED: &str = "info,temporalio_sdk_core=warn,temporalio_client=warn";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Read the configuration, all of it, before anything is touched
    let config = Config::parse();
    let app = config.github.app()?;
    let bounds = config.bounds()?;
    let connection = config.temporal.connection()?;

    logging::start(config.log_format, LOGGED);

    // One TLS implementation for all clients; none of them can be made before
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider is installed already"))?;

    // Stop at SIGTERM and SIGINT
    let shutdown = CancellationToken::new();
    shutdown::on_signal(shutdown.clone()).context("cannot listen to signals")?;

    // Prepare the clients of Kubernetes and GitHub
    let cluster = Cluster {
        client: cluster::connect(config.kube_context.as_deref()).await?,
        instance: config.preview_instance.clone(),
    };
    let github = GitHubApp::new(&app).context("GITHUB_API_URL or GITHUB_PRIVATE_KEY")?;

    // Connect to Temporal, which may be starting too
    let (metrics, runtime_options) = Metrics::start()?;
    let runtime = Runtime::from_current_tokio(runtime_options)?;
    let connected = shutdown.run_until_cancelled(temporal::connect(&config, &connection));
    let Some(temporal) = connected.await else {
        return Ok(());
    };

    // Make Temporal ready for our workflows
    search_attributes::register(&temporal).await?;
    schedule::orphan_sweep(&temporal, &config).await?;
    let pace = pace::agree(&temporal, &workers::github_queue(&config)).await;

    // Answer probes and scrapes
    let listener = TcpListener::bind(config.worker_listen)
        .await
        .with_context(|| format!("WORKER_LISTEN: cannot listen on {}", config.worker_listen))?;
    tracing::info!(address = %listener.local_addr()?, "health and metrics");
    let health = health::router(temporal.clone(), metrics, shutdown.clone());
    tokio::spawn(health::serve(listener, health, shutdown.clone()));

    // Work until told to stop, then finish what can be finished soon
    let implementations = Implementations {
        previews: Previews {
            cluster: cluster.clone(),
            namespaces: config.namespaces(&bounds),
            releases: config.releases(&bounds),
            repository_charts: RepositoryCharts::new(github.clone()),
            readiness: config.readiness()?,
        },
        pull_requests: PullRequests {
            cluster: cluster.clone(),
            github: github.clone(),
            domain: config.preview_domain.clone(),
            bounds,
        },
        sweeps: Sweeps { cluster },
        comments: Comments::new(github, config.links(), config.preview_post_logs),
    };
    let queues = workers::queues(&config, implementations, pace)?;
    workers::run(
        &runtime,
        &temporal,
        &queues,
        config.recycle_after(),
        &shutdown,
    )
    .await?;

    tracing::info!("stopped");
    Ok(())
}
