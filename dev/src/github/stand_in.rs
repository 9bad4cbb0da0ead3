//! A running stand-in: how it is started, asked and stopped.

use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{
    clock::Clock,
    conversation::Repository,
    deliveries::{Courier, DELIVERY_DEADLINE, Delivery, HOOK_ID, Hook},
    description::Violation,
    keys::AppKey,
    model::{AccountKind, Level, State},
    rest, samples,
    shared::{Push, Shared, Traffic, lock},
    user::User,
    wire::Urls,
};

/// The App that the stand-in knows.
const APP_ID: u64 = 1_234_567;
/// Its name in URLs; it comments as `deploy-previews[bot]`.
const APP_SLUG: &str = "deploy-previews";
/// Pushes that a slow subscriber may lag behind before it loses some.
const PUSH_BACKLOG: usize = 1_024;

/// How a stand-in is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where deliveries go; none are made without it.
    pub webhook_url: Option<Url>,
    /// What deliveries are signed with.
    pub webhook_secret: SecretString,
    /// The folder whose files new repositories start with.
    pub content: PathBuf,
    /// Where the bare git repositories are kept; emptied at start. A temporary folder if `None`.
    pub data: Option<PathBuf>,
    /// How long a delivery may take.
    pub delivery_deadline: Duration,
}

impl Default for Options {
    /// A free port on the loopback interface, no webhook, a random secret, and this checkout's hello-world app.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            webhook_url: None,
            webhook_secret: uuid::Uuid::new_v4().simple().to_string().into(),
            content: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../hello-world-app")),
            data: None,
            delivery_deadline: DELIVERY_DEADLINE,
        }
    }
}

/// Why a stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("the GitHub stand-in cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The folder for the repositories cannot be used.
    #[error("the GitHub stand-in cannot keep its repositories in {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The client for deliveries could not be made.
    #[error("the GitHub stand-in cannot make deliveries: {0}")]
    Deliveries(#[from] reqwest::Error),
}

/// That something did not happen in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {deadline:?} for {what}, in vain. {seen}")]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub deadline: Duration,
    /// What there was instead.
    pub seen: String,
}

