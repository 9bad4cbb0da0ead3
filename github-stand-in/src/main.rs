//! The GitHub stand-in as a program: a GitHub with one sample repository, for a
//! person and an App on this machine.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use github_stand_in::{Options, StandIn};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use url::Url;

/// What is logged, unless RUST_LOG says otherwise.
const DEFAULT_FILTER: &str = "warn,github_stand_in=info";

/// Serves a GitHub with one sample repository, on which one GitHub App is installed. Ctrl-C stops it.
#[derive(Parser)]
#[command(name = "github-stand-in")]
struct Cli {
    /// Where to listen: the REST API is below /api/v3, the rest is pages for people.
    #[arg(long, default_value = "127.0.0.1:4100", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Where to deliver webhooks; without it none are made.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<Url>,
    /// What deliveries are signed with; made up if absent.
    #[arg(long, env = "GITHUB_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
    /// Folder for the git repositories, which are deleted at each start, and for
    /// the App's private key, which is made anew.
    #[arg(long, default_value = ".github-stand-in", value_name = "FOLDER")]
    data: PathBuf,
    /// The folder whose files the sample repository starts with; the sample app of this checkout if absent.
    #[arg(long, value_name = "FOLDER")]
    content: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let data = std::path::absolute(&cli.data)?;
    let github = start(cli, &data).await?;
    let key = data.join("private-key.pem");
    write_private(&key, github.private_key_pem())
        .with_context(|| format!("cannot write {}", key.display()))?;
    announce(&github, &key);

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    github.stop().await;
    // Each was logged when it happened.
    match github.violations().len() {
        0 => Ok(ExitCode::SUCCESS),
        number => {
            eprintln!("Departures from GitHub's description: {number}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn start(cli: Cli, data: &Path) -> anyhow::Result<StandIn> {
    let defaults = Options::default();
    let github = StandIn::start(Options {
        listen: cli.listen,
        webhook_url: cli.webhook_url,
        webhook_secret: cli.webhook_secret.map_or(defaults.webhook_secret, Into::into),
        content: cli.content.unwrap_or(defaults.content),
        data: Some(data.to_owned()),
        ..Options::default()
    })
    .await?;
    github.add_samples().await?;
    Ok(github)
}

/// Says what an App needs to know, as lines that a shell can source.
fn announce(github: &StandIn, key: &Path) {
    println!("# Page: {}", github.page_url());
    println!("GITHUB_API_URL={}", github.api_url());
    println!("GITHUB_APP_ID={}", github.app_id());
    println!("GITHUB_PRIVATE_KEY_FILE='{}'", key.display());
    println!("GITHUB_WEBHOOK_SECRET='{}'", github.webhook_secret().expose_secret());
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, content: &str) -> io::Result<()> {
    fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?
        .write_all(content.as_bytes())
}
