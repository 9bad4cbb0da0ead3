//! `cargo dev demo`: one conversation from the first push to the last word, and how long each step took.
//!
//! Everything is done and seen from outside, as the people and programs around the service do: through
//! GitHub's page and REST API, the `temporal` program, the cluster's API and the preview's own URL. Whatever
//! is not observed ends the demo with an error.

mod bare_helm;
pub(crate) mod github;
pub(crate) mod look;
pub(crate) mod transcript;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use jiff::Timestamp;
use stack::env::{ServiceEnv, StackEnv};
use stack::images::ImageRef;
use stack::services;
use stack::tools::{Tool, Toolbox};

use crate::running_stack::RunningStack;
use github::{GitHub, PullRequest};
use look::Clients;
use transcript::{Transcript, seconds};

/// The pull request that it is played on.
const FIRST: u64 = 1;
/// How long previews live on a stack that is started for the demo.
const TTL: &str = "20s";
/// Nobody watches a demo for longer than this: a stack whose previews live longer is not used.
const LONGEST_TTL: Duration = Duration::from_secs(120);
/// What is added to the preview's life while it runs.
const EXTENSION: &str = "10s";
/// The most that a preview may take longer than Helm alone, from comment to URL.
const ALLOWANCE: Duration = Duration::from_secs(3);

/// What a person can choose.
#[derive(Args)]
pub(crate) struct Options {
    /// Folder of the running stack.
    #[arg(long, default_value = ".dev")]
    state: PathBuf,
    /// On a stack of its own whose service is installed by its chart, as pods.
    #[arg(long)]
    installed: bool,
}

/// Plays on the running stack if its previews end soon, else on one of its own.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    if !options.installed
        && let Ok(env) = StackEnv::read(&StackEnv::file(&options.state))
    {
        if has_short_previews(&env) {
            Box::pin(play(&env)).await?;
            return Ok(ExitCode::SUCCESS);
        }
        println!(
            "The previews of the running stack live too long to watch one end. The demo starts a stack of its own beside it; start yours with --ttl 30s to have it used."
        );
    }
    // Before the stack starts, whose patience is not meant for this.
    Toolbox::ensure_all(Tool::EMBEDDED).await?;
    services::build().await?;
    let mut choices = vec!["--ttl", TTL];
    choices.extend(options.installed.then_some("--installed"));
    let stack = RunningStack::start(&std::path::absolute(options.state.join("demo"))?, &choices).await?;
    let env = StackEnv::read(&stack.env_file());
    let played = match &env {
        Ok(env) => Box::pin(play(env)).await,
        Err(_) => Ok(()),
    };
    stack.stop().await?;
    env?;
    played?;
    Ok(ExitCode::SUCCESS)
}

fn has_short_previews(env: &StackEnv) -> bool {
    let ttl = env.service.as_ref().and_then(|service| service.preview_ttl.as_deref());
    let ttl = ttl.and_then(|ttl| ttl.parse::<jiff::SignedDuration>().ok());
    ttl.is_some_and(|ttl| ttl.unsigned_abs() <= LONGEST_TTL)
}

