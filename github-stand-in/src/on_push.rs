//! Runs a program for each commit that a pull request gets, in the place of a repository's own CI: it builds
//! the commit's image.

use std::{
    path::Path,
    process::{Output, Stdio},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    process::Command,
    sync::{
        Semaphore,
        broadcast::{Receiver, error::RecvError},
    },
    task::JoinSet,
    time::timeout,
};

use super::{git::check_out, shared::Push};

/// Longest that one run may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Runs at the same moment. Each has a copy of its commit's files on disk.
const AT_ONCE: usize = 2;
/// Most that the files of one commit may measure, in bytes of tar.
const MAX_SOURCE: u64 = 100 << 20;
/// Lines of a failed program's output that are logged.
const TAIL: usize = 20;

/// A program and its arguments, with `{owner}`, `{repo}`, `{commit}` and `{files}`, a folder of the commit's
/// files, where these go. No shell reads it, so no argument can hold a blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushCommand {
    program: String,
    arguments: Vec<String>,
}

/// The text names no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a program and its arguments")]
pub struct NoProgram;

impl FromStr for PushCommand {
    type Err = NoProgram;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace().map(str::to_owned);
        let program = words.next().ok_or(NoProgram)?;
        Ok(Self { program, arguments: words.collect() })
    }
}

impl PushCommand {
    /// Runs it for each push, until the sender is gone. A failure is logged: it is about that commit alone.
    /// Dropping the future ends the runs.
    pub async fn run_for_each(self, mut pushes: Receiver<Push>) {
        let (command, turns) = (Arc::new(self), Arc::new(Semaphore::new(AT_ONCE)));
        let mut runs = JoinSet::new();
        loop {
            match pushes.recv().await {
                Ok(push) => {
                    let (command, turns) = (Arc::clone(&command), Arc::clone(&turns));
                    runs.spawn(async move {
                        let _turn = turns.acquire().await.expect("it is never closed");
                        command.run_for(&push).await;
                    });
                }
                Err(RecvError::Lagged(missed)) => tracing::error!(missed, "too many commits at once"),
                Err(RecvError::Closed) => break,
            }
            while runs.try_join_next().is_some() {}
        }
        runs.join_all().await;
    }

    async fn run_for(&self, push: &Push) {
        match self.run(push).await {
            Ok(()) => tracing::info!(pull_request = push.number, commit = push.sha, "ran on the push"),
            Err(why) => tracing::error!(pull_request = push.number, commit = push.sha, "on the push: {why}"),
        }
    }

    async fn run(&self, push: &Push) -> Result<(), String> {
        let files = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (source, folder) = (push.clone(), files.path().to_owned());
        tokio::task::spawn_blocking(move || check_out(&source.git_dir, &source.sha, &folder, MAX_SOURCE))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments_for(push, files.path()))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match timeout(PATIENCE, command.output()).await {
            Err(_) => Err(format!("{} took longer than {} s", self.program, PATIENCE.as_secs())),
            Ok(Err(error)) => Err(format!("{} did not start: {error}", self.program)),
            Ok(Ok(Output { status, .. })) if status.success() => Ok(()),
            Ok(Ok(Output { status, stderr, .. })) => {
                Err(format!("{} ended with {status}:\n{}", self.program, tail(&stderr)))
            }
        }
    }

    fn arguments_for(&self, push: &Push, files: &Path) -> Vec<String> {
        let files = files.to_string_lossy();
        // Image names are in lower case; GitHub's do not differ in case only.
        let (owner, repo) = (push.owner.to_lowercase(), push.repo.to_lowercase());
        let of_push = [("{owner}", owner.as_str()), ("{repo}", &repo), ("{commit}", &push.sha)];
        let values = of_push.into_iter().chain([("{files}", &*files)]);
        self.arguments
            .iter()
            .map(|word| {
                values
                    .clone()
                    .fold(word.clone(), |word, (name, value)| word.replace(name, value))
            })
            .collect()
    }
}

fn tail(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_what_it_asks_for_and_names_of_images_are_in_lower_case() {
        let push = Push {
            owner: "Octo-Org".to_owned(),
            repo: "Hello".to_owned(),
            number: 1,
            sha: "a".repeat(40),
            git_dir: "/repositories/1".into(),
        };
        let command: PushCommand =
            "build --local context={files}  --name=registry:5000/{owner}/{repo}:{commit}"
                .parse()
                .unwrap();
        assert_eq!(
            command.arguments_for(&push, Path::new("/tmp/files")),
            [
                "--local",
                "context=/tmp/files",
                &format!("--name=registry:5000/octo-org/hello:{}", "a".repeat(40))
            ]
        );
        assert_eq!(" ".parse::<PushCommand>(), Err(NoProgram));
    }
}
