//! `preview setup github`: GitHub makes an App of a manifest, and we keep its secrets.
//!
//! A page on this machine sends a person to GitHub with the manifest. GitHub sends the browser back with a
//! code, which is exchanged for the App's number, private key and webhook secret, once.

mod address;
mod keeping;
mod manifest;
mod one_time;
mod options;
mod page;
mod server;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};

use keeping::Keeping;
use manifest::Manifest;
pub(crate) use options::Options;
use server::{Outcome, Proposal};

/// GitHub gives no more time than this from the page to the end.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Registers the App.
///
/// # Errors
/// If what is there already would be overwritten, nobody comes to the page, or the secrets could not be kept.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    // Where the secrets go is settled before there are any: GitHub hands them out once
    let keeping = Keeping::prepare(&options).await?;

    // The page, under an address that nobody else on this machine can guess
    let page = server::Page::open(options.listen).await?;
    let manifest = Manifest::new(&options, &page.redirect_url());
    let proposal = Proposal::new(&options, manifest, keeping)?;
    println!("Open this page to create the GitHub App:\n\n  {}\n", page.url());

    // Until GitHub has sent the browser back
    let outcome = tokio::time::timeout(PATIENCE, page.serve(proposal))
        .await
        .context("nobody has created the App within an hour; nothing was kept")??;
    report(&outcome)
}

fn report(outcome: &Outcome) -> anyhow::Result<ExitCode> {
    let app = outcome.app();
    println!("Created the GitHub App {} (App ID {}).", app.name, app.id);
    match outcome {
        Outcome::Kept { place, .. } => println!("Its private key and its webhook's secret are in {place}."),
        Outcome::Shown { .. } => println!("The page shows its private key and its webhook's secret, once."),
        Outcome::NotKept { error, .. } => {
            bail!("{error}; the page shows its private key and its webhook's secret, once");
        }
    }
    println!("Install it on your repositories: {}", page::install_url(app));
    Ok(ExitCode::SUCCESS)
}
