//! `preview doctor --conformance`: a conversation on a pull request of the operator's own. Does the
//! installation keep its promise, from the comment to the last trace?
//!
//! A person comments. All else is seen from outside: on GitHub, in Temporal, in the cluster and at the URL.

mod judge;
mod page;
mod seen;

use std::time::{Duration, Instant};

use ::github::GitHubApp;
use domain::{CommitSha, Names, PreviewId, PullRequestRef, Ttl, preview::PreviewState};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client as Cluster};
use temporalio_client::{Client, WorkflowHandle};
use temporalio_common::telemetry::metrics::NoOpCoreMeter;
use tokio::time::sleep;
use worker::{cluster, config::Config};
use workflows::PreviewWorkflow;

use self::judge::{Asked, Played};
use super::line::Line;
use crate::{
    connection, extend, stop,
    target::{Target, short_name},
};

/// For the person to comment.
const COMMENT: Duration = Duration::from_secs(5 * 60);
/// For the App's answer to be on GitHub.
const ANSWER: Duration = Duration::from_secs(30);
/// For the preview to be ready, or to have failed. The service itself waits no longer.
const READY: Duration = Duration::from_secs(60 * 60);
/// For the preview to be gone.
const REMOVAL: Duration = Duration::from_secs(5 * 60);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// What is added to the preview's life.
const EXTENSION: &str = "1m";

/// In place of all steps.
pub(super) fn not_played() -> Line {
    Line::unknown(
        judge::COMMENT,
        "no conversation was played, as something is wrong already",
        "repair it first",
    )
}

/// One line for each step; the last one is wrong if the conversation did not come to its end.
pub(super) async fn play(config: &Config, github: &GitHubApp, names: &Names, target: &Target) -> Vec<Line> {
    let mut lines = Vec::new();
    let ended = match Play::begin(config, github, names, target).await {
        Ok(play) => play.conversation(&mut lines).await,
        Err(line) => Err(line),
    };
    lines.extend(ended.err());
    lines
}

/// What it takes.
struct Play<'a> {
    config: &'a Config,
    github: &'a GitHubApp,
    names: &'a Names,
    temporal: Client,
    cluster: Cluster,
    pull_request: PullRequestRef,
}

impl<'a> Play<'a> {
    async fn begin(
        config: &'a Config,
        github: &'a GitHubApp,
        names: &'a Names,
        target: &Target,
    ) -> Result<Self, Line> {
        let installations = github.installations().await.map_err(|error| judge::unreadable(&error))?;
        let owner = target.repository.owner();
        let installed = installations
            .iter()
            .find(|installation| installation.account.eq_ignore_ascii_case(owner));
        let installed = installed.ok_or_else(|| judge::not_installed(owner))?;
        let unusable =
            |error: anyhow::Error| Line::unknown(judge::COMMENT, format!("{error:#}"), "see above");
        let connected = cluster::connect(config.kube_context.as_deref(), &NoOpCoreMeter).await;
        Ok(Self {
            config,
            github,
            names,
            temporal: connection::open(&config.temporal).await.map_err(unusable)?,
            cluster: connected.map_err(unusable)?.0,
            pull_request: PullRequestRef {
                installation: installed.id,
                repository: target.repository.clone(),
                number: target.pull_request,
            },
        })
    }

    async fn conversation(&self, lines: &mut Vec<Line>) -> Result<(), Line> {
        let asked = self.asked().await?;
        lines.push(judge::asked(&asked));
        lines.push(self.answered(&asked).await?);
        let played = self.ready(&asked).await?;
        lines.push(judge::ready(&played));
        // Whatever is wrong with these two: nothing is left behind.
        lines.push(page::look(self.config, &played).await);
        lines.push(self.extended(&played.preview).await);
        lines.push(self.removed(&played).await?);
        lines.push(self.last_word(&asked).await?);
        Ok(())
    }

    /// Waits until somebody comments, and looks which commit that was about.
    async fn asked(&self) -> Result<Asked, Line> {
        let known = self.comments().await?;
        let pull_request = self.pull_request().await?;
        if let Some(line) = judge::unsuitable(&pull_request) {
            return Err(line);
        }
        let preview = self.preview(pull_request.head);
        let earlier_run = seen::newest_run(&self.handle(&preview)).await;
        if earlier_run.as_ref().is_some_and(|run| run.is_open) {
            return Err(judge::is_open(&self.pull_request));
        }
        eprintln!("Comment `/preview` on {} now.", self.pull_request);
        let asked = within(COMMENT, async || {
            let comments = self.comments().await?;
            let is_new =
                |id: &_| !known.written.contains_key(id) && comments.own.iter().all(|own| own.id != *id);
            Ok(comments.written.into_keys().any(|id| is_new(&id)).then(Instant::now))
        });
        let at = asked.await?.ok_or_else(|| judge::nobody_asked(&self.pull_request, COMMENT))?;
        Ok(Asked {
            preview: self.preview(self.pull_request().await?.head),
            at,
            before: known.own,
            earlier_run: earlier_run.map(|run| run.id),
        })
    }

