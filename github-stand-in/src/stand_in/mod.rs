//! A running stand-in: how it is started and stopped, and what is in it.

mod apps;
mod control;
mod observe;
mod options;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{
    clock::Clock,
    conversation::Repository,
    deliveries::{Courier, Hook},
    keys::{AppKey, AppKeys},
    limits::TOKEN_LIFE,
    model::{AccountKind, App, Installation, State},
    page, rest, samples,
    shared::Shared,
    user::User,
    wire::Urls,
};

pub use apps::RegisteredApp;
pub use control::RawAnswer;
pub use observe::TimedOut;
pub use options::{Options, StartError};

/// The App that the stand-in knows.
const APP_ID: u64 = 1_234_567;
/// Its name in URLs; it comments as `deploy-previews[bot]`.
const APP_SLUG: &str = "deploy-previews";
/// Pushes that a slow subscriber may lag behind before it loses some.
const PUSH_BACKLOG: usize = 1_024;

/// A running stand-in; clones are the same one. It stops when the last of them,
/// and of what came from it, is dropped.
#[derive(Clone)]
pub struct StandIn {
    pub(crate) shared: Arc<Shared>,
    content: Arc<PathBuf>,
    key: Arc<AppKey>,
    chart: Arc<PathBuf>,
    running: Arc<Running>,
}

struct Running {
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Removed with the stand-in.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl StandIn {
    /// Starts a stand-in.
    ///
    /// # Errors
    /// When the address or the folder cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let in_folder = |folder: PathBuf| move |source| StartError::Folder { folder, source };
        let (repositories, folder) = match options.data {
            Some(data) => {
                let repositories = data.join("repositories");
                if repositories.exists() {
                    tokio::fs::remove_dir_all(&repositories)
                        .await
                        .map_err(in_folder(repositories.clone()))?;
                }
                tokio::fs::create_dir_all(&repositories)
                    .await
                    .map_err(in_folder(repositories.clone()))?;
                (repositories, None)
            }
            None => {
                let folder = tempfile::Builder::new()
                    .prefix("github-")
                    .tempdir()
                    .map_err(in_folder(std::env::temp_dir()))?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let failed = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (clock, changed, violations) =
            (Clock::default(), watch::Sender::new(0), Arc::new(Mutex::default()));
        let hook = Hook { url: options.webhook_url, secret: options.webhook_secret };
        let courier = Courier::start(
            hook,
            APP_ID,
            options.delivery_deadline,
            (clock.clone(), changed.clone(), Arc::clone(&violations)),
            (&tasks, &stop),
        )?;
        let urls = Urls::of(address, options.page_url.as_ref(), options.api_url.as_ref());
        let key = AppKey::first();
        let mut state = State::new(App {
            id: APP_ID,
            slug: APP_SLUG.to_owned(),
            name: APP_SLUG.to_owned(),
            description: Some("Deploy previews for pull requests".to_owned()),
            homepage: urls.page.clone(),
            owner: "octo-org".to_owned(),
            is_public: true,
            permissions: Installation::usual_permissions(),
            events: App::USUAL_EVENTS.iter().map(ToString::to_string).collect(),
            keys: AppKeys::of(Arc::clone(&key)),
            webhook: None,
            created_at: clock.now(),
        });
        for (login, _) in User::ROLES {
            state.add_account(login, AccountKind::Person);
        }
        state.add_account(User::outsider().login(), AccountKind::Person);
        state.add_account(User::other_bot().login(), AccountKind::Bot);
        let shared = Arc::new(Shared {
            urls,
            clock,
            courier,
            pushes: broadcast::Sender::new(PUSH_BACKLOG),
            repositories,
            changed,
            violations,
            meters: Mutex::new(HashMap::new()),
            traffic: Mutex::default(),
            state: Mutex::new(state),
            faults: Mutex::default(),
            requests: Mutex::default(),
            token_life: Mutex::new(TOKEN_LIFE),
            stop: stop.clone(),
        });
        let app = axum::Router::new()
            .route(&format!("{}/{{*rest}}", Urls::API_ROOT), axum::routing::any(rest::serve))
            .merge(page::router())
            .with_state(Arc::clone(&shared));
        let stopped = stop.clone();
        tasks.spawn(async move {
            let serving =
                axum::serve(listener, app).with_graceful_shutdown(async move { stopped.cancelled().await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the GitHub stand-in stopped serving");
            }
        });
        Ok(Self {
            shared,
            content: Arc::new(options.content),
            key,
            chart: Arc::new(options.chart),
            running: Arc::new(Running { stop, tasks, _folder: folder }),
        })
    }

    /// Stops serving and delivering, and waits until both have ended.
    pub async fn stop(&self) {
        self.running.stop.cancel();
        self.running.tasks.close();
        self.running.tasks.wait().await;
    }

    /// Where the REST API is, to be given to a client as its base.
    #[must_use]
    pub fn api_url(&self) -> Url {
        self.shared.urls.api_url()
    }

    /// Where a person looks at it.
    #[must_use]
    pub fn page_url(&self) -> Url {
        self.shared.urls.page_url()
    }

    /// The App's identifier.
    #[must_use]
    pub fn app_id(&self) -> u64 {
        APP_ID
    }

    /// The login under which the App comments.
    #[must_use]
    pub fn app_login(&self) -> String {
        format!("{APP_SLUG}[bot]")
    }

    /// The App's private key (PKCS#1, PEM).
    #[must_use]
    pub fn private_key_pem(&self) -> &str {
        self.key.private_pem()
    }

    /// The installation that covers an owner's repositories.
    #[must_use]
    pub fn installation_id(&self, owner: &str) -> Option<u64> {
        self.shared
            .read(|wire| wire.state.installation_on(APP_ID, owner).map(|one| one.id))
    }

    /// Creates a repository whose name begins with `prefix` and is like no
    /// other's, so that tests can share a cluster.
    ///
    /// # Errors
    /// When git fails or the content folder cannot be read.
    pub async fn repository(&self, owner: &str, prefix: &str) -> Result<Repository, samples::ContentError> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        self.repository_named(owner, &format!("{prefix}-{}", &unique[..8]), false).await
    }

    /// Creates a repository with exactly this name, and installs the App for its owner.
    ///
    /// # Errors
    /// When git fails or the content folder cannot be read.
    pub async fn repository_named(
        &self,
        owner: &str,
        name: &str,
        private: bool,
    ) -> Result<Repository, samples::ContentError> {
        let files = samples::read_folder(&self.content).await?;
        samples::create(&self.shared, owner, name, private, &files, self.shared.clock.now()).await?;
        self.shared.install(owner);
        Ok(Repository::new(self, owner, name))
    }

    /// Adds the sample repository with its pull requests, for a person to play with. The App is installed
    /// after them, so that the webhook is not told of what was there before.
    ///
    /// # Errors
    /// When git fails or the content folder cannot be read.
    pub async fn add_samples(&self) -> Result<Repository, samples::ContentError> {
        let mut files = samples::read_folder(&self.content).await?;
        files.extend(samples::chart(&self.chart).await?);
        samples::add(&self.shared, files).await?;
        let (owner, name) = samples::SAMPLE_REPOSITORY;
        Ok(Repository::new(self, owner, name))
    }
}
