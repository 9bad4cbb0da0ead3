//! The page on this machine: who may see it, and what is done when GitHub sends the browser back.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use domain::Login;
use github::{NewApp, Permission, convert_manifest};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    address::GitHub, keeping::Keeping, manifest::Manifest, one_time::OneTime, options::Options, page,
};

/// Nothing is loaded and nothing runs. Where forms lead is not restricted: a GitHub may send people to
/// another site first, to sign in.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'";

/// What GitHub is asked to make, and what is done with it.
pub(crate) struct Proposal {
    pub(crate) github: GitHub,
    pub(crate) organization: Option<Login>,
    pub(crate) manifest: Manifest,
    pub(crate) keeping: Keeping,
    /// Proves that a browser that comes back was sent by our page.
    state: OneTime,
}

/// What has come of it. The App is there in any case.
pub(crate) enum Outcome {
    /// Its secrets are where they belong.
    Kept { app: NewApp, place: String },
    /// They are to be shown, and nothing else.
    Shown { app: NewApp },
    /// They could not be kept, and are shown, so that they are not lost.
    NotKept { app: NewApp, error: String },
}

/// Where the page is.
pub(crate) struct Page {
    listener: TcpListener,
    address: SocketAddr,
    /// Whoever does not know it sees nothing: other people may have accounts on this machine.
    key: OneTime,
}

/// What the page's requests share.
struct Shared {
    proposal: Proposal,
    page_url: Url,
    /// Taken by the first that comes back with the right state and a good code.
    done: Mutex<Option<oneshot::Sender<Outcome>>>,
}

/// What GitHub sends a browser back with.
#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
}

impl Proposal {
    /// What the options ask for.
    ///
    /// # Errors
    /// If the machine has no randomness to give.
    pub(crate) fn new(options: &Options, manifest: Manifest, keeping: Keeping) -> anyhow::Result<Self> {
        Ok(Self {
            github: options.github_url.clone(),
            organization: options.organization.clone(),
            manifest,
            keeping,
            state: OneTime::new()?,
        })
    }

    /// Where the manifest goes.
    pub(crate) fn new_app_url(&self) -> Url {
        self.github.new_app_url(self.organization.as_ref(), self.state.expose())
    }

    /// What the service has to be told of the App: a value of the chart, the worker's variable, and what
    /// they are.
    pub(crate) fn settings(&self, app: &NewApp) -> Vec<(&'static str, &'static str, String)> {
        let mut settings = vec![("github.appId", "GITHUB_APP_ID", app.id.to_string())];
        if !self.github.is_github_com() {
            settings.push(("github.apiUrl", "GITHUB_API_URL", self.github.api_url().into()));
        }
        if self.manifest.default_permissions.contains_key(&Permission::Deployments) {
            settings.push(("github.deployments", "GITHUB_DEPLOYMENTS", true.to_string()));
        }
        settings
    }

    /// Keeps what GitHub has made.
    async fn keep(&self, app: NewApp) -> Outcome {
        match (self.keeping.keep(&app).await, &self.keeping) {
            (Ok(()), Keeping::Shown) => Outcome::Shown { app },
            (Ok(()), keeping) => Outcome::Kept { app, place: keeping.to_string() },
            (Err(error), _) => Outcome::NotKept { app, error: format!("{error:#}") },
        }
    }
}

impl Outcome {
    /// The App that GitHub has made.
    pub(crate) fn app(&self) -> &NewApp {
        match self {
            Self::Kept { app, .. } | Self::Shown { app } | Self::NotKept { app, .. } => app,
        }
    }
}

impl Page {
    /// Takes the port; nothing is shown yet.
    ///
    /// # Errors
    /// If it is taken.
    pub(crate) async fn open(listen: SocketAddr) -> anyhow::Result<Self> {
        let listening = || format!("cannot listen on {listen} (--listen)");
        let listener = TcpListener::bind(listen).await.with_context(listening)?;
        let address = listener.local_addr().with_context(listening)?;
        Ok(Self { listener, address, key: OneTime::new()? })
    }

    /// Its address.
    pub(crate) fn url(&self) -> Url {
        self.at(&self.path())
    }

    /// Where GitHub sends the browser back to.
    pub(crate) fn redirect_url(&self) -> Url {
        self.at(&self.redirect_path())
    }

    fn at(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address)
            .parse()
            .expect("a socket's address is one")
    }

    fn path(&self) -> String {
        format!("/{}", self.key.expose())
    }

    fn redirect_path(&self) -> String {
        format!("/{}/created", self.key.expose())
    }

    /// Shows the page until an App was made, and the browser has been told.
    ///
    /// # Errors
    /// If it cannot be shown any more.
    pub(crate) async fn serve(self, proposal: Proposal) -> anyhow::Result<Outcome> {
        let (done, outcome) = oneshot::channel();
        let shared = Arc::new(Shared { proposal, page_url: self.url(), done: Mutex::new(Some(done)) });
        let router = Router::new()
            .route(&self.path(), get(propose))
            .route(&self.redirect_path(), get(come_back))
            .with_state(shared);
        let told = CancellationToken::new();
        // Answers that have begun are given to their end.
        let serving =
            axum::serve(self.listener, router).with_graceful_shutdown(told.clone().cancelled_owned());
        let serving = tokio::spawn(serving.into_future());
        let outcome = outcome.await.context("the page is not shown any more")?;
        told.cancel();
        serving.await??;
        Ok(outcome)
    }
}

async fn propose(State(shared): State<Arc<Shared>>) -> Response {
    shown(StatusCode::OK, page::propose(&shared.proposal))
}

async fn come_back(State(shared): State<Arc<Shared>>, Query(back): Query<Back>) -> Response {
    let Shared { proposal, page_url, done } = &*shared;
    let refused = |status, reason: &str| shown(status, page::refused(reason, page_url.as_str()));
    if !back.state.is_some_and(|state| proposal.state.is(&state)) {
        return refused(
            StatusCode::FORBIDDEN,
            "This browser was not sent here by the page that this command has opened.",
        );
    }
    let Some(code) = back.code else {
        return refused(StatusCode::BAD_REQUEST, "GitHub has sent this browser back without a code.");
    };
    // Held to the end: one code, one App.
    let mut done = done.lock().await;
    if done.is_none() {
        return refused(StatusCode::GONE, "An App was created already.");
    }
    let app = match convert_manifest(&proposal.github.api_url(), &code).await {
        Ok(app) => app,
        Err(error) if error.is_not_found() => {
            return refused(
                StatusCode::BAD_GATEWAY,
                "GitHub does not know that code: it is good once, and for an hour.",
            );
        }
        Err(error) => {
            let reason = format!(
                "{error}. If GitHub's settings list the App, delete it there before you start again."
            );
            return refused(StatusCode::BAD_GATEWAY, &reason);
        }
    };
    let outcome = proposal.keep(app).await;
    let page = shown(StatusCode::OK, page::created(proposal, &outcome));
    // Nobody waits any more if the command was ended.
    if let Some(done) = done.take() {
        let _ = done.send(outcome);
    }
    page
}

fn shown(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, Html(html)).into_response()
}
