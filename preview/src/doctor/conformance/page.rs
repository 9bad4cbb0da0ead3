//! Opens the preview's URL, as a visitor's browser would.

use reqwest::{Client, Url};
use worker::config::Config;

use super::judge::{self, Page, Played};
use crate::doctor::{line::Line, web};

/// What tells which commit a page is built from; docs/operating.md says so to the authors of apps.
const COMMIT: &str = "x-preview-commit";

pub(super) async fn look(config: &Config, played: &Played) -> Line {
    let page = match client(config, &played.url).await {
        Ok(client) => open(&client, &played.url).await.map_err(web::reason),
        Err(error) => Err(error),
    };
    judge::page(played, page)
}

/// Browsers know that names below `.localhost` are this machine, whatever the system's resolver says.
async fn client(config: &Config, url: &str) -> Result<Client, String> {
    let mut builder = web::builder();
    let url: Url = url.parse().map_err(|_| "that is no address".to_owned())?;
    if let (Some(host), Some(ingress)) = (url.host_str(), &config.preview_ingress_address)
        && host.ends_with(".localhost")
    {
        let addresses = ingress.resolve().await.map_err(|error| error.to_string())?;
        builder = builder.resolve_to_addrs(host, &addresses);
    }
    builder.build().map_err(web::reason)
}

async fn open(client: &Client, url: &str) -> reqwest::Result<Page> {
    let answer = client.get(url).send().await?;
    let commit = answer.headers().get(COMMIT).and_then(|value| value.to_str().ok());
    Ok(Page { status: answer.status(), commit: commit.map(str::to_owned) })
}
