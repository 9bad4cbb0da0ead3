//! A repository says where in its chart's values the preview's facts belong, and a chart gets nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
};
use checks::cookbook::configuration;
use github_stand_in::User;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::Api;
use temporalio_client::WorkflowExecutionStatus;
use tests::{Conversation, Preview, PullRequest, Setting, converse};
use tokio::net::TcpListener;

use crate::chart::{chart_folder, files, pull_request_with, with_charts_of_repositories};

/// An app of one image at one address. Its chart calls things by names of its own.
const APP: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      automountServiceAccountToken: false
      dnsPolicy: Default
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: web
          image: {{ .Values.image | quote }}
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 1 }
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec:
  ingressClassName: {{ .Values.site.class }}
  rules:
    - host: {{ .Values.site.domain }}
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: note }
data: { note: {{ .Values.note | quote }}, host: {{ .Values.host | quote }} }
"#;

/// What `host` is in it: not the preview's.
const DEFAULTS: &str = "image: ''\nnote: ''\nhost: db.example.com\nsite: { domain: '', class: '' }\n";

/// It accepts nothing that it does not know.
const SCHEMA: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "required": ["image", "site"],
    "properties": {
        "image": { "type": "string" },
        "note": { "type": "string" },
        "host": { "type": "string" },
        "site": { "type": "object", "additionalProperties": false, "properties": { "domain": {}, "class": {} } }
    }
}"#;

/// Makes the chart, with these files beside it.
fn make_chart(folder: &Path, more: &[(&str, &str)]) -> Result<()> {
    fs::create_dir_all(folder.join("templates"))?;
    let chart = "apiVersion: v2\nname: app\nversion: 1.2.3\n";
    for (name, content) in [("Chart.yaml", chart), ("values.yaml", DEFAULTS), ("templates/app.yaml", APP)]
        .iter()
        .chain(more)
    {
        fs::write(folder.join(name), content)?;
    }
    Ok(())
}

/// What the chart of this preview was told, and what it calls `host`.
async fn noted(chat: &Conversation, preview: &Preview) -> Result<[String; 2]> {
    let namespace = preview.namespace_name().await?;
    let notes: Api<ConfigMap> = Api::namespaced(chat.stack.kube.clone(), &namespace);
    let data = notes.get("note").await?.data.context("it has data")?;
    Ok(["note", "host"].map(|key| data[key].clone()))
}

/// It serves the commit of its pull request.
async fn serves_its_commit(pull: &PullRequest, preview: &Preview) -> Result<()> {
    let page = preview.open("/").await?;
    ensure!(page.commit.as_deref() == Some(pull.github.head_sha().as_str()), "{}", page.body);
    Ok(())
}

/// The preview fails, and says all of this.
async fn fails_and_says(pull: &PullRequest, told: &[&str]) -> Result<()> {
    let preview = pull.request_preview().await?;
    let all = |comment: &str| told.iter().all(|part| comment.contains(part));
    pull.comes_to_say(&told.join(" … "), all).await?;
    ensure!(preview.closed().await? == WorkflowExecutionStatus::Failed);
    preview.gone().await
}

#[test]
fn a_chart_with_a_strict_schema_and_names_of_its_own_gets_what_is_mapped_and_nothing_else() {
    converse(Setting::default(), async |chat| {
        let charts = chat.folder.join("charts");
        make_chart(&charts.join("app"), &[("values.schema.json", SCHEMA)])?;
        chat.restart_worker_with("PREVIEW_CHARTS_FOLDER", &charts).await?;
        let mapped = |image: &str| {
            format!(
                "chart: app\nvalues:\n  site: {{ domain: \"{{host}}\", class: \"{{ingress_class}}\" }}\n  note: \"{{pr}} {{{{host}}}} {{branch}} {{stable_host}}\"\n  image: {image}\n"
            )
        };
        chat.configure(&mapped("{ repository: a, tag: b }")).await?;
        let pull = chat.pull_request().await?;
        fails_and_says(&pull, &["does not accept", "line 5: `values.image`", "want string"]).await?;

        chat.configure(&mapped("\"{image}\"")).await?;
        let preview = pull.previewed().await?;

        serves_its_commit(&pull, &preview).await?;
        let stable_url = pull.stable_url()?;
        let expected = format!(
            "{} {{{{host}}}} {} {}",
            pull.github.number(),
            pull.github.branch(),
            stable_url.host_str().context("a host")?
        );
        assert_eq!(noted(chat, &preview).await?, [expected, "db.example.com".to_owned()]);
        pull.says(stable_url.as_str()).await?;
        preview.stop().await
    });
}

