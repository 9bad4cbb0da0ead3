//! The conversation: a comment becomes a URL while workers are added, Temporal and its database start anew
//! while the preview lives, and it ends when it was to end. Another one is stopped by hand. Then nothing is
//! left.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use jiff::{SignedDuration, Timestamp};
use stack::compose::{Compose, Installed};
use stack::env::{ServiceEnv, StackEnv};
use stack::eventually;

use super::{look, release::Release, with_stand_in};
use crate::demo::github::{GitHub, PullRequest};
use crate::demo::look::Clients;
use crate::demo::transcript::Transcript;

/// The most that a preview may outlive its time. Its app is given ten seconds to end, and Temporal some to
/// notice.
const LATE: SignedDuration = SignedDuration::from_secs(45);
/// Where the stand-in sends its deliveries.
const WEBHOOK: &str = "http://webhook:8080/api/github/webhooks";
/// How many workers there are in the end.
const WORKERS: usize = 3;
/// For Temporal to answer after it was started anew, and for workers to be ready.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn play(compose: &Compose, installed: &Installed, state: &Path) -> anyhow::Result<()> {
    let project = Project { compose };
    let mut said = Transcript::begin();
    project.with(&["up", "--detach", "registry"]).await?;
    compose.push_base_image().await?;
    said.took("docker", "the sample app's base image is in the registry");
    project.with(&["build", "--quiet"]).await?;
    said.took("docker", "docker compose build");
    project.up(&[]).await?;
    said.took("docker", "docker compose --profile stand-in up");

    let env = project.addresses(installed, state).await?;
    let service = env.service.as_ref().context("it is there")?;
    let (clients, github) = (Clients::connect(&env).await?, GitHub::connect(service).await?);
    ends_on_time(&mut said, &project, &env, &clients, &github).await?;
    ends_by_hand(&mut said, &clients, &github).await?;

    let doctor = ["exec", "-T", "worker", "preview", "doctor", "--webhook-url", WEBHOOK];
    let checked = project.with(&doctor).await?;
    ensure!(checked.ends_with("\nNothing is wrong.\n"), "the doctor says:\n{checked}");
    said.took("operator", "docker compose exec worker preview doctor: nothing is wrong");

    let app = compose.build_with_the_old_builder().await?;
    said.took("docker", app);
    let released = Release::new(compose, installed, state).try_out(&project).await?;
    said.took("release", released);

    project.with(&["down", "--volumes", "--timeout=5"]).await?;
    for kind in ["container", "volume"] {
        let words: &[&str] = if kind == "container" { &["--all", "--quiet"] } else { &["--quiet"] };
        let left = compose.docker(&[&[kind, "ls"], words].concat()).await?;
        ensure!(left.is_empty(), "docker compose down leaves a {kind}: {left}");
    }
    said.took("docker", "docker compose down --volumes leaves nothing");
    Ok(())
}

async fn ends_on_time(
    said: &mut Transcript,
    project: &Project<'_>,
    env: &StackEnv,
    clients: &Clients,
    github: &GitHub,
) -> anyhow::Result<()> {
    let pull = github.pull_request(1).await?;
    let greeting = format!("Hello from compose, {}", Timestamp::now().strftime("%H:%M:%S"));
    github.push(&pull, &greeting).await?;
    let commit = github.head_of(&pull).await?;
    said.line("mona", format!("pushes {commit} and comments /preview"));
    github.comment(&pull, "/preview").await?;
    let comment = github.bot_says(&pull, &commit, "Deployment requested!").await?;
    said.took("preview", comment.first_line());
    project.up(&["--no-recreate", "--scale", &format!("worker={WORKERS}")]).await?;
    said.took("docker", format!("--scale worker={WORKERS}"));
    let ready = github.bot_says(&pull, &commit, "is ready").await?;
    let url = ready.url_below(env.preview_host()).context("the comment holds no URL")?;
    said.took("preview", &url);
    let serves = async || {
        let page = clients.get(&url).await?;
        ensure!(page.commit.as_deref() == Some(&commit), "{url} serves {:?}", page.commit);
        ensure!(page.body.contains(&greeting), "{url} does not say {greeting:?}");
        anyhow::Ok(())
    };
    serves().await?;
    said.took("browser", format!("the page says “{greeting}” and is built from {commit}"));
    project.has_workers().await?;

    let workflow = workflow(&pull, &commit);
    look::at_temporals_ui(&workflow).await?;
    said.took("browser", format!("Temporal's UI lists {workflow}"));
    let alerts = look::at_prometheus(WORKERS).await?;
    said.took("Prometheus", format!("scrapes all programs, and has {alerts} alerts"));
    let namespace = clients.namespace_of(&commit).await?;
    let end = clients.end_of(&workflow).await?;
    for restarted in ["postgres", "temporal"] {
        project.with(&["restart", restarted]).await?;
        said.took("docker", format!("docker compose restart {restarted}"));
    }
    serves().await?;
    let answers =
        eventually(PATIENCE, async || clients.end_of(&workflow).await.map_err(|error| error.to_string()));
    let after = answers.await.map_err(|why| anyhow!(why))?;
    ensure!(after == end, "it was to end at {end}, and at {after} after the restart");
    ensure!(
        Timestamp::now() < end,
        "the restarts took longer than the preview lives: nothing was seen"
    );
    said.took("Temporal", format!("answers again, and the preview ends at {end:.0} as before"));

    clients.is_gone(&namespace).await?;
    let late = end.duration_until(Timestamp::now());
    ensure!(!late.is_negative() && late < LATE, "it was gone {late:#} after its time");
    said.took(
        "cluster",
        format!("the namespace {namespace} is gone, {late:#.0} after the preview's time"),
    );
    let last = github.bot_says(&pull, &commit, "gone").await?;
    ensure!(last.id == comment.id, "it should be one comment, edited");
    said.took("preview", last.first_line());
    let status = clients.status_of(&workflow).await?;
    ensure!(status == "Completed", "the workflow is {status}");
    Ok(())
}

