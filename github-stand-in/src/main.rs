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
use github_stand_in::{Options, PushCommand, StandIn};
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;
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
    /// Folder for what the App has to be given, in place of that one: `private-key.pem`, and the secret of
    /// its deliveries as `webhook-secret`.
    #[arg(long, value_name = "FOLDER")]
    app: Option<PathBuf>,
    /// The folder whose files the sample repository starts with; the sample app of this checkout if absent.
    #[arg(long, value_name = "FOLDER")]
    content: Option<PathBuf>,
    /// The folder of the sample app's chart, which the sample repository holds too; this checkout's if
    /// absent.
    #[arg(long, value_name = "FOLDER")]
    chart: Option<PathBuf>,
    /// Where people reach the pages, if that is not where it listens.
    #[arg(long, value_name = "URL")]
    page_url: Option<Url>,
    /// Where the App reaches the REST API, if that is not where it listens.
    #[arg(long, value_name = "URL")]
    api_url: Option<Url>,
    /// A program and its arguments, to be run for each commit that a pull request gets, as a repository's CI
    /// would build its image: {owner}, {repo}, {commit} and {files}, a folder of the commit's files, are
    /// filled in. No shell reads it.
    #[arg(long, value_name = "COMMAND")]
    on_push: Option<PushCommand>,
}

/// What an App has to be given, in its folder.
const KEY: &str = "private-key.pem";
const SECRET: &str = "webhook-secret";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let data = std::path::absolute(&cli.data)?;
    let (app, on_push) = (cli.app.clone(), cli.on_push.clone());
    let github = start(cli, &data).await?;
    let pushes = github.subscribe_pushes();
    let _runs = on_push.map(|command| AbortOnDropHandle::new(tokio::spawn(command.run_for_each(pushes))));
    github.add_samples().await?;
    let key = app.as_ref().unwrap_or(&data).join(KEY);
    write_private(&key, github.private_key_pem())?;
    if let Some(folder) = app {
        write_private(&folder.join(SECRET), github.webhook_secret().expose_secret())?;
    }
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
        chart: cli.chart.unwrap_or(defaults.chart),
        page_url: cli.page_url,
        api_url: cli.api_url,
        data: Some(data.to_owned()),
        ..Options::default()
    })
    .await?;
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
fn write_private(path: &Path, content: &str) -> anyhow::Result<()> {
    let opened = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path);
    opened
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