/// The webhook's answer to a request of a test's own making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// A running stand-in; clones are the same one. It stops when the last of them, and of what came from it, is dropped.
#[derive(Clone)]
pub struct StandIn {
    pub(super) shared: Arc<Shared>,
    content: Arc<PathBuf>,
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
                    tokio::fs::remove_dir_all(&repositories).await.map_err(in_folder(repositories.clone()))?;
                }
                tokio::fs::create_dir_all(&repositories).await.map_err(in_folder(repositories.clone()))?;
                (repositories, None)
            }
            None => {
                let folder = tempfile::Builder::new().prefix("github-").tempdir().map_err(in_folder(std::env::temp_dir()))?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let failed = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (clock, changed, violations) = (Clock::default(), watch::Sender::new(0), Arc::new(Mutex::default()));
        let hook = Hook { url: options.webhook_url, secret: options.webhook_secret };
        let courier =
            Courier::start(hook, APP_ID, options.delivery_deadline, (clock.clone(), changed.clone(), Arc::clone(&violations)), (&tasks, &stop))?;
        let mut state = State::new(APP_ID, APP_SLUG, clock.now());
        for (login, _) in User::ROLES {
            state.add_account(login, AccountKind::Person);
        }
        state.add_account(User::outsider().login(), AccountKind::Person);
        state.add_account(User::other_bot().login(), AccountKind::Bot);
        let shared = Arc::new(Shared {
            urls: Urls::of(address),
            clock,
            courier,
            pushes: broadcast::Sender::new(PUSH_BACKLOG),
            repositories,
            changed,
            violations,
            meters: Mutex::new(HashMap::new()),
            traffic: Mutex::default(),
            state: Mutex::new(state),
        });
        let app = axum::Router::new()
            .route(&format!("{}/{{*rest}}", Urls::API_ROOT), axum::routing::any(rest::serve))
            .with_state(Arc::clone(&shared));
        let stopped = stop.clone();
        tasks.spawn(async move {
            let serving = axum::serve(listener, app).with_graceful_shutdown(async move { stopped.cancelled().await });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the GitHub stand-in stopped serving");
            }
        });
        Ok(Self { shared, content: Arc::new(options.content), running: Arc::new(Running { stop, tasks, _folder: folder }) })
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

    /// The App's private key (PKCS#8, PEM).
    #[must_use]
    pub fn private_key_pem(&self) -> &str {
        AppKey::get().private_pem()
    }

    /// What deliveries are signed with.
    #[must_use]
    pub fn webhook_secret(&self) -> SecretString {
        self.shared.courier.hook().secret
    }

    /// Sends deliveries elsewhere from now on, or nowhere.
    pub fn set_webhook_url(&self, url: Option<Url>) {
        self.shared.courier.set_url(url);
    }

    /// Signs deliveries with another secret from now on.
    pub fn set_webhook_secret(&self, secret: SecretString) {
        self.shared.courier.set_secret(secret);
    }

    /// Creates a repository whose name begins with `prefix` and is like no other's, so that tests can share a cluster.
    ///
    /// # Errors
    /// When git fails or the content folder cannot be read.
    pub async fn repository(&self, owner: &str, prefix: &str) -> Result<Repository, samples::ContentError> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        self.repository_named(owner, &format!("{prefix}-{}", &unique[..8]), false).await
    }

    /// Creates a repository with exactly this name.
    ///
    /// # Errors
    /// When git fails or the content folder cannot be read.
    pub async fn repository_named(&self, owner: &str, name: &str, private: bool) -> Result<Repository, samples::ContentError> {
        let files = samples::read_folder(&self.content).await?;
        samples::create(&self.shared, owner, name, private, &files, self.shared.clock.now()).await?;
        Ok(Repository::new(self, owner, name))
    }

    /// Adds the sample repository with its pull requests, for a person to play with.
    ///
    /// # Errors
    /// When git fails or the content folder cannot be read.
    pub async fn add_samples(&self) -> Result<Repository, samples::ContentError> {
        let files = samples::read_folder(&self.content).await?;
        samples::add(&self.shared, files).await?;
        let (owner, name) = samples::SAMPLE_REPOSITORY;
        Ok(Repository::new(self, owner, name))
    }

    /// The installation that covers an owner's repositories.
    #[must_use]
    pub fn installation_id(&self, owner: &str) -> Option<u64> {
        self.shared.read(|wire| wire.state.installations.values().find(|one| one.account.eq_ignore_ascii_case(owner)).map(|one| one.id))
    }

    /// Changes what the App may do on an owner's repositories (`issues` → `read`), for tokens made from now on. `None` takes it away.
    pub fn set_permission(&self, owner: &str, permission: &str, level: Option<&str>) {
        self.shared.change(|state| {
            for installation in state.installations.values_mut().filter(|one| one.account.eq_ignore_ascii_case(owner)) {
                match level.and_then(Level::parse) {
                    Some(level) => installation.permissions.insert(permission.to_owned(), level),
                    None => installation.permissions.remove(permission),
                };
            }
        });
    }

    /// Removes the App from an owner's repositories.
    pub fn uninstall(&self, owner: &str) {
        self.shared.change(|state| state.installations.retain(|_, one| !one.account.eq_ignore_ascii_case(owner)));
    }

    /// Lets every token handed out so far expire now.
    pub fn expire_tokens(&self) {
        let now = self.shared.clock.now();
        self.shared.change(|state| state.tokens.values_mut().for_each(|token| token.expires_at = now));
    }

    /// Moves the stand-in's clock forward: tokens age, limits recover, deliveries are forgotten.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Where requests, answers or deliveries departed from GitHub's description. Empty in every good test.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        lock(&self.shared.violations).clone()
    }

    /// What came in over REST so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        lock(&self.shared.traffic).clone()
    }

    /// Every delivery so far, oldest first, attempts under way included.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.courier.all()
    }

    /// Sends the last delivery with this GUID once more; `false` if there is none.
    #[must_use]
    pub fn redeliver(&self, guid: &str) -> bool {
        let last = self.deliveries().into_iter().rev().find(|delivery| delivery.guid == guid);
        last.is_some_and(|delivery| self.shared.courier.redeliver(delivery.id))
    }

    /// Tells the webhook that it was set up.
    pub fn ping(&self) -> Option<String> {
        let url = self.shared.courier.hook().url?;
        let event = self.shared.read(|wire| wire.ping(HOOK_ID, url.as_str()));
        self.shared.courier.send(event)
    }

    /// Waits until the last attempt with this GUID has ended.
    ///
    /// # Errors
    /// When it has not by the deadline.
    pub async fn wait_for_delivery(&self, guid: &str, deadline: Duration) -> Result<Delivery, TimedOut> {
        self.wait_for(&format!("the outcome of delivery {guid}"), deadline, || {
            self.deliveries().into_iter().rev().find(|delivery| delivery.guid == guid).filter(|delivery| delivery.outcome.is_some())
        })
        .await
        .map_err(|timed_out| TimedOut { seen: format!("There are {} deliveries.", self.deliveries().len()), ..timed_out })
    }

    /// Sends something of the test's own making to the webhook. Not a delivery: it is neither signed, checked nor recorded.
    ///
    /// # Errors
    /// When no webhook is set or it cannot be reached.
    pub async fn deliver_raw(&self, headers: &BTreeMap<String, String>, body: impl Into<Vec<u8>>) -> Result<RawAnswer, Box<dyn std::error::Error + Send + Sync>> {
        let url = self.shared.courier.hook().url.ok_or("no webhook is set")?;
        let mut request = self.shared.courier.http().post(url).body(body.into());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        Ok(RawAnswer { status: answer.status().as_u16(), body: answer.text().await? })
    }

    /// The signature that the webhook expects of a body.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        super::sign(self.webhook_secret().expose_secret(), body)
    }

    /// Tells of every commit that a pull request gets from now on.
    #[must_use]
    pub fn subscribe_pushes(&self) -> broadcast::Receiver<Push> {
        self.shared.pushes.subscribe()
    }

    /// The head of every open pull request, as if just pushed.
    #[must_use]
    pub fn open_heads(&self) -> Vec<Push> {
        self.shared.read(|wire| {
            let repositories = wire.state.repositories();
            let heads = repositories.flat_map(|repository| repository.pulls().filter(|(issue, _)| issue.is_open()).map(move |pull| (repository, pull)));
            heads
                .map(|(repository, (issue, pull))| Push {
                    owner: repository.owner.clone(),
                    repo: repository.name.clone(),
                    number: issue.number,
                    sha: pull.head_sha().to_owned(),
                    git_dir: repository.git.folder().to_owned(),
                })
                .collect()
        })
    }

    /// Waits until `check` finds something; it is asked again after every change of state.
    ///
    /// # Errors
    /// When it has found nothing by the deadline.
    pub async fn wait_for<T>(&self, what: &str, deadline: Duration, mut check: impl FnMut() -> Option<T>) -> Result<T, TimedOut> {
        let mut changes = self.shared.changed.subscribe();
        let found = tokio::time::timeout(deadline, async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = check() {
                    return found;
                }
                // The sender lives in `self.shared`, so this only ends with a change.
                let _ = changes.changed().await;
            }
        });
        found.await.map_err(|_| TimedOut { what: what.to_owned(), deadline, seen: String::new() })
    }
}
