//! `preview setup github` against the GitHub stand-in, by somebody who follows its pages without a browser.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use domain::{PullRequestNumber, PullRequestRef};
use github::{AppConfig, GitHubApp};
use github_stand_in::{Options, RegisteredApp, StandIn, User};
use reqwest::{Response, header};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use url::Url;

/// Far more than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const CONVERSION: &str = "apps/create-from-manifest";

/// The command while it runs.
struct Setup {
    command: Child,
    page: Url,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

impl Setup {
    async fn start(github: &StandIn, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = run(github, arguments, folder.path());
        let mut lines = BufReader::new(command.stdout.as_mut().expect("it is piped")).lines();
        let page = timeout(DEADLINE, async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if let Ok(page) = line.trim().parse() {
                    return page;
                }
            }
            panic!("it says where its page is");
        });
        let page = page.await.expect("it says so in time");
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { command, page, http, folder }
    }

    async fn get(&self, url: Url) -> Response {
        self.http.get(url).send().await.expect("an answer")
    }

    /// Goes from our page to GitHub's, creates the App there, and returns where GitHub sends the browser.
    async fn create_app(&self, github: &StandIn) -> Url {
        let page = self.get(self.page.clone()).await;
        assert_eq!(page.status(), 200);
        let html = page.text().await.expect("text");
        let (action, manifest) = (attribute(&html, "action"), attribute(&html, "value"));
        let proposed = self.post(action.parse().expect("an address"), &[("manifest", &manifest)]).await;
        assert_eq!(proposed.status(), 200, "{action}");
        let html = proposed.text().await.expect("text");
        let state = parameter(&action.parse().expect("an address"), "state");
        let own = github.page_url().join(&attribute(&html, "action")).expect("an address");
        let form = [("manifest", &*manifest), ("state", &*state), ("name", "Ours")];
        let created = self.post(own, &form).await;
        assert_eq!(created.status(), 302, "{}", created.text().await.expect("text"));
        let back = created.headers()[header::LOCATION].to_str().expect("text");
        back.parse().expect("an address")
    }

    async fn post(&self, url: Url, form: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(url).body(body);
        let sent = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").send();
        sent.await.expect("an answer")
    }

    /// How it has ended.
    async fn ended(self) -> (Output, tempfile::TempDir) {
        let output = timeout(DEADLINE, self.command.wait_with_output())
            .await
            .expect("it ends in time");
        (output.expect("an end"), self.folder)
    }
}

fn run(github: &StandIn, arguments: &[&str], folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_preview"))
        .args(["setup", "github", "--webhook-url=https://hooks.example.com"])
        .args(["--github-url", github.page_url().as_str()])
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it is built")
}

async fn stand_in() -> StandIn {
    StandIn::start(Options::default()).await.expect("a stand-in")
}

/// The value of the first attribute of that name in what the page shows.
fn attribute(html: &str, name: &str) -> String {
    let (_, body) = html.split_once("<body>").expect("a page");
    let (_, rest) = body.split_once(&format!(" {name}=\"")).expect("such an attribute");
    let (value, _) = rest.split_once('"').expect("its end");
    [("&#34;", "\""), ("&#38;", "&"), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">")]
        .iter()
        .fold(value.to_owned(), |value, (escaped, plain)| value.replace(escaped, plain))
}

fn parameter(url: &Url, name: &str) -> String {
    let mut parameters = url.query_pairs();
    parameters.find(|(key, _)| key == name).expect(name).1.into_owned()
}

fn only_app(github: &StandIn) -> RegisteredApp {
    let mut apps = github.registered_apps();
    assert_eq!(apps.len(), 1);
    apps.remove(0)
}

/// That nothing was said on the terminal which is for nobody's eyes.
fn assert_says_no_secret(output: &Output, app: &RegisteredApp) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let secrets = [
        app.private_key.expose_secret(),
        app.webhook_secret.as_ref().expect("a webhook").expose_secret(),
    ];
    for secret in secrets.iter().flat_map(|secret| secret.lines()) {
        assert!(!said.contains(secret) || secret.starts_with("---"), "{said}");
    }
    assert!(!said.contains("PRIVATE KEY"), "{said}");
}

fn files(folder: &Path) -> [PathBuf; 3] {
    ["private-key.pem", "webhook-secret", "app-id"].map(|file| folder.join("app").join(file))
}

#[tokio::test]
async fn the_app_that_an_organization_registers_is_kept_in_files_and_works() {
    let github = stand_in().await;
    let setup = Setup::start(&github, &["--organization=octo-org", "--directory=app"]).await;
    let back = setup.create_app(&github).await;
    assert_eq!(back.port(), setup.page.port());
    let page = setup.get(back).await;
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
    let html = page.text().await.unwrap();
    let (output, folder) = setup.ended().await;
    assert!(output.status.success(), "{output:?}");

    let app = only_app(&github);
    assert_eq!((app.name.as_str(), app.owner.as_str(), app.is_public), ("Ours", "octo-org", false));
    assert_eq!(app.events, ["issue_comment", "pull_request"]);
    let asked: Vec<_> = app.permissions.iter().map(|(name, level)| format!("{name}={level}")).collect();
    assert_eq!(asked, ["contents=read", "issues=write", "metadata=read", "pull_requests=write"]);
    let webhook = app.webhook_url.as_ref().unwrap().as_str();
    assert_eq!(webhook, "https://hooks.example.com/api/github/webhooks");

    let [private_key, webhook_secret, app_id] =
        files(folder.path()).map(|file| fs::read_to_string(file).unwrap());
    assert_eq!(private_key, app.private_key.expose_secret());
    assert_eq!(webhook_secret, app.webhook_secret.as_ref().unwrap().expose_secret());
    assert_eq!(app_id, app.id.to_string());
    assert_says_no_secret(&output, &app);
    assert!(!html.contains(&webhook_secret) && !html.contains("PRIVATE KEY"), "{html}");
    let said = String::from_utf8(output.stdout).unwrap();
    let install = format!("{}apps/ours/installations/new", github.page_url());
    assert!(said.contains(&install) && html.contains(&install), "{said}");

    // And with these it is the worker's.
    let repository = github.repository("octo-org", "hello").await.unwrap();
    let content = [("content.json", "{}")];
    let pull = repository.open_pull_request(&User::writer(), "Greet", content).await.unwrap();
    let installation = github.install_app(app.id, "octo-org").unwrap();
    let client = GitHubApp::new(&AppConfig {
        api_url: github.api_url(),
        app_id: app.id,
        private_key: private_key.into(),
        deployments: false,
    })
    .unwrap();
    let reference = PullRequestRef {
        installation: domain::InstallationId(installation),
        repository: repository.full_name().parse().unwrap(),
        number: PullRequestNumber::new(pull.number()).unwrap(),
    };
    client.create_comment(&reference, "hello").await.unwrap();
    assert_eq!(pull.comments()[0].author, "ours[bot]");
    assert_eq!(github.violations(), []);
}

