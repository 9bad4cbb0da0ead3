//! The GitHub App, registered by `preview setup github` in a browser.

use std::{collections::BTreeMap, process::Stdio};

use anyhow::{Context, Result, bail, ensure};
use github_stand_in::RegisteredApp;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use secrecy::ExposeSecret;
use serde_json::json;
use tests::{Browser, Conversation, Setting, converse, programs, timeouts::SERVICE_UP};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use url::Url;

const SECRET: &str = "preview";

/// A namespace for the Secret, and whoever registers Apps for it.
struct Operator<'a> {
    chat: &'a Conversation,
    namespace: String,
    secrets: Api<Secret>,
}

/// The command while its page is open.
struct Setup {
    command: Child,
    page: Url,
}

impl<'a> Operator<'a> {
    async fn of(chat: &'a Conversation) -> Result<Self> {
        let namespace = format!("app-of-{}", chat.instance);
        let made = Namespace {
            metadata: ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        let namespaces: Api<Namespace> = Api::all(chat.stack.kube.clone());
        namespaces.create(&PostParams::default(), &made).await?;
        let secrets = Api::namespaced(chat.stack.kube.clone(), &namespace);
        Ok(Self { chat, namespace, secrets })
    }

    fn command(&self, namespace: &str, arguments: &[&str]) -> Result<Child> {
        Ok(Command::new(programs()?.join("preview"))
            .args(["setup", "github", "--organization=octo-org", "--webhook-url=https://hooks.example.com"])
            .args(["--github-url", self.chat.github.page_url().as_str()])
            .args(["--kubernetes-secret", &format!("{namespace}/{SECRET}")])
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", &self.chat.stack.env.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?)
    }

    /// Types the command, and waits for the address of its page.
    async fn sets_up(&self, arguments: &[&str]) -> Result<Setup> {
        let mut command = self.command(&self.namespace, arguments)?;
        let mut lines = BufReader::new(command.stdout.as_mut().context("it is piped")?).lines();
        let page = timeout(SERVICE_UP, async {
            while let Some(line) = lines.next_line().await? {
                if let Ok(page) = line.trim().parse() {
                    return Ok(page);
                }
            }
            bail!("it does not say where its page is")
        });
        let page = page.await??;
        Ok(Setup { command, page })
    }

    /// Types the command where it opens no page, and returns what it says.
    async fn is_refused(&self, namespace: &str, arguments: &[&str]) -> Result<String> {
        let ended = self.command(namespace, arguments)?.wait_with_output();
        let output = timeout(SERVICE_UP, ended).await??;
        ensure!(!output.status.success(), "it succeeded: {output:?}");
        Ok(String::from_utf8(output.stderr)?)
    }

    /// What is in the Secret.
    async fn kept(&self) -> Result<BTreeMap<String, String>> {
        let secret = self.secrets.get(SECRET).await?;
        let texts = secret.data.unwrap_or_default().into_iter();
        texts.map(|(key, value)| Ok((key, String::from_utf8(value.0)?))).collect()
    }
}

impl Setup {
    /// Returns what it has said, when it has ended well.
    async fn ended(self) -> Result<String> {
        let output = timeout(SERVICE_UP, self.command.wait_with_output()).await??;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?)
    }
}

async fn says(browser: &mut Browser, text: &str) -> Result<()> {
    let page = browser.run("document.body.innerText").await?;
    let page = page.as_str().unwrap_or_default();
    ensure!(page.contains(text), "it does not say “{text}”:\n{page}");
    Ok(())
}

fn is_of(kept: &BTreeMap<String, String>, app: &RegisteredApp) -> bool {
    kept.get("private-key.pem")
        .is_some_and(|key| key == app.private_key.expose_secret())
        && app.webhook_secret.as_ref().map(ExposeSecret::expose_secret)
            == kept.get("webhook-secret").map(String::as_str)
}

#[test]
fn an_app_is_registered_in_a_browser_and_its_secrets_are_where_the_chart_looks_for_them() {
    converse(Setting::default(), async |chat| {
        let operator = Operator::of(chat).await?;
        let said = operator.is_refused("no-such-namespace", &[]).await?;
        assert!(said.contains("namespaces \"no-such-namespace\" not found"), "{said}");

        // From our page to GitHub's and back
        let setup = operator.sets_up(&[]).await?;
        let mut browser = Browser::open().await?;
        browser.go_to(&setup.page).await?;
        says(&mut browser, "Secrets are kept in").await?;
        says(&mut browser, "https://hooks.example.com/api/github/webhooks").await?;
        browser.screenshot("setup-1-proposed").await?;
        browser.follow("#continue").await?;
        says(&mut browser, "Create GitHub App for octo-org").await?;
        browser.screenshot("setup-2-github").await?;
        browser.follow("#create-app").await?;
        says(&mut browser, "octo-org previews was created").await?;
        browser.screenshot("setup-3-created").await?;

        // Its secrets are in the cluster, and only there
        let said = setup.ended().await?;
        let apps = chat.github.registered_apps();
        let [first] = &apps[..] else {
            bail!("one App, not {}", apps.len())
        };
        let kept = operator.kept().await?;
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["name-key", "private-key.pem", "webhook-secret"]);
        assert!(is_of(&kept, first));
        assert_eq!(kept["name-key"].len(), 64);
        assert!(kept.values().all(|secret| !said.contains(secret)), "{said}");
        assert!(said.contains(&format!("(App ID {})", first.id)), "{said}");

        // And it can be installed from there
        browser.follow("#install").await?;
        browser.follow("button[data-account='octo-org']").await?;
        let installed = browser.run("document.getElementById('installed-on').innerText").await?;
        assert_eq!(installed, "octo-org");
        browser.screenshot("setup-4-installed").await?;

        // What is there is replaced by force only, and nothing else with it
        let said = operator.is_refused(&operator.namespace, &[]).await?;
        assert!(said.contains("is there already"), "{said}");
        let more = Patch::Merge(json!({ "stringData": { "temporal-api-key": "another's" } }));
        operator.secrets.patch(SECRET, &PatchParams::default(), &more).await?;
        let again = operator.sets_up(&["--force", "--name=Second previews"]).await?;
        assert!(is_of(&operator.kept().await?, first), "nothing was replaced yet");
        browser.go_to(&again.page).await?;
        browser.follow("#continue").await?;
        browser.follow("#create-app").await?;
        again.ended().await?;
        let apps = chat.github.registered_apps();
        let replaced = operator.kept().await?;
        assert!(is_of(&replaced, &apps[1]));
        assert_eq!(replaced["name-key"], kept["name-key"], "previews keep their names");
        assert_eq!(replaced["temporal-api-key"], "another's");

        let namespaces: Api<Namespace> = Api::all(chat.stack.kube.clone());
        namespaces.delete(&operator.namespace, &DeleteParams::default()).await?;
        Ok(())
    });
}
