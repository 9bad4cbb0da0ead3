//! How a person registers an App from a manifest, and installs it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use url::Url;

use super::{content_security_policy, missing, show};
use crate::{
    actions::{Account, RegistrationRefused},
    keys::AppKey,
    manifest::Manifest,
    model::{AccountKind, App, Permissions},
    shared::Shared,
};

/// Whose App is to be made: `/settings/apps/…` or `/organizations/{org}/settings/apps/…`.
type Of = Option<Path<String>>;

/// What another site sends a person with.
#[derive(Deserialize)]
pub(super) struct Proposal {
    manifest: String,
    /// GitHub takes it from the query; some send it along.
    state: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ProposalQuery {
    state: Option<String>,
}

/// What the person then sends from our page.
#[derive(Deserialize)]
pub(super) struct Registration {
    manifest: String,
    state: String,
    name: String,
}

#[derive(Deserialize)]
pub(super) struct InstallRequest {
    account: String,
}

#[derive(Template)]
#[template(path = "app_new.html")]
struct NewApp {
    /// `None`: nobody has sent a manifest.
    proposed: Option<Proposed>,
    /// Why it cannot be registered.
    error: Option<String>,
}

struct Proposed {
    owner: String,
    /// Where the form goes.
    action: String,
    name: String,
    manifest: String,
    state: String,
    webhook: Option<String>,
    is_public: bool,
    permissions: Vec<(String, &'static str)>,
    events: Vec<String>,
}

#[derive(Template)]
#[template(path = "app.html")]
struct AppPage {
    slug: String,
    name: String,
    owner: String,
    description: String,
    homepage: String,
    is_public: bool,
    permissions: Vec<(String, &'static str)>,
    events: Vec<String>,
    installed_on: Vec<String>,
    /// Where it can be installed, when that is what the page is for.
    accounts: Vec<String>,
}

/// Without a manifest there is nothing to see: GitHub's long form is not rebuilt here.
pub(super) async fn without_manifest() -> Response {
    show(&NewApp { proposed: None, error: None })
}

/// Shows what a manifest asks for.
pub(super) async fn review(
    State(shared): State<Arc<Shared>>,
    of: Of,
    Query(query): Query<ProposalQuery>,
    Form(proposal): Form<Proposal>,
) -> Response {
    let state = query.state.or(proposal.state).unwrap_or_default();
    page(&shared, &account(of), &proposal.manifest, state, None)
}

/// Registers the App and sends the browser back to where the manifest came from.
pub(super) async fn register(
    State(shared): State<Arc<Shared>>,
    of: Of,
    headers: HeaderMap,
    Form(registration): Form<Registration>,
) -> Response {
    if !is_from_own_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Registration { manifest: json, state, name } = registration;
    let account = account(of);
    let manifest = match Manifest::read(&json) {
        Ok(manifest) => manifest,
        Err(error) => return refused(Some(error)),
    };
    let mut back = manifest.redirect.clone();
    // It computes for a good part of a second.
    let Ok(key) = tokio::task::spawn_blocking(AppKey::generate).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match shared.register(&account, &name, manifest, key) {
        Ok(code) => {
            back.query_pairs_mut().append_pair("code", &code);
            if !state.is_empty() {
                back.query_pairs_mut().append_pair("state", &state);
            }
            (StatusCode::FOUND, [(header::LOCATION, String::from(back))]).into_response()
        }
        Err(RegistrationRefused::NoSuchOrganization) => missing(),
        Err(error) => page(&shared, &account, &json, state, Some(error.to_string())),
    }
}

/// The App's own page.
pub(super) async fn look(State(shared): State<Arc<Shared>>, Path(slug): Path<String>) -> Response {
    app_page(&shared, &slug, false)
}

/// Where it can be installed.
pub(super) async fn choose_account(State(shared): State<Arc<Shared>>, Path(slug): Path<String>) -> Response {
    app_page(&shared, &slug, true)
}

/// Installs it.
pub(super) async fn install(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(request): Form<InstallRequest>,
) -> Response {
    if !is_from_own_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let app = shared.read(|wire| wire.state.app_by_slug(&slug).map(|app| app.id));
    match app.and_then(|app| shared.install_app(app, &request.account)) {
        Some(_) => Redirect::to(&format!("/apps/{slug}")).into_response(),
        None => missing(),
    }
}

fn account(of: Of) -> Account {
    of.map_or(Account::Personal, |Path(login)| Account::Organization(login))
}

fn page(shared: &Shared, account: &Account, json: &str, state: String, error: Option<String>) -> Response {
    let manifest = match Manifest::read(json) {
        Ok(manifest) => manifest,
        Err(error) => return refused(Some(error)),
    };
    let Some(owner) = shared.read(|wire| account.login(wire.state)) else {
        return missing();
    };
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let allowed = form_may_lead_to(&manifest.redirect);
    let page = show(&NewApp {
        proposed: Some(Proposed {
            owner,
            action: match account {
                Account::Personal => "/settings/apps".to_owned(),
                Account::Organization(login) => format!("/organizations/{login}/settings/apps"),
            },
            name: manifest.name,
            manifest: json.to_owned(),
            state,
            webhook: manifest.webhook.map(String::from),
            is_public: manifest.is_public,
            permissions: listed(&manifest.permissions),
            events: manifest.events,
        }),
        error,
    });
    (status, [(header::CONTENT_SECURITY_POLICY, allowed)], page).into_response()
}

fn refused(error: Option<String>) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, show(&NewApp { proposed: None, error })).into_response()
}

/// A browser asks the policy of the page about each redirect of its form, too.
fn form_may_lead_to(redirect: &Url) -> HeaderValue {
    let policy = content_security_policy(&redirect.origin().ascii_serialization());
    HeaderValue::from_str(&policy).expect("an origin in ASCII is a header value")
}

/// Another site can make a browser send a form, and cannot make it lie about where from.
fn is_from_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin == format!("http://{host}"),
        (None, _) => true,
        _ => false,
    }
}

fn app_page(shared: &Shared, slug: &str, is_to_be_installed: bool) -> Response {
    let page = shared.read(|wire| {
        let app = wire.state.app_by_slug(slug)?;
        let may_install = |login: &str| app.is_public || app.owner.eq_ignore_ascii_case(login);
        let accounts = wire.state.accounts().filter(|account| account.kind != AccountKind::Bot);
        Some(AppPage {
            slug: app.slug.clone(),
            name: app.name.clone(),
            owner: app.owner.clone(),
            description: app.description.clone().unwrap_or_default(),
            homepage: app.homepage.clone(),
            is_public: app.is_public,
            permissions: listed(&app.permissions),
            events: app.events.clone(),
            installed_on: installed_on(wire.state, app),
            accounts: accounts
                .map(|account| account.login.clone())
                .filter(|login| is_to_be_installed && may_install(login))
                .collect(),
        })
    });
    page.as_ref().map_or_else(missing, show)
}

fn installed_on(state: &crate::model::State, app: &App) -> Vec<String> {
    state
        .installations_of(app.id)
        .map(|installation| installation.account.clone())
        .collect()
}

fn listed(permissions: &Permissions) -> Vec<(String, &'static str)> {
    permissions
        .iter()
        .map(|(name, level)| (name.replace('_', " "), level.name()))
        .collect()
}
