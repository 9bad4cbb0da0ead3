//! `preview doctor`: looks at a whole installation, and says of each part whether it is as it has to be, and
//! what to do if it is not.
//!
//! It takes the worker's own settings, and sees with the worker's own eyes: run it where the worker runs.

mod clocks;
mod cluster;
mod conformance;
mod domain;
mod github;
mod line;
mod registry;
mod rights;
mod temporal;
mod web;
mod webhook;

use std::process::ExitCode;

use ::domain::Names;
use ::github::GitHubApp;
use anyhow::Context;
use clap::Args;
use futures::join;
use jiff::Timestamp;
use url::Url;
use worker::config::Config;

use self::line::Line;
use crate::{output::Format, target::Target};

/// The worker's settings, and what only somebody outside can know.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where GitHub sends its deliveries: the webhook's public address.
    #[arg(long, env, value_name = "URL")]
    webhook_url: Option<Url>,

    /// A site of yours whose visitors are logged in, as https://www.example.com. Previews must not be able
    /// to set its cookies, nor read them: they belong below a registrable domain of their own. May be given
    /// several times.
    #[arg(
        long = "main-site",
        env = "MAIN_SITES",
        value_name = "URL",
        value_delimiter = ','
    )]
    main_sites: Vec<Url>,

    /// Plays a conversation on this pull request, if nothing is wrong: somebody comments `/preview` there
    /// while it waits; the answer, the preview, its address, an extension and its removal are looked at.
    #[arg(long, value_name = "PULL REQUEST")]
    conformance: Option<Target>,

    /// Who reads it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    worker: Config,
}

/// Prints one line for each check. The exit status is 1 if something is wrong.
///
/// # Errors
/// If the settings themselves are of no use.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let lines = Box::pin(examine(&options)).await?;
    match options.output {
        Format::Json => println!("{}", serde_json::to_string_pretty(&lines)?),
        Format::Text => print!("{}", line::report(&lines)),
    }
    Ok(if lines.iter().any(Line::is_wrong) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What can be looked at at the same time is.
async fn examine(options: &Options) -> anyhow::Result<Vec<Line>> {
    let config = &options.worker;
    let app = config.github.app()?;
    let names = config.names()?;
    let bounds = config.bounds()?;
    let client = GitHubApp::new(&app).context("GITHUB_API_URL or GITHUB_PRIVATE_KEY")?;
    let web = web::client()?;

    let sites: Vec<_> = options.webhook_url.iter().chain(&options.main_sites).collect();
    let (github, webhook, (temporal, temporal_id), names_and_tls, registry) = join!(
        github::check(&client, app.deployments),
        webhook::check(&web, options.webhook_url.as_ref()),
        temporal::check(config),
        domain::check(names.domain(), config.preview_ingress_address.clone()),
        registry::check(&web, &config.preview_image),
    );
    let (cluster, cluster_clock) =
        Box::pin(cluster::check(config, &bounds, names.clone(), temporal_id)).await;
    let clocks = clocks::check(&web, &app.api_url, options.webhook_url.as_ref(), cluster_clock).await;

    let parts = [github, webhook, temporal, cluster, names_and_tls, registry, clocks];
    let mut lines = parts.concat();
    lines.push(domain::own_domain(names.domain(), &sites));
    if let Some(target) = &options.conformance {
        lines.extend(play(&lines, config, &client, &names, target).await);
    }
    Ok(lines)
}

/// What is known to be wrong already is not waited for, save a registry: it is the nodes that have to reach
/// it.
async fn play(
    lines: &[Line],
    config: &Config,
    github: &GitHubApp,
    names: &Names,
    target: &Target,
) -> Vec<Line> {
    let hinders = |line: &Line| line.is_wrong() && line.check != registry::CHECK;
    if lines.iter().any(hinders) {
        return vec![conformance::not_played()];
    }
    Box::pin(conformance::play(config, github, names, target)).await
}

/// Now, by this machine's clock.
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests;