#[test]
fn a_chart_of_the_repository_brings_files_of_values_and_may_have_several_images() {
    converse(with_charts_of_repositories(), async |chat| {
        let chart = chat.folder.join("chart");
        let more = [
            ("values-small.yaml", "note: small\nhost: small.example.com\n"),
            ("values-preview.yaml", "note: preview\nimage: none\n"),
        ];
        make_chart(&chart, &more)?;
        let pull = pull_request_with(chat, files(&chart, "chart")?).await?;
        let image = &chat.stack.env.preview_image;
        let with = |last: &str| {
            format!(
                "chart: ./chart\nvalues_files:\n  - values-small.yaml\n  - {last}\nimages: {{ web: \"{image}\" }}\nvalues:\n  image: \"{{image.web}}\"\n  site: {{ domain: \"{{host}}\", class: \"{{ingress_class}}\" }}\n"
            )
        };
        chat.configure(&with("values-live.yaml")).await?;
        fails_and_says(&pull, &["line 4", "no file `values-live.yaml`"]).await?;

        chat.configure(&with("values-preview.yaml")).await?;
        let preview = pull.previewed().await?;

        serves_its_commit(&pull, &preview).await?;
        assert_eq!(noted(chat, &preview).await?, ["preview", "small.example.com"]);
        preview.stop().await?;

        let mistaken = format!("{}  note: \"{{image}}\"\n", with("values-preview.yaml"));
        chat.configure(&mistaken).await?;
        let answer = pull.hears(&User::writer(), "/preview").await?;
        assert!(answer.contains("line 9") && answer.contains("{image.web}"), "{answer}");
        Ok(())
    });
}

/// Serves the files of a folder, as a Helm repository does.
async fn serve(folder: PathBuf) -> Result<String> {
    let file = async |State(folder): State<PathBuf>, uri: Uri| {
        fs::read(folder.join(&uri.path()[1..])).map_err(|_| StatusCode::NOT_FOUND)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(file).with_state(folder);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

#[test]
fn a_chart_comes_from_a_helm_repository_that_the_operators_allow_or_is_an_archive_of_theirs() {
    converse(Setting::default(), async |chat| {
        let sample = chat.stack.env.preview_chart.to_string_lossy().into_owned();
        chat.helm(&["package", &sample, "--destination", "repository", "--version", "1.2.3"])
            .await?;
        let shop = chart_folder("shop");
        let shop = shop.to_string_lossy();
        chat.helm(&["package", &shop, "--destination", "repository", "--version", "1.4.0"])
            .await?;
        chat.helm(&["repo", "index", "repository"]).await?;
        let folder = chat.folder.join("repository");
        let repo = serve(folder.clone()).await?;
        let chart = |name: &str, version: &str| {
            format!(
                "chart:\n  repo: {repo}\n  name: {name}\n  version: {version}\nvalues:\n  replicaCount: 2\n"
            )
        };
        chat.configure(&chart("hello-world-app", "1.2.3")).await?;
        let pull = chat.pull_request().await?;
        let refusal = pull.hears(&User::writer(), "/preview").await?;
        assert!(refusal.contains("line 2") && refusal.contains("does not install"), "{refusal}");
        chat.restart_worker_with("PREVIEW_ALLOWED_CHARTS", &repo).await?;

        // The chart says what it asks for, wherever it comes from.
        let preview = pull.previewed().await?;

        serves_its_commit(&pull, &preview).await?;
        let namespace = preview.namespace_name().await?;
        let deployments: Api<Deployment> = Api::namespaced(chat.stack.kube.clone(), &namespace);
        assert_eq!(deployments.get(&preview.id.release()).await?.spec.replicas, Some(2));
        preview.stop().await?;

        // One that nobody has made for this service.
        let recipe = configuration("A chart from a Helm repository");
        chat.configure(&recipe.replace("https://charts.example.com", &repo)).await?;
        let preview = pull.previewed().await?;
        assert_eq!(preview.open("/").await?.body, "welcome to the shop");
        preview.stop().await?;

        chat.configure(&format!("{}  host: mine.example.com\n", chart("hello-world-app", "1.2.3")))
            .await?;
        fails_and_says(&pull, &["line 7", "`host` is given by the service"]).await?;
        chat.configure(&chart("hello-world-app", "1.2.4")).await?;
        fails_and_says(&pull, &["could not be pulled", "version"]).await?;

        chat.configure("").await?;
        chat.restart_worker_with("PREVIEW_CHART", folder.join("hello-world-app-1.2.3.tgz"))
            .await?;
        let preview = pull.previewed().await?;
        serves_its_commit(&pull, &preview).await?;
        preview.stop().await
    });
}

#[test]
fn the_chart_that_helm_creates_needs_six_lines() {
    converse(with_charts_of_repositories(), async |chat| {
        let recipe = configuration("What helm create makes");
        assert!(recipe.lines().count() <= 6);
        chat.helm(&["create", "app"]).await?;
        chat.configure(&recipe).await?;
        let pull = pull_request_with(chat, files(&chat.folder.join("app"), "app")?).await?;

        let preview = pull.previewed().await?;

        serves_its_commit(&pull, &preview).await?;
        let pod = preview.pod().await?.spec.context("it has a specification")?;
        let image = pod.containers[0].image.clone().unwrap_or_default();
        assert!(image.ends_with(&pull.github.head_sha()), "{image}");
        assert_eq!(pod.host_users, Some(false), "what the chart leaves open is filled in");
        preview.stop().await
    });
}
