//! Whole configurations, of the cookbook and in the shape of other preview systems': each is read, and the
//! chart that it is for is rendered with its values by the real Helm.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use checks::cookbook;
use domain::Repository;
use stack::tools::{Tool, Toolbox};
use tokio::{io::AsyncWriteExt, process::Command};

use super::*;
use crate::{
    namespace::Destinations,
    release::{Images, chart_yaml::ChartYaml},
    repository_config::{Bounds, RepositoryConfig, fixtures::bounds},
};

/// A service that lets repositories have all that these configurations want.
fn generous() -> Bounds {
    let usual = bounds();
    Bounds {
        charts: usual.charts.clone().of_repositories(true),
        images: Images::new(
            "registry.example.com/{owner}/{repo}:{commit}".parse().expect("a template"),
            ["ghcr.io/{owner}", "registry.example.com/furan2"]
                .map(|text| text.parse().expect("a prefix"))
                .into(),
        ),
        destinations: Destinations::new(
            ["mail=10.1.2.3:25", "web=internet:443", "aws=internet:443", "notify=internet:443"]
                .map(|text| text.parse().expect("a destination"))
                .into(),
        ),
        readiness_timeout: "30m".parse().expect("a duration"),
        ..usual
    }
}

/// What a `.preview.yaml` asks for; a mistake in it fails the test, with its line.
fn read(configuration: &str) -> PreviewSettings {
    let repository: Repository = "Octo-Org/hello-world".parse().expect("a repository");
    match RepositoryConfig::read(configuration.as_bytes(), &repository, &generous()) {
        Ok(config) => config.terms.settings,
        Err(mistake) => panic!("{mistake:?} in\n{configuration}"),
    }
}

struct Helm {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Helm {
    async fn pinned() -> Self {
        let tools = Toolbox::ensure_all(&[Tool::Helm]).await.expect("Helm is there");
        Self {
            program: tools.path("helm").expect("Helm is there").to_owned(),
            home: tempfile::tempdir().expect("a folder"),
        }
    }