async fn ends_by_hand(said: &mut Transcript, clients: &Clients, github: &GitHub) -> anyhow::Result<()> {
    let pull = github.pull_request(2).await?;
    let commit = github.head_of(&pull).await?;
    said.line("mona", format!("comments /preview on {}", pull.page));
    github.comment(&pull, "/preview").await?;
    github.bot_says(&pull, &commit, "is ready").await?;
    let namespace = clients.namespace_of(&commit).await?;
    said.took("preview", "is ready");
    github.comment(&pull, "/preview stop").await?;
    clients.is_gone(&namespace).await?;
    github.bot_says(&pull, &commit, "stopped").await?;
    said.took("mona", "comments /preview stop, and it is gone");
    Ok(())
}

fn workflow(pull: &PullRequest, commit: &str) -> String {
    format!("{}#{}:{commit}", pull.repository(), pull.number)
}

/// The project, with GitHub's stand-in.
pub(super) struct Project<'a> {
    compose: &'a Compose,
}

impl Project<'_> {
    async fn with(&self, words: &[&str]) -> anyhow::Result<String> {
        Ok(self.compose.run(&[&with_stand_in(), words].concat()).await?)
    }

    /// Where a service's container is in the engine's network.
    pub(super) async fn address_of(&self, service: &str) -> anyhow::Result<String> {
        let container = self.with(&["ps", "--quiet", service]).await?;
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = self.compose.docker(&["inspect", "--format", format, container.trim()]).await?;
        Ok(address.trim().to_owned())
    }

    /// Grafana is not among the stand-ins.
    async fn up(&self, more: &[&str]) -> anyhow::Result<()> {
        let up = ["up", "--detach", "--no-build", "--scale", "grafana=0"];
        self.with(&[&up, more].concat()).await.map(drop)
    }

    /// Returns when all workers are ready.
    async fn has_workers(&self) -> anyhow::Result<()> {
        let ready = eventually(PATIENCE, async || {
            let listed = self.with(&["ps", "--format", "{{.Health}}", "worker"]).await;
            let listed = listed.map_err(|error| error.to_string())?;
            let ready = listed.lines().filter(|health| *health == "healthy").count();
            if ready == WORKERS {
                Ok(())
            } else {
                Err(format!("the workers are: {listed}"))
            }
        });
        ready.await.map_err(|why| anyhow!(why))
    }

    /// Where everything is, as the file publishes it.
    async fn addresses(&self, installed: &Installed, state: &Path) -> anyhow::Result<StackEnv> {
        let copied = async |from: &str, name: &str| {
            let to = state.join(name);
            self.with(&["cp", from, &to.to_string_lossy()]).await?;
            anyhow::Ok(to)
        };
        let kubeconfig = copied("cluster:/output/kubeconfig.yaml", "kubeconfig").await?;
        let service = ServiceEnv {
            github_api_url: "http://127.0.0.1:4100/api/v3".to_owned(),
            github_page_url: "http://127.0.0.1:4100".to_owned(),
            github_app_id: "1234567".to_owned(),
            github_private_key_file: copied("github:/github-app/private-key.pem", "private-key.pem").await?,
            webhook_url: String::new(),
            webhook_secret: String::new(),
            preview_allowed_owners: String::new(),
            preview_name_key_file: state.to_owned(),
            preview_ttl: None,
        };
        Ok(StackEnv {
            worker_kubeconfig: kubeconfig.clone(),
            kubeconfig,
            kube_context: None,
            temporal_address: "127.0.0.1:7233".to_owned(),
            temporal_ui_url: String::new(),
            temporal_namespace: "previews".to_owned(),
            temporal_cli: installed.toolbox.path("temporal")?.to_owned(),
            preview_domain: "http://preview.localhost:8088".to_owned(),
            preview_image: String::new(),
            preview_ingress_address: "127.0.0.1:8088".to_owned(),
            preview_ingress_class: String::new(),
            preview_chart: state.to_owned(),
            helm: installed.toolbox.path("helm")?.to_owned(),
            kubectl: None,
            ctr: None,
            containerd_address: None,
            buildkit_host: None,
            service: Some(service),
        })
    }
}