    async fn answered(&self, asked: &Asked) -> Result<Line, Line> {
        let answer = within(ANSWER, async || self.news_of(asked).await);
        match answer.await? {
            Some(answer) => Ok(judge::answered(asked.at.elapsed(), &answer)),
            None => Err(match self.news(asked).await?.first() {
                Some(refusal) => judge::refused(refusal),
                None => judge::no_answer(ANSWER),
            }),
        }
    }

    async fn ready(&self, asked: &Asked) -> Result<Played, Line> {
        let handle = self.handle(&asked.preview);
        let name = short_name(&asked.preview);
        eprintln!("It was answered. Waiting until {name} is ready.");
        let ended = within(READY, async || {
            let Some(report) = seen::report(&handle).await else {
                return Ok(None);
            };
            if report.run_id == asked.earlier_run {
                return Ok(None);
            }
            match report.state {
                PreviewState::Ready { url, .. } => {
                    let run_id = report.run_id.unwrap_or_default();
                    Ok(Some(Played::new(asked, run_id, url)))
                }
                state => judge::on_the_way(&name, &state).map_or(Ok(None), Err),
            }
        });
        ended.await?.ok_or_else(|| judge::never_ready(&name, READY))
    }

    async fn extended(&self, preview: &PreviewId) -> Line {
        let more: Ttl = EXTENSION.parse().expect("it is a constant");
        judge::extended(EXTENSION, extend::by(&self.temporal, preview, more).await)
    }

    async fn removed(&self, played: &Played) -> Result<Line, Line> {
        eprintln!("Stopping it.");
        let begun = Instant::now();
        let asked = stop::ask(&self.temporal, &played.preview).await;
        asked.map_err(|error| judge::not_stopped(&error))?;
        let namespace = self.names.namespace(&played.owner());
        let namespaces: Api<Namespace> = Api::all(self.cluster.clone());
        let gone = within(REMOVAL, async || match namespaces.get_metadata_opt(&namespace).await {
            Ok(found) => Ok(found.is_none().then(|| begun.elapsed())),
            Err(error) => Err(judge::cluster_silent(&error)),
        });
        let took = gone.await?.ok_or_else(|| judge::still_there(&namespace, REMOVAL))?;
        Ok(judge::removed(&namespace, took))
    }

    async fn last_word(&self, asked: &Asked) -> Result<Line, Line> {
        let last = within(ANSWER, async || {
            let text = self.news_of(asked).await?;
            Ok(text.filter(|text| judge::says_it_was_stopped(text)))
        });
        let text = last.await?.ok_or_else(|| judge::no_last_word(ANSWER))?;
        Ok(judge::last_word(&text))
    }

    fn preview(&self, commit: CommitSha) -> PreviewId {
        PreviewId {
            repository: self.pull_request.repository.clone(),
            pull_request: self.pull_request.number,
            commit,
        }
    }

    fn handle(&self, preview: &PreviewId) -> WorkflowHandle<Client, PreviewWorkflow> {
        self.temporal.get_workflow_handle::<PreviewWorkflow>(preview.to_string())
    }

    async fn pull_request(&self) -> Result<::github::PullRequest, Line> {
        let pull_request = self.github.pull_request(&self.pull_request).await;
        pull_request.map_err(|error| judge::unreadable(&error))
    }

    async fn comments(&self) -> Result<::github::Comments, Line> {
        self.github
            .comments(&self.pull_request)
            .await
            .map_err(|error| judge::unreadable(&error))
    }

    /// What the App has written of this commit since somebody asked.
    async fn news_of(&self, asked: &Asked) -> Result<Option<String>, Line> {
        let commit = asked.preview.commit.short();
        let news = self.news(asked).await?;
        Ok(news.into_iter().find(|text| text.contains(commit)))
    }

    /// What the App has written at all since then, the newest first.
    async fn news(&self, asked: &Asked) -> Result<Vec<String>, Line> {
        let own = self.comments().await?.own.into_iter().rev();
        let is_new = |comment: &::github::Comment| !asked.before.contains(comment);
        Ok(own.filter(is_new).map(|comment| comment.body).collect())
    }
}

/// Looks again and again until there is something to see; `None` if there is nothing for so long.
async fn within<T>(
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Line>,
) -> Result<Option<T>, Line> {
    let begun = Instant::now();
    loop {
        let seen = look().await?;
        if seen.is_some() || begun.elapsed() > patience {
            return Ok(seen);
        }
        sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests;