    async fn run(&self, arguments: &[OsString], input: &str) -> String {
        let mut helm = Command::new(&self.program)
            .args(arguments)
            .env("HOME", self.home.path())
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Helm runs");
        let mut stdin = helm.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).await.expect("Helm reads");
        drop(stdin);
        let output = helm.wait_with_output().await.expect("Helm ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "helm {arguments:?}: {errors}\n{input}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the chart is made into for these settings.
    async fn render(&self, chart: &Path, settings: PreviewSettings) -> String {
        let preview = "Octo-Org/hello-world#12:0123456789abcdef0123456789abcdef01234567".parse();
        let images = generous()
            .images
            .of_preview(&settings, &preview.expect("an id"))
            .expect("images");
        let mut arguments = ["template", "preview-pr-12"].map(OsString::from).to_vec();
        arguments.push(chart.into());
        for file in &settings.values_files {
            arguments.extend(["--values".into(), chart.join(file.as_str()).into()]);
        }
        arguments.extend(["--values", "-"].map(OsString::from));
        let values = knowing(settings, images, |facts| {
            let mut values = facts.own_values();
            if ChartYaml::of(chart).asks_for_values() {
                lay_over(&mut values, facts.given_values());
            }
            values
        });
        self.run(&arguments, &values.to_string()).await
    }
}

/// A chart of the tests that are conversations.
fn chart_of_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conversations").join(name)
}

#[tokio::test]
async fn every_recipe_of_the_cookbook_is_read_and_fits_a_chart_of_its_kind() {
    let helm = Helm::pinned().await;
    helm.run(&["create", "app"].map(OsString::from), "").await;
    let created = helm.home.path().join("app");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/hello-world-app");
    let recipes = cookbook::recipes();
    assert_eq!(recipes.len(), 10, "{recipes:#?}");
    for recipe in recipes {
        let (chart, expected): (_, &[&str]) = match recipe.title.as_str() {
            "What helm create makes" => (
                created.clone(),
                &[
                    "image: \"registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567\"",
                    HOST,
                    "ingressClassName: traefik",
                ],
            ),
            "A chart without an Ingress" | "A chart from a Helm repository" | "An app behind a login" => (
                chart_of_tests("shop"),
                &[
                    "image: \"registry.example.com/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567\"",
                ],
            ),
            "A larger app" => (chart_of_tests("shop"), &["image: \"registry.example.com/"]),
            "Several images" => (
                chart_of_tests("peers/lifecycle/chart"),
                &[
                    "image: \"ghcr.io/octo-org/hello-world/frontend:0123456789abcdef0123456789abcdef01234567\"",
                    "image: \"ghcr.io/octo-org/hello-world/backend:pr-12-0123456\"",
                    HOST,
                ],
            ),
            "A database and a migration" => {
                (chart_of_tests("guestbook"), &["image: \"docker.io/library/postgres:18\"", HOST])
            }
            "An app that checks its host name" => (
                chart_of_tests("shop"),
                &[
                    "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com,pr-12-hello-world-9fbc35d0ea.previews.example.com",
                ],
            ),
            "An app that sends mail and calls an API" | "A preview for each push, for a day" => {
                (sample.clone(), &[HOST])
            }
            other => panic!("no chart is known for the recipe {other:?}"),
        };
        let manifests = helm.render(&chart, read(&recipe.configuration)).await;
        for text in expected {
            assert!(manifests.contains(text), "{}: {text} is not in\n{manifests}", recipe.title);
        }
    }
}

/// What runs in a preview of this peer, where its address stands, and which braces are left; each line once.
async fn rendered(peer: &str) -> String {
    let folder = chart_of_tests("peers").join(peer);
    let configuration = std::fs::read_to_string(folder.join(".preview.yaml")).expect("it says something");
    let helm = Helm::pinned().await;
    let manifests = helm.render(&folder.join("chart"), read(&configuration)).await;
    let lines = manifests.lines().map(|line| line.trim().trim_start_matches("- "));
    let telling =
        lines.filter(|line| line.starts_with("image: ") || line.contains(HOST) || line.contains("{{"));
    telling.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn lifecycle_many_services_of_one_repository() {
    insta::assert_snapshot!(rendered("lifecycle").await, @r#"
    host: pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    image: "docker.io/bitnami/jenkins:2.462.1"
    image: "docker.io/library/redis:8.0.2"
    image: "docker.io/lifecycleoss/example-backend:0.1.0"
    image: "docker.io/lifecycleoss/example-db:0.1.0"
    image: "ghcr.io/octo-org/hello-world/frontend:0123456789abcdef0123456789abcdef01234567"
    { name: API_URL, value: "https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com/api" }
    "#);
}

#[tokio::test]
async fn acyl_an_app_with_a_migration_and_charts_of_other_repositories() {
    insta::assert_snapshot!(rendered("furan").await, @r#"
    --secrets-mapping=secret/{{ .ID }}
    image: "docker.io/bitnami/postgresql:11"
    image: "docker.io/hashicorp/vault:1.3.1"
    image: "registry.example.com/furan2:0123456789abcdef0123456789abcdef01234567"
    "#);
}

#[tokio::test]
async fn acyl_an_app_that_needs_the_app_of_another_repository() {
    insta::assert_snapshot!(rendered("acyl").await, @r#"
    --ui-base-url=https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com/
    host: pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    image: "docker.io/hashicorp/consul:1.4.0"
    image: "docker.io/library/postgres:9.6"
    image: "ghcr.io/octo-org/acyl:0123456789abcdef0123456789abcdef01234567"
    image: "quay.io/dollarshaveclub/furan:v2.3.0"
    "#);
}

#[tokio::test]
async fn okteto_five_images_and_charts_of_a_helm_repository() {
    insta::assert_snapshot!(rendered("movies").await, @r#"
    host: pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    image: "docker.io/bitnami/kafka:3.1.0"
    image: "docker.io/bitnami/mongodb:4.2.4"
    image: "docker.io/bitnami/postgresql:11.14.0"
    image: "ghcr.io/octo-org/hello-world/api:0123456789abcdef0123456789abcdef01234567"
    image: "ghcr.io/octo-org/hello-world/catalog:0123456789abcdef0123456789abcdef01234567"
    image: "ghcr.io/octo-org/hello-world/frontend:0123456789abcdef0123456789abcdef01234567"
    image: "ghcr.io/octo-org/hello-world/rent:0123456789abcdef0123456789abcdef01234567"
    image: "ghcr.io/octo-org/hello-world/worker:0123456789abcdef0123456789abcdef01234567"
    "#);
}

#[tokio::test]
async fn pullpreview_what_a_compose_file_runs() {
    insta::assert_snapshot!(rendered("funding-service").await, @r#"
    host: pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    image: "docker.io/library/postgres:17.5"
    image: "ghcr.io/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567"
    { name: AZURE_AD_BASE_URL, value: "https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com/sso/" }
    { name: SERVER_NAME, value: "pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com" }
    "#);
}

#[tokio::test]
async fn argo_cd_images_whose_tags_name_the_pull_request() {
    insta::assert_snapshot!(rendered("studio").await, @r#"
    BASE_URL: https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    BETTER_AUTH_URL: https://pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    host: pr-12-0123456-hello-world-1fbc35d0ea.previews.example.com
    image: "docker.io/library/postgres:17"
    image: "ghcr.io/octo-org/hello-world/studio-nginx-preview:pr-12-0123456"
    image: "ghcr.io/octo-org/hello-world/studio-preview:pr-12-0123456"
    "#);
}
