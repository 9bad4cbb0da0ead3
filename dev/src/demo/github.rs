//! What people do on GitHub's page, and what the App itself can read there over REST.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use github_stand_in::SAMPLE_REPOSITORY;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};
use stack::env::ServiceEnv;
use stack::eventually;
use url::Url;

/// For a comment to say what comes next.
const PATIENCE: Duration = Duration::from_secs(150);
/// For one answer of GitHub.
const ANSWER: Duration = Duration::from_secs(20);
/// How long the App's own credential is good for; GitHub allows ten minutes.
const JWT_SECONDS: i64 = 300;
/// Who pushes and comments.
const MONA: &str = "mona";

pub(crate) struct GitHub {
    client: reqwest::Client,
    api: Url,
    page: Url,
    token: String,
}

pub(crate) struct PullRequest {
    pub(crate) owner: String,
    pub(crate) repo: String,
    pub(crate) number: u64,
    pub(crate) page: Url,
}

impl PullRequest {
    /// `owner/repo`
    pub(crate) fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.repo)
    }
}

#[derive(Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) body: String,
    user: Author,
}

#[derive(Deserialize)]
struct Author {
    r#type: String,
}

impl Comment {
    /// What it says under its heading, in one line.
    pub(crate) fn first_line(&self) -> &str {
        self.body
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with("<!--") && !line.starts_with('#'))
            .unwrap_or_default()
    }

    /// The first URL in it whose host is below `domain`.
    pub(crate) fn url_below(&self, domain: &str) -> Option<Url> {
        let words = self.body.split(|c: char| c.is_whitespace() || "()<>[]`\"*".contains(c));
        words
            .filter_map(|word| Url::parse(word).ok())
            .find(|url| url.host_str().is_some_and(|host| host.ends_with(domain)))
    }
}

impl GitHub {
    pub(crate) async fn connect(service: &ServiceEnv) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(ANSWER)
            .user_agent("cargo-dev-demo")
            .no_proxy()
            .build()?;
        // A base without a slash at its end would lose its last part when joined.
        let api = Url::parse(&format!("{}/", service.github_api_url.trim_end_matches('/')))?;
        let mut github = Self {
            client,
            api,
            page: service.github_page_url.parse()?,
            token: app_credential(service)?,
        };
        let (owner, repo) = SAMPLE_REPOSITORY;
        let installation = github.get(&format!("repos/{owner}/{repo}/installation")).await?;
        let tokens = format!("app/installations/{}/access_tokens", installation["id"]);
        let minted = github.request(reqwest::Method::POST, &tokens).await?;
        github.token = minted["token"].as_str().context("GitHub gave no token")?.to_owned();
        Ok(github)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.request(reqwest::Method::GET, path).await
    }

    async fn request(&self, method: reqwest::Method, path: &str) -> anyhow::Result<Value> {
        let request = self
            .client
            .request(method, self.api.join(path)?)
            .bearer_auth(&self.token)
            .header("accept", "application/vnd.github+json");
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "GitHub answered {status} to {path}: {}", answer.text().await?);
        Ok(answer.json().await?)
    }

    /// One of the sample pull requests.
    pub(crate) async fn pull_request(&self, number: u64) -> anyhow::Result<PullRequest> {
        let (owner, repo) = SAMPLE_REPOSITORY;
        let page = self.page.join(&format!("{owner}/{repo}/pull/{number}"))?;
        let answer = self.client.get(page.clone()).send().await?;
        ensure!(answer.status().is_success(), "{page} answered {}", answer.status());
        Ok(PullRequest { owner: owner.to_owned(), repo: repo.to_owned(), number, page })
    }

    pub(crate) async fn head_of(&self, pull: &PullRequest) -> anyhow::Result<String> {
        let found = self.get(&format!("repos/{}/pulls/{}", pull.repository(), pull.number)).await?;
        Ok(found["head"]["sha"].as_str().context("a pull request has a head")?.to_owned())
    }

    /// As the page's form "Push a commit" does.
    pub(crate) async fn push(&self, pull: &PullRequest, greeting: &str) -> anyhow::Result<()> {
        self.submit(pull, "push", &json!({"as": MONA, "greeting": greeting, "colour": "#0f766e"}))
            .await
    }

    /// As the page's comment box does.
    pub(crate) async fn comment(&self, pull: &PullRequest, body: &str) -> anyhow::Result<()> {
        self.submit(pull, "comment", &json!({"as": MONA, "body": body})).await
    }

    async fn submit(&self, pull: &PullRequest, form: &str, content: &Value) -> anyhow::Result<()> {
        let answer = self.client.post(format!("{}/{form}", pull.page)).json(content).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "GitHub's page answered {status}: {}", answer.text().await?);
        Ok(())
    }

    /// Waits until a bot's comment tells of this commit and contains `text`.
    pub(crate) async fn bot_says(
        &self,
        pull: &PullRequest,
        commit: &str,
        text: &str,
    ) -> anyhow::Result<Comment> {
        let said = eventually(PATIENCE, async || {
            let comments = self.comments(pull).await.map_err(|error| error.to_string())?;
            let wanted = |comment: &Comment| {
                comment.user.r#type == "Bot"
                    && comment.body.contains(&commit[..7])
                    && comment.body.contains(text)
            };
            let found = comments.into_iter().find(wanted);
            found.ok_or_else(|| format!("no comment about {commit} says {text:?}"))
        });
        said.await.map_err(|why| anyhow!(why))
    }

    async fn comments(&self, pull: &PullRequest) -> anyhow::Result<Vec<Comment>> {
        let comments = self
            .get(&format!("repos/{}/issues/{}/comments?per_page=100", pull.repository(), pull.number))
            .await?;
        Ok(serde_json::from_value(comments)?)
    }
}

fn app_credential(service: &ServiceEnv) -> anyhow::Result<String> {
    let key = std::fs::read(&service.github_private_key_file).context("the App's private key")?;
    let now = Timestamp::now().as_second();
    let claims = json!({"iss": service.github_app_id, "iat": now - 10, "exp": now + JWT_SECONDS});
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::RS256),
        &claims,
        &EncodingKey::from_rsa_pem(&key)?,
    )?)
}
