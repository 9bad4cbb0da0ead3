//! The worker: runs preview workflows, and does to GitHub and Kubernetes what they ask for.

use std::{env, process::ExitCode, sync::Arc};

use activities::{
    Census, Cluster, Comments, EachActivity, GitHubFailures, GitHubRequests, Instance, Lifecycle,
    NetworkProbe, Previews, PullRequests, RepositoryCharts, SweepCounters, Sweeps,
};
use anyhow::{Context, anyhow};
use clap::Parser;
use github::GitHubApp;
use runtime::{
    logging,
    probes::{self, Readiness},
    ready, shutdown,
    temporal::{self, TemporalIsThere},
};
use temporalio_sdk::Runtime;
use tokio_util::sync::CancellationToken;
use worker::{
    cluster,
    config::{Config, DEFAULT_LISTEN},
    metrics::{Metrics, Scrape},
    rate_limit, schedule, search_attributes,
    try_connection::TryConnection,
    workers::{self, Implementations},
};

/// What is written when RUST_LOG says nothing else. Temporal's SDK tells about
/// every connection that comes and goes.
const LOGGED: &str = "info,temporalio_sdk_core=warn,temporalio_client=warn";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if let Some(attempt) = TryConnection::asked_for(env::args_os()) {
        return Ok(attempt.run().await);
    }
    if let Some(code) = ready::asked_for(env::args_os(), "WORKER_LISTEN", DEFAULT_LISTEN).await {
        return Ok(code);
    }
    work().await?;
    Ok(ExitCode::SUCCESS)
}

async fn work() -> anyhow::Result<()> {
    // Read the configuration, all of it, before anything is touched
    let config = Config::parse();
    let app = config.github.app()?;
    let names = config.names()?;
    let bounds = config.bounds()?;
    let mut connection = config.temporal.connection()?;

    logging::start(config.log_format, LOGGED);

    // One TLS implementation for all clients; none of them can be made before
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider is installed already"))?;

    // Stop at SIGTERM and SIGINT
    let stop = CancellationToken::new();
    shutdown::on_signal(stop.clone()).context("cannot listen for signals")?;

    // Prepare the clients of Kubernetes and GitHub
    let (metrics, runtime_options) = Metrics::start()?;
    let (kubernetes, api_server) =
        cluster::connect(config.kube_context.as_deref(), &**metrics.meter()).await?;
    let requests = Arc::new(GitHubRequests::new(metrics.meter()));
    let github = GitHubApp::observed(&app, requests).context("GITHUB_API_URL or GITHUB_PRIVATE_KEY")?;

    // Notice when the App's key is changed
    tokio::spawn(config.github.clone().keep_private_key_current(app.private_key, github.clone()));

    // Connect to Temporal, which may be starting too
    let uncounted = connection.clone();
    connection.metrics_meter = metrics.of_requests_to_temporal();
    let runtime = Runtime::from_current_tokio(runtime_options)?;
    let connected = stop.run_until_cancelled(async {
        let temporal = temporal::connect(&config.temporal, &connection).await;
        // For scrapes, which are not to count themselves
        (temporal, temporal::connect(&config.temporal, &uncounted).await)
    });
    let Some((temporal, asked_by_scrapes)) = connected.await else {
        return Ok(());
    };

    // Whose namespaces are ours: this instance's whose workflows this Temporal knows
    let cluster = Cluster {
        client: kubernetes,
        api_server,
        instance: Instance {
            name: config.preview_instance.clone(),
            temporal: activities::namespace_id(&temporal).await?,
        },
        names,
    };

    // Make Temporal ready for our workflows
    search_attributes::register(&temporal).await?;
    schedule::orphan_sweep(&temporal, &config).await?;
    let github_queue = workers::github_queue(&config);
    let rate_limit = rate_limit::configure(&temporal, &github_queue, config.github_write_limit).await;

    // Answer probes and scrapes
    let meter = Arc::clone(metrics.meter());
    let counters = SweepCounters::new(&*meter);
    let github_failures = GitHubFailures::new(&*meter);
    let lifecycle = Lifecycle::new(&meter, metrics.registry())?;
    let each_activity = EachActivity::new(&meter);
    let namespaces = config.namespaces(&bounds, &*meter);
    let network = NetworkProbe::new(config.probe_image(), &*meter);
    let census = Census::new(
        asked_by_scrapes,
        &config.temporal.preview_task_queue,
        config.sweep_interval.as_duration(),
        &meter,
    );
    let readiness = Readiness::new(Arc::new(TemporalIsThere(temporal.clone())), stop.clone());
    let probes = probes::router(Arc::new(readiness), Arc::new(Scrape { metrics, census }));
    probes::start("WORKER_LISTEN", config.worker_listen, probes).await?;

    // Tell operators early what previews would run into
    activities::look_at_confinement();
    tokio::spawn({
        let (cluster, namespaces) = (cluster.clone(), namespaces.clone());
        async move { activities::look_at_cluster(&cluster, &namespaces, &network).await }
    });

    // Work until told to stop, then finish what can be finished soon
    let readiness = config.readiness()?;
    let implementations = Implementations {
        previews: Previews {
            cluster: cluster.clone(),
            owners: config.preview_allowed_owners.clone(),
            namespaces,
            releases: config.releases(&bounds),
            repository_charts: RepositoryCharts::new(github.clone()),
            readiness: readiness.clone(),
        },
        pull_requests: PullRequests {
            cluster: cluster.clone(),
            github: github.clone(),
            owners: config.preview_allowed_owners.clone(),
            readiness,
            bounds,
            github_failures: github_failures.clone(),
            lifecycle: lifecycle.clone(),
        },
        sweeps: Sweeps { cluster, counters },
        comments: Comments::new(
            github,
            config.preview_allowed_owners.clone(),
            config.temporal_ui(),
            config.preview_post_logs,
            github_failures,
            lifecycle,
        ),
        around_each: each_activity,
    };
    let queues = workers::queues(&config, implementations, rate_limit)?;
    workers::run(&runtime, &temporal, &queues, config.recycle_after(), &stop).await?;

    tracing::info!("stopped");
    Ok(())
}
