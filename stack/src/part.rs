//! Runs programs as parts of the stack: logged, waited for until they are
//! ready, and watched until they are stopped.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::{eventually, last_words};

/// What to run, under which name.
#[derive(Debug)]
pub struct Part {
    /// Names the part in errors, and its log.
    pub name: &'static str,
    /// The program's absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Added to this process's environment.
    pub environment: Vec<(String, OsString)>,
    /// How long it may take to become ready.
    pub patience: Duration,
    /// How long it may take to finish its work when it is told to stop; zero
    /// for a part with nothing to finish.
    pub grace: Duration,
}

impl Part {
    /// A part with no arguments, no grace, and half a minute to become ready.
    #[must_use]
    pub fn new(name: &'static str, program: &Path) -> Self {
        Self {
            name,
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            patience: Duration::from_secs(30),
            grace: Duration::ZERO,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds `--name=value`.
    #[must_use]
    pub fn flag(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        let mut argument = OsString::from(format!("--{name}="));
        argument.push(value);
        self.arg(argument)
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// Why a part does not run. Each message names the part and shows the end of its log.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum PartError {
    #[error("{part} did not start: {program}: {source}")]
    Spawn {
        part: &'static str,
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("{part} was not ready: {why}\n{tail}\nIts whole log is {log}")]
    NotReady {
        part: &'static str,
        why: String,
        tail: String,
        log: PathBuf,
    },
    #[error("{part} ended by itself ({status})\n{tail}\nIts whole log is {log}")]
    Ended {
        part: &'static str,
        status: ExitStatus,
        tail: String,
        log: PathBuf,
    },
}

/// The running parts. Dropping it leaves them running; the namespace they live
/// in is what ends them for certain.
#[derive(Debug)]
pub struct Parts {
    logs: PathBuf,
    running: Mutex<Vec<Running>>,
    ended: mpsc::UnboundedSender<PartError>,
}

/// Reports parts that end by themselves.
#[derive(Debug)]
pub struct Watcher(mpsc::UnboundedReceiver<PartError>);

#[derive(Debug)]
struct Running {
    pid: Pid,
    grace: Duration,
    status: watch::Receiver<Option<ExitStatus>>,
}

impl Parts {
    /// No parts yet; each will log to `<logs>/<name>.log`.
    pub fn new(logs: &Path) -> std::io::Result<(Self, Watcher)> {
        fs::create_dir_all(logs)?;
        let (ended, receiver) = mpsc::unbounded_channel();
        Ok((Self { logs: logs.to_owned(), running: Mutex::default(), ended }, Watcher(receiver)))
    }

    /// Runs `part` and returns when `ready` says that it is; `ready` names what is missing otherwise.
    ///
    /// # Errors
    /// When the part cannot be run, ends, or is not ready in time.
    pub async fn start(
        &self,
        part: Part,
        ready: impl AsyncFn() -> Result<(), String>,
    ) -> Result<(), PartError> {
        let name = part.name;
        let log = self.logs.join(format!("{name}.log"));
        let mut status = self.spawn(&part, &log).map_err(|source| PartError::Spawn {
            part: name,
            program: part.program.clone(),
            source,
        })?;

        let ended = async { status.wait_for(Option::is_some).await.ok().and_then(|status| *status) };
        tokio::select! {
            // Whatever may answer in its place, a part that has ended is not ready.
            biased;
            Some(status) = ended => {
                Err(PartError::Ended { part: name, status, tail: last_words::of(&log), log })
            }
            ready = eventually(part.patience, ready) => ready.map_err(|why| {
                PartError::NotReady { part: name, why, tail: last_words::of(&log), log }
            }),
        }
    }

    fn spawn(&self, part: &Part, log: &Path) -> std::io::Result<watch::Receiver<Option<ExitStatus>>> {
        let file = File::create(log)?;
        let mut child = Command::new(&part.program)
            .args(&part.arguments)
            .envs(part.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C in a terminal reaches the whole foreground group; the parts stop in our order instead.
            .process_group(0)
            .spawn()?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let (report, status) = watch::channel(None);
        if let Some(pid) = pid {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.push(Running { pid, grace: part.grace, status: status.clone() });
        }
        let (name, log, ended) = (part.name, log.to_owned(), self.ended.clone());
        tokio::spawn(async move {
            if let Ok(status) = child.wait().await {
                report.send_replace(Some(status));
                let _ = ended.send(PartError::Ended { part: name, status, tail: last_words::of(&log), log });
            }
        });
        Ok(status)
    }

    /// Tells the parts that have work to finish to stop, the last started first,
    /// and waits for each as long as its grace.
    pub async fn stop(&self) {
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for mut part in running.into_iter().rev().filter(|part| !part.grace.is_zero()) {
            if part.status.borrow().is_some() || kill(part.pid, Signal::SIGTERM).is_err() {
                continue;
            }
            let _ = timeout(part.grace, part.status.wait_for(Option::is_some)).await;
        }
    }
}

impl Watcher {
    /// Waits until a part ends by itself, and says which and why.
    pub async fn ended(&mut self) -> PartError {
        match self.0.recv().await {
            Some(error) => error,
            // The parts are gone, and with them anything to report.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Part {
        Part::new("sample", Path::new("/bin/sh")).arg("-c").arg(script)
    }

    #[tokio::test]
    async fn a_part_that_ends_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let (parts, mut watcher) = Parts::new(folder.path()).unwrap();
        let error = parts
            .start(shell("echo no space left >&2; exit 3"), async || Err("no".into()))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("sample ended") && text.contains("no space left") && text.contains("sample.log"),
            "{text}"
        );
        assert!(matches!(watcher.ended().await, PartError::Ended { part: "sample", .. }));
    }

    #[tokio::test]
    async fn a_part_that_is_never_ready_is_named_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (parts, _watcher) = Parts::new(folder.path()).unwrap();
        let part = Part {
            patience: Duration::from_millis(200),
            ..shell("exec sleep 5")
        };
        let error = parts.start(part, async || Err("no socket".into())).await;
        assert!(error.unwrap_err().to_string().contains("no socket"));
    }

    #[tokio::test]
    async fn stopping_lets_a_part_finish() {
        let folder = tempfile::tempdir().unwrap();
        let (parts, _watcher) = Parts::new(folder.path()).unwrap();
        let log = folder.path().join("sample.log");
        let part = Part {
            grace: Duration::from_secs(10),
            ..shell("trap 'echo finished; exit 0' TERM; echo up; while :; do sleep 0.05; done")
        };
        let up = async || {
            if last_words::of(&log).contains("up") {
                Ok(())
            } else {
                Err("not up".to_owned())
            }
        };
        parts.start(part, up).await.unwrap();
        parts.stop().await;
        assert!(last_words::of(&log).contains("finished"));
    }
}