#[tokio::test]
async fn a_browser_that_our_page_has_not_sent_gets_nothing() {
    let github = stand_in().await;
    let setup = Setup::start(&github, &["--directory=app"]).await;
    let back = setup.create_app(&github).await;
    let code = parameter(&back, "code");
    let with = |query: &str| {
        let mut url = back.clone();
        url.set_query(Some(query));
        url
    };
    for query in [
        format!("code={code}"),
        format!("code={code}&state="),
        format!("code={code}&state=guessed"),
    ] {
        assert_eq!(setup.get(with(&query)).await.status(), 403, "{query}");
    }
    let state = parameter(&back, "state");
    assert_eq!(setup.get(with(&format!("state={state}"))).await.status(), 400);
    let mut elsewhere = back.clone();
    elsewhere.set_path("/created");
    assert_eq!(setup.get(elsewhere).await.status(), 404, "the page's address is a secret");
    assert_eq!(github.traffic().of(CONVERSION), 0, "nothing was fetched");
    assert!(!files(setup.folder.path())[0].exists());

    // The one that it has sent goes on.
    assert_eq!(setup.get(back).await.status(), 200);
    let (output, folder) = setup.ended().await;
    assert!(output.status.success(), "{output:?}");
    assert!(files(folder.path())[0].exists());
}

#[tokio::test]
async fn a_code_that_is_not_good_any_more_is_told_and_another_one_is_taken() {
    let github = stand_in().await;
    let setup = Setup::start(&github, &["--directory=app"]).await;
    let late = setup.create_app(&github).await;
    github.advance(Duration::from_secs(3600));
    let page = setup.get(late.clone()).await;
    assert_eq!(page.status(), 502);
    assert!(page.text().await.unwrap().contains("it is good once, and for an hour"));
    assert_eq!(setup.get(late).await.status(), 502);
    assert_eq!(github.traffic().of(CONVERSION), 2);
    assert!(!files(setup.folder.path())[0].exists());
}

#[tokio::test]
async fn without_a_place_for_them_the_page_shows_the_secrets_once() {
    let github = stand_in().await;
    let setup = Setup::start(&github, &["--public", "--deployments"]).await;
    let back = setup.create_app(&github).await;
    let html = setup.get(back.clone()).await.text().await.unwrap();
    let http = setup.http.clone();
    let (output, _) = setup.ended().await;
    assert!(output.status.success(), "{output:?}");
    let app = only_app(&github);
    assert!(app.is_public && app.owner == User::admin().login());
    assert_eq!(app.permissions["deployments"], "write");
    let settings = ["appId", "apiUrl", "deployments"].map(|value| format!("--set github.{value}="));
    assert!(settings.iter().all(|setting| html.contains(setting)), "{html}");
    assert!(html.contains(app.private_key.expose_secret()), "{html}");
    assert!(html.contains(app.webhook_secret.as_ref().unwrap().expose_secret()), "{html}");
    assert_says_no_secret(&output, &app);
    assert!(http.get(back).send().await.is_err(), "the page is gone");
}

#[tokio::test]
async fn nothing_is_asked_of_github_where_the_secrets_are_kept_already() {
    let github = stand_in().await;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("app")).unwrap();
    let [private_key, ..] = files(folder.path());
    fs::write(&private_key, "the one in use").unwrap();
    let refused = run(&github, &["--directory=app"], folder.path());
    let output = timeout(DEADLINE, refused.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("private-key.pem is there already"), "{said}");
    assert!(output.stdout.is_empty(), "no page");
    assert_eq!(fs::read_to_string(private_key).unwrap(), "the one in use");
}

#[tokio::test]
async fn secrets_that_cannot_be_kept_in_the_end_are_not_lost() {
    let github = stand_in().await;
    let setup = Setup::start(&github, &["--directory=app"]).await;
    let back = setup.create_app(&github).await;
    // Somebody else was faster.
    let [private_key, ..] = files(setup.folder.path());
    fs::write(&private_key, "another's").unwrap();
    let html = setup.get(back).await.text().await.unwrap();
    let (output, _folder) = setup.ended().await;
    let app = only_app(&github);
    assert!(
        html.contains("could not be kept") && html.contains(app.private_key.expose_secret()),
        "{html}"
    );
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("private-key.pem"), "{output:?}");
    assert_says_no_secret(&output, &app);
    assert_eq!(fs::read_to_string(private_key).unwrap(), "another's");
}