async fn play(env: &StackEnv) -> anyhow::Result<()> {
    let service: &ServiceEnv = env
        .service
        .as_ref()
        .context("only the platform runs: start the stack without --platform-only")?;
    let (clients, github) = (Clients::connect(env).await?, GitHub::connect(service).await?);
    let mut said = Transcript::begin();

    let pull = github.pull_request(FIRST).await?;
    said.line("mona", format!("opens {} on GitHub and pushes a commit to it", pull.page));
    let greeting = format!("Hello from the demo of {}", Timestamp::now().strftime("%H:%M:%S"));
    let before = github.head_of(&pull).await?;
    github.push(&pull, &greeting).await?;
    let commit = github.head_of(&pull).await?;
    ensure!(commit != before, "the push made no commit");
    said.line("GitHub", format!("{}#{} is at {commit}", pull.repository(), pull.number));
    let image = ImageRef::new(&pull.owner, &pull.repo, &commit)?;
    clients.has_image(&image).await?;
    said.took("builder", format!("the image {image} is in the cluster"));

    let bare = bare_helm::install(env, &clients, &pull, &image).await?;
    said.line(
        "helm",
        format!("alone, `helm upgrade --install --wait` of that image takes {}", seconds(bare)),
    );

    let times = Box::pin(preview(&mut said, env, &clients, &github, &pull, &commit, &greeting)).await?;

    let overhead = times.url.saturating_sub(bare);
    println!(
        "\n  comment → first answer     {}\n  comment → URL              {}\n  helm alone                 {}\n  difference                 {} (at most {})\n  end of life → gone         {}",
        seconds(times.answer),
        seconds(times.url),
        seconds(bare),
        seconds(overhead),
        seconds(ALLOWANCE),
        seconds(times.gone),
    );
    ensure!(
        overhead <= ALLOWANCE,
        "the preview took {} longer than Helm alone, more than {}",
        seconds(overhead),
        seconds(ALLOWANCE)
    );
    Ok(())
}

/// How long a person waited.
struct Times {
    answer: Duration,
    url: Duration,
    gone: Duration,
}

/// From the comment to the last word.
async fn preview(
    said: &mut Transcript,
    env: &StackEnv,
    clients: &Clients,
    github: &GitHub,
    pull: &PullRequest,
    commit: &str,
    greeting: &str,
) -> anyhow::Result<Times> {
    let asked = said.line("mona", "comments /preview");
    github.comment(pull, "/preview").await?;
    let comment = github.bot_says(pull, commit, "Deployment requested!").await?;
    let answer = asked.elapsed();
    said.took("preview", comment.first_line());

    let ready = github.bot_says(pull, commit, "is ready").await?;
    let url = ready
        .url_below(env.preview_host())
        .with_context(|| format!("the comment holds no URL: {}", ready.body))?;
    let until_url = asked.elapsed();
    said.took("preview", format!("{url}"));

    let page = clients.get(&url).await?;
    ensure!(page.commit.as_deref() == Some(commit), "{url} serves {:?}, not {commit}", page.commit);
    ensure!(page.body.contains(greeting), "{url} does not say {greeting:?}");
    said.took("browser", format!("the page says “{greeting}” and is built from {commit}"));

    let workflow = format!("{}#{}:{commit}", pull.repository(), pull.number);
    let namespace = clients.namespace_of(commit).await?;
    let first_end = clients.end_of(&workflow).await?;
    clients
        .temporal(&[
            "workflow",
            "signal",
            "--workflow-id",
            &workflow,
            "--name",
            "extend_ttl",
            "--input",
            &format!("\"{EXTENSION}\""),
        ])
        .await?;
    let end = clients.end_of(&workflow).await?;
    let added = first_end.duration_until(end);
    ensure!(added == EXTENSION.parse()?, "extend_ttl moved the end by {added:#}");
    said.took(
        "operator",
        format!(
            "temporal workflow signal --name extend_ttl --input '\"{EXTENSION}\"': it ends at {end:.0} now"
        ),
    );

    clients.is_gone(&namespace).await?;
    let late = end.duration_until(Timestamp::now());
    ensure!(!late.is_negative(), "the namespace was gone {late:#} before its time");
    said.line("cluster", format!("the namespace {namespace} is gone"));
    let last = github.bot_says(pull, commit, "gone").await?;
    ensure!(last.id == comment.id, "it should be one comment, edited");
    said.took("preview", last.first_line());
    let status = clients.status_of(&workflow).await?;
    ensure!(status == "Completed", "the workflow is {status}");
    said.took("Temporal", format!("the workflow {workflow} is {status}"));
    Ok(Times { answer, url: until_url, gone: late.unsigned_abs() })
}
