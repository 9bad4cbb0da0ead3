//! The stand-in, seen from outside: over HTTP, as an app and as GitHub's webhook receiver see it.

mod client;
mod comments;
mod content;
mod credentials;
mod deliveries;
mod faults;
mod git;
mod limits;
mod page;
mod receiver;
mod registration;

use std::time::Duration;

use super::{File, Options, PullRequest, Repository, StandIn, User};
use client::Client;
use receiver::Receiver;

/// Far more than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A SHA that stands for nothing.
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef01234567";

/// A stand-in with one pull request by the writer, and a client that holds a token for it.
async fn scene() -> (StandIn, Repository, PullRequest, Client) {
    let github = StandIn::start(Options::default()).await.unwrap();
    let repository = github.repository("octo-org", "hello").await.unwrap();
    let pull = repository
        .open_pull_request(&User::writer(), "Greet in Spanish", [("content.json", "{}")])
        .await
        .unwrap();
    let client = Client::with_token(&github).await;
    (github, repository, pull, client)
}

/// The scene, where the pull request brings a chart; and its newest commit.
async fn chart() -> (StandIn, Repository, Client, String) {
    let (github, repository, pull, client) = scene().await;
    let sha = pull
        .push([
            ("chart/Chart.yaml", "name: hello\n").into(),
            ("chart/templates/app.yaml", "").into(),
            File::executable("chart/ci/lint", "#!/bin/sh\n"),
            File::link("chart/values.yaml", "../content.json"),
        ])
        .await
        .unwrap();
    (github, repository, client, sha)
}

/// That nothing departed from GitHub's description.
fn assert_as_described(github: &StandIn) {
    assert_eq!(github.violations(), []);
}
