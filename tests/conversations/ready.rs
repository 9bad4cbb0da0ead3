//! Ready means usable: whatever a chart is made of is waited for, and whatever keeps it from its use is told.
//!
//! The charts are what people have: none of them makes an Ingress for its preview.

use anyhow::{Context, Result};
use checks::cookbook::configuration;
use domain::preview::Phase;
use github_stand_in::File;
use k8s_openapi::api::{batch::v1::Job, core::v1::Secret};
use kube::Api;
use stack::eventually;
use temporalio_client::WorkflowExecutionStatus;
use tests::{
    Conversation, HeldHelm, Preview, PullRequest, Setting, converse,
    timeouts::{ANSWER, RECOVERY},
};

use crate::chart::{chart_folder, copy_with, in_repository, pull_request_with, with_charts_of_repositories};

/// What the repository says: where its chart is, which Service its preview's address leads to, and which
/// image it runs. More values may follow.
pub(crate) fn shop_configuration() -> String {
    configuration("A chart without an Ingress")
}

/// A Job, or a hook's, which runs a script.
fn job(name: &str, annotations: &str, account: &str, script: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec:\n  backoffLimit: 0\n  template:\n    spec: {{{{- include \"pod\" (dict \"name\" {name:?} \"script\" {script:?} \"restartPolicy\" \"Never\" \"serviceAccountName\" {account:?} \"values\" .Values) | nindent 6 }}}}\n"
    )
}

/// The shop's chart, with one template more.
pub(crate) fn shop(template: &str) -> Result<Vec<File>> {
    in_repository(&chart_folder("shop"), "deploy/chart", "more.yaml", template)
}

/// It fails, this is said on the pull request, and nothing stays.
async fn fails(pull: &PullRequest, told: &str) -> Result<()> {
    let preview = pull.request_preview().await?;
    pull.says(told).await?;
    assert_eq!(preview.closed().await?, WorkflowExecutionStatus::Failed);
    preview.gone().await
}

#[test]
fn a_job_that_fails_fails_the_preview_with_its_log() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&shop_configuration()).await?;
        let seed = job("seed", "", "", "import sys; sys.exit('there is no table of the name users')");
        let pull = pull_request_with(chat, shop(&seed)?).await?;

        fails(&pull, "The Job `seed` failed: its container `seed` ended with exit code 1.").await?;

        let said = pull.sticky()?.body;
        assert!(said.contains("there is no table of the name users"), "{said}");
        Ok(())
    });
}

#[test]
fn a_job_that_seeds_is_waited_for() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&shop_configuration()).await?;
        let seed = job("seed", "", "", "import time; time.sleep(15)");
        let pull = pull_request_with(chat, shop(&seed)?).await?;

        let preview = pull.previewed().await?;

        let jobs: Api<Job> = Api::namespaced(chat.stack.kube.clone(), &preview.namespace_name().await?);
        let seed = jobs.get("seed").await?;
        assert_eq!(seed.status.and_then(|status| status.succeeded), Some(1));
        preview.stop().await
    });
}

/// An app that answers like this.
fn answering(status: u16, header: &str) -> String {
    format!(
        "  script: |\n    from http.server import BaseHTTPRequestHandler, HTTPServer\n    class Shop(BaseHTTPRequestHandler):\n        def do_GET(self):\n            self.send_response({status})\n            {header}\n            self.end_headers()\n    HTTPServer((\"\", 8080), Shop).serve_forever()\n"
    )
}

/// The preview of an app that answers like this, and what is said of it beside its address.
async fn told_of(chat: &Conversation, status: u16, header: &str, told: &str) -> Result<Preview> {
    chat.configure(&(shop_configuration() + &answering(status, header))).await?;
    let pull = pull_request_with(chat, shop("")?).await?;
    let preview = pull.previewed().await?;
    let said = pull.says(told).await?.body;
    assert!(said.contains("is ready"), "{said}");
    Ok(preview)
}

#[test]
fn an_app_that_refuses_strangers_is_ready_and_what_it_answers_is_told() {
    converse(with_charts_of_repositories(), async |chat| {
        for (status, told) in [(401, "It answers 401: sign in to see it."), (404, "It answers 404 at `/`.")] {
            let preview = told_of(chat, status, "pass", told).await?;
            assert_eq!(preview.open("/").await?.status, status);
            preview.stop().await?;
        }
        let to_login = "self.send_header(\"Location\", \"https://login.example.com/?to=shop\")";
        let told = "It redirects to `https://login.example.com`.";
        told_of(chat, 302, to_login, told).await?.stop().await
    });
}

#[test]
fn a_repository_says_what_ready_means() {
    converse(with_charts_of_repositories(), async |chat| {
        let recipe = configuration("An app behind a login");
        chat.configure(&(recipe + &answering(401, "pass"))).await?;
        let pull = pull_request_with(chat, shop("")?).await?;

        let preview = pull.previewed().await?;

        let said = pull.sticky()?.body;
        assert!(!said.contains("It answers"), "what is expected is no news: {said}");
        preview.stop().await
    });
}

#[test]
fn a_chart_that_runs_nothing_is_told_at_once() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure("chart: ./deploy/chart\nvalues:\n  image: \"{image}\"\n").await?;
        let chart = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";
        let settings = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}";
        let files = vec![
            ("deploy/chart/Chart.yaml", chart).into(),
            ("deploy/chart/templates/settings.yaml", settings).into(),
        ];
        let pull = pull_request_with(chat, files).await?;
        fails(&pull, "The chart runs no pods, so nothing can answer.").await?;

        let mut files = shop("")?;
        let idle = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: idle}, spec: {replicas: 0, selector: {matchLabels: {app: idle}}, template: {metadata: {labels: {app: idle}}, spec: {containers: [{name: idle, image: {{ .Values.image }}}]}}}}";
        files.push(("deploy/chart/templates/web.yaml", idle).into());
        let pull = pull_request_with(chat, files).await?;
        fails(&pull, "scaled to zero, so nothing can answer: deployment `idle`").await
    });
}

