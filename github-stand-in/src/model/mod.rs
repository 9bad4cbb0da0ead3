//! What the stand-in remembers: accounts, the App, repositories and their conversations. No HTTP here.

mod account;
mod app;
mod deployment;
mod issue;
mod repository;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

pub use account::Role;
pub(crate) use account::{Account, AccountKind};
pub(crate) use app::{App, AppWebhook, Installation, Level, Permissions, Selection, Token};
pub(crate) use deployment::{Deployment, DeploymentStatus};
pub use issue::Version;
pub(crate) use issue::{Comment, Commit, Issue, Merge, PullRequest, Reaction};
pub(crate) use repository::Repository;

/// GitHub's identifiers have outgrown 32 bits; starting there catches clients that have not.
const FIRST_ID: u64 = 3_000_000_001;

/// Everything.
pub(crate) struct State {
    /// The first App, which deliveries are made to.
    pub(crate) app: App,
    /// Those that were registered from manifests, by their numbers.
    registered: BTreeMap<u64, App>,
    /// What registered Apps can be fetched by, once, until the moment beside it.
    pub(crate) conversion_codes: HashMap<String, (u64, Timestamp)>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    pub(crate) tokens: HashMap<String, Token>,
    accounts: BTreeMap<String, Account>,
    repositories: BTreeMap<String, Repository>,
    /// The names that repositories have had, and which of them.
    former_names: BTreeMap<String, u64>,
    last_id: u64,
}

impl State {
    pub(crate) fn new(app: App) -> Self {
        let bot = app.bot_login();
        let mut state = Self {
            registered: BTreeMap::new(),
            conversion_codes: HashMap::new(),
            installations: BTreeMap::new(),
            tokens: HashMap::new(),
            accounts: BTreeMap::new(),
            repositories: BTreeMap::new(),
            former_names: BTreeMap::new(),
            last_id: FIRST_ID,
            app,
        };
        state.add_account(&bot, AccountKind::Bot);
        state.add_account("octo-org", AccountKind::Organization);
        state
    }

    /// All Apps, the first one first.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &App> {
        std::iter::once(&self.app).chain(self.registered.values())
    }

    pub(crate) fn app_by_id(&self, id: u64) -> Option<&App> {
        self.apps().find(|app| app.id == id)
    }

    pub(crate) fn app_by_slug(&self, slug: &str) -> Option<&App> {
        self.apps().find(|app| app.slug == slug)
    }

    /// The App that acts under this login.
    pub(crate) fn app_by_bot(&self, login: &str) -> Option<&App> {
        self.apps().find(|app| app.bot_login() == login)
    }

    /// Adds an App, and the account under which it acts.
    pub(crate) fn register(&mut self, app: App) {
        self.add_account(&app.bot_login(), AccountKind::Bot);
        self.registered.insert(app.id, app);
    }

    /// A fresh identifier, greater than all before it.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Adds an account unless the login is taken.
    pub(crate) fn add_account(&mut self, login: &str, kind: AccountKind) {
        if self.account(login).is_none() {
            let account = Account { id: self.next_id(), login: login.to_owned(), kind };
            self.accounts.insert(login.to_lowercase(), account);
        }
    }

    pub(crate) fn account(&self, login: &str) -> Option<&Account> {
        self.accounts.get(&login.to_lowercase())
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(crate) fn repositories(&self) -> impl DoubleEndedIterator<Item = &Repository> {
        self.repositories.values()
    }

    /// Names are matched as GitHub matches them: without regard to case.
    pub(crate) fn repository(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.get(&key(owner, name))
    }

    pub(crate) fn repository_mut(&mut self, owner: &str, name: &str) -> Option<&mut Repository> {
        self.repositories.get_mut(&key(owner, name))
    }

    pub(crate) fn add_repository(&mut self, repository: Repository) {
        self.repositories.insert(key(&repository.owner, &repository.name), repository);
    }

    /// Gives a repository another name; requests under the old one are told where it is.
    pub(crate) fn rename_repository(&mut self, owner: &str, name: &str, to: &str) -> bool {
        let former = key(owner, name);
        let Some(mut repository) = self.repositories.remove(&former) else {
            return false;
        };
        to.clone_into(&mut repository.name);
        self.former_names.insert(former, repository.id);
        self.add_repository(repository);
        true
    }

    /// The number of the repository that had this name, unless another one has it now.
    pub(crate) fn moved(&self, owner: &str, name: &str) -> Option<u64> {
        let key = key(owner, name);
        let is_taken = self.repositories.contains_key(&key);
        self.former_names.get(&key).copied().filter(|_| !is_taken)
    }

    pub(crate) fn repository_by_id(&self, id: u64) -> Option<&Repository> {
        self.repositories().find(|repository| repository.id == id)
    }

    /// The installation of an App that covers a repository.
    pub(crate) fn installation_for(&self, app: u64, repository: &Repository) -> Option<&Installation> {
        let mut of_app = self.installations_of(app);
        of_app.find(|installation| installation.covers(repository))
    }

    /// Where an App is installed.
    pub(crate) fn installations_of(&self, app: u64) -> impl Iterator<Item = &Installation> {
        self.installations.values().filter(move |installation| installation.app == app)
    }

    /// An App's installation on an account.
    pub(crate) fn installation_on(&self, app: u64, account: &str) -> Option<&Installation> {
        let mut of_app = self.installations_of(app);
        of_app.find(|installation| installation.account.eq_ignore_ascii_case(account))
    }

    /// The role that counts for a person: what they were given, or what everybody has.
    pub(crate) fn role(&self, repository: &Repository, login: &str) -> Role {
        let given = repository.collaborators.get(&login.to_lowercase()).copied();
        let everybody = if repository.private { Role::None } else { Role::Read };
        given.unwrap_or(everybody).max(everybody)
    }

    /// How GitHub describes an author beside a comment. No permission: it says nothing about write access.
    pub(crate) fn association(&self, repository: &Repository, login: &str) -> &'static str {
        if login.eq_ignore_ascii_case(&repository.owner) {
            "OWNER"
        } else if repository.collaborators.contains_key(&login.to_lowercase()) {
            "COLLABORATOR"
        } else if repository.issues.values().any(|issue| issue.is_merged_by_author(login)) {
            "CONTRIBUTOR"
        } else {
            "NONE"
        }
    }
}

fn key(owner: &str, name: &str) -> String {
    format!("{owner}/{name}").to_lowercase()
}
