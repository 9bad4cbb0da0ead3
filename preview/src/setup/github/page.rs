//! What the pages say.

use askama::Template;
use github::NewApp;
use secrecy::ExposeSecret;

use super::server::{Outcome, Proposal};

/// What is proposed to GitHub.
#[derive(Template)]
#[template(path = "setup_propose.html")]
struct Propose<'a> {
    host: &'a str,
    action: String,
    manifest: String,
    name: &'a str,
    owner: String,
    webhook: &'a str,
    is_public: bool,
    permissions: Vec<[&'static str; 3]>,
    events: String,
    kept_in: String,
}

/// What has come of it.
#[derive(Template)]
#[template(path = "setup_created.html")]
struct Created<'a> {
    name: &'a str,
    app_id: u64,
    install_url: String,
    kept_in: Option<&'a str>,
    error: Option<&'a str>,
    /// For the chart, and as variables of the worker.
    values: String,
    variables: String,
    /// Where they are kept nowhere: key and webhook secret.
    shown: Option<[&'a str; 2]>,
}

/// Why nothing has.
#[derive(Template)]
#[template(path = "setup_refused.html")]
struct Refused<'a> {
    reason: &'a str,
    /// Where one can try again.
    again: &'a str,
}

/// The page that sends a person to GitHub.
pub(crate) fn propose(proposal: &Proposal) -> String {
    let manifest = &proposal.manifest;
    written(&Propose {
        host: proposal.github.host(),
        action: proposal.new_app_url().into(),
        manifest: manifest.json(),
        name: &manifest.name,
        owner: match &proposal.organization {
            Some(organization) => format!("the organization {organization}"),
            None => "you".to_owned(),
        },
        webhook: &manifest.hook_attributes.url,
        is_public: manifest.public,
        permissions: manifest
            .default_permissions
            .iter()
            .map(|(permission, level)| [permission.title(), level.name(), permission.purpose()])
            .collect(),
        events: manifest.default_events.join(", ").replace('_', " "),
        kept_in: proposal.keeping.to_string(),
    })
}

/// The page that says how it ended.
pub(crate) fn created(proposal: &Proposal, outcome: &Outcome) -> String {
    let app = outcome.app();
    let (kept_in, error) = match outcome {
        Outcome::Kept { place, .. } => (Some(place.as_str()), None),
        Outcome::Shown { .. } => (None, None),
        Outcome::NotKept { error, .. } => (None, Some(error.as_str())),
    };
    let settings = proposal.settings(app);
    let secrets = [app.private_key.expose_secret(), app.webhook_secret.expose_secret()];
    written(&Created {
        name: &app.name,
        app_id: app.id,
        install_url: install_url(app),
        kept_in,
        error,
        values: words(settings.iter().map(|(value, _, is)| format!("--set {value}={is}"))),
        variables: words(settings.iter().map(|(_, variable, is)| format!("{variable}={is}"))),
        shown: kept_in.is_none().then_some(secrets),
    })
}

/// The page that says why nothing was done.
pub(crate) fn refused(reason: &str, again: &str) -> String {
    written(&Refused { reason, again })
}

/// Where an App is installed.
pub(crate) fn install_url(app: &NewApp) -> String {
    format!("{}/installations/new", app.html_url.as_str().trim_end_matches('/'))
}

fn words(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn written(page: &impl Template) -> String {
    page.render().expect("a page of texts can be written")
}