/// A database that takes its time.
const DATABASE: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {{- include "pod" (dict "name" "db" "script" "import socket, time; time.sleep(25); listener = socket.create_server(('', 5432)); [listener.accept() for _ in iter(int, 1)]" "values" .Values) | nindent 6 }}
"#;

/// An app that ends if its database does not answer.
const IMPATIENT: &str = "  script: |
    import socket
    from http.server import HTTPServer, SimpleHTTPRequestHandler
    socket.create_connection((\"db\", 5432), 2).close()
    HTTPServer((\"\", 8080), SimpleHTTPRequestHandler).serve_forever()
";

#[test]
fn an_app_that_crashes_until_its_database_answers_comes_up() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&(shop_configuration() + IMPATIENT)).await?;
        let pull = pull_request_with(chat, shop(DATABASE)?).await?;

        let preview = pull.previewed().await?;

        assert_eq!(preview.open("/").await?.status, 200);
        preview.stop().await
    });
}

#[test]
fn an_address_leads_to_the_service_that_the_repository_names() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&shop_configuration()).await?;
        let pull = pull_request_with(chat, shop("")?).await?;

        let preview = pull.previewed().await?;

        assert_eq!(preview.open("/").await?.body, "welcome to the shop");
        let stable = pull.stable_url()?;
        pull.says(stable.as_str()).await?;
        // The ingress controller learns of it a moment later.
        let leads = async || match chat.stack.open(&stable).await {
            Ok(page) if page.body == "welcome to the shop" => Ok(()),
            Ok(page) => Err(page.body),
            Err(error) => Err(format!("{error:#}")),
        };
        eventually(ANSWER, leads).await.map_err(anyhow::Error::msg)?;
        preview.stop().await?;

        let mistaken = shop_configuration().replace("{release}-web", "shop").replace("http", "80");
        chat.configure(&mistaken).await?;
        let pull = pull_request_with(chat, shop("")?).await?;
        let release = pull.preview()?.id.release();
        fails(&pull, &format!("the chart makes no Service `shop`; it makes `{release}-web`")).await
    });
}

const HOOK_WITHOUT_SECRET: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { helm.sh/hook: pre-install } }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - { name: migrate, image: {{ .Values.image | quote }}, envFrom: [{ secretRef: { name: database } }] }
---
{ apiVersion: v1, kind: Secret, metadata: { name: database } }
"#;

#[test]
fn a_hook_that_cannot_start_is_told_with_the_reason() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&shop_configuration()).await?;
        // Account and Secret are the chart's own, and hooks run before they are made.
        let account = "\n---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: app}}\n";
        let without_account = job("migrate", "helm.sh/hook: pre-install", "app", "pass") + account;
        for (chart, told) in [
            (without_account.as_str(), "serviceaccount \"app\" not found"),
            (HOOK_WITHOUT_SECRET, "secret \"database\" not found"),
        ] {
            let pull = pull_request_with(chat, shop(chart)?).await?;
            fails(&pull, told).await?;
        }
        Ok(())
    });
}

#[test]
fn a_migration_whose_image_comes_late_is_waited_for() {
    converse(with_charts_of_repositories(), async |chat| {
        chat.configure(&shop_configuration()).await?;
        let hook = job("migrate", "helm.sh/hook: pre-install", "", "pass");
        let pull = chat.pull_request_without_image().await?;
        pull.github.push(shop(&hook)?).await?;
        let preview = pull.request_preview().await?;
        preview.reaches(Phase::WaitingForImage).await?;
        let waiting = pull.says("does not exist yet").await?;
        assert!(waiting.body.contains(&pull.github.head_sha()), "{}", waiting.body);

        pull.build_image().await?;

        pull.shows_url().await?;
        assert_eq!(preview.open("/").await?.body, "welcome to the shop");
        preview.stop().await
    });
}

/// What the chart has drawn at random.
async fn password(chat: &Conversation, preview: &Preview) -> Result<Vec<u8>> {
    let secrets: Api<Secret> = Api::namespaced(chat.stack.kube.clone(), &preview.namespace_name().await?);
    let mut data = secrets.get("database").await?.data.context("it has data")?;
    Ok(data.remove("password").context("a password")?.0)
}

#[test]
fn a_password_that_the_chart_draws_is_drawn_once() {
    converse(Setting::default(), async |chat| {
        let chart = chat.folder.join("chart");
        let secret = "{apiVersion: v1, kind: Secret, metadata: {name: database}, stringData: {password: {{ randAlphaNum 16 | quote }}}}";
        copy_with(&chat.stack.env.preview_chart, &chart, "database.yaml", secret)?;
        chat.restart_worker_with("PREVIEW_CHART", &chart).await?;
        let mut helm = HeldHelm::after(&chat.stack.env.helm, &chat.folder)?;
        chat.restart_worker_with("HELM", helm.program()).await?;
        let pull = chat.pull_request().await?;
        let preview = pull.request_preview().await?;
        helm.is_called().await?;
        let drawn = password(chat, &preview).await?;

        // The next worker does not know that Helm has done its work.
        chat.worker.kill_alone().await?;
        chat.worker.set("HELM", &chat.stack.env.helm);
        chat.worker.start().await?;

        let url = preview.url()?;
        pull.github
            .wait_for_comment(|comment| comment.body.contains(url.as_str()), RECOVERY)
            .await?;
        assert_eq!(password(chat, &preview).await?, drawn);
        preview.stop().await
    });
}
