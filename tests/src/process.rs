//! Runs, kills and stops one of the service's programs for real.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use stack::{eventually, ports::free_ports};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::timeouts::{HTTP, SERVICE_DOWN, SERVICE_UP};

/// Lines of a log that are shown when something is wrong.
const TAIL_LINES: usize = 40;

/// The webhook or the worker of one conversation; not running until it is started.
pub struct Service {
    program: PathBuf,
    environment: BTreeMap<String, OsString>,
    /// `127.0.0.1:port` of its health endpoints.
    address: String,
    log: PathBuf,
    running: Option<Child>,
}

impl Service {
    pub(crate) fn new(program: PathBuf, log: PathBuf) -> Result<Self> {
        // It keeps its port when it is started again, so nobody may get it meanwhile.
        let [port] = free_ports()?;
        Ok(Self {
            program,
            environment: BTreeMap::new(),
            address: format!("127.0.0.1:{port}"),
            log,
            running: None,
        })
    }

    /// The same program with the same variables, and a port and a log of its own; not running yet.
    pub(crate) fn like(&self, log: PathBuf) -> Result<Self> {
        Ok(Self {
            environment: self.environment.clone(),
            ..Self::new(self.program.clone(), log)?
        })
    }

    /// Sets a variable for the next start.
    pub fn set(&mut self, variable: &str, value: impl Into<OsString>) {
        self.environment.insert(variable.to_owned(), value.into());
    }

    /// The variables that it is started with.
    pub(crate) fn environment(&self) -> &BTreeMap<String, OsString> {
        &self.environment
    }

    /// Where it answers probes and scrapes, `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its log of all its lives.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What it said so far.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How often it has counted something by now: all counters of this name whose labels
    /// contain each of `labels`, like `method="GET"`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn counted(&self, name: &str, labels: &[&str]) -> Result<u64> {
        let client = reqwest::Client::builder().timeout(HTTP).build()?;
        let url = format!("http://{}/metrics", self.address);
        let metrics = client.get(url).send().await?.error_for_status()?;
        let metrics = metrics.text().await?;
        let lines = metrics
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '))
            .filter(|(shown, _)| shown.is_empty() || shown.starts_with('{'))
            .filter(|(shown, _)| labels.iter().all(|label| shown.contains(label)));
        lines
            .map(|(_, value)| value.parse::<u64>().with_context(|| format!("{name} is {value}")))
            .sum()
    }

    pub(crate) fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<_> = said.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Whether it was started, and neither killed nor stopped since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its process ID while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().and_then(Child::id)
    }

    /// Starts it, and returns when it says that it is ready.
    ///
    /// # Errors
    /// When it is not in time, with its last words.
    pub async fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut child = self.spawn(&log)?;
        // It fails only when one is chosen already; reqwest panics when none is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(HTTP).build()?;
        let url = format!("http://{}/readyz", self.address);
        let ready = eventually(SERVICE_UP, async || {
            let answer = client.get(&url).send().await.map_err(|error| error.to_string())?;
            let status = answer.status();
            if status.is_success() {
                Ok(())
            } else {
                Err(format!("{status}: {}", answer.text().await.unwrap_or_default()))
            }
        });
        tokio::select! {
            ended = child.wait() => bail!("{} ended with {}:\n{}", self.program.display(), ended?, self.last_words()),
            ready = ready => if let Err(why) = ready {
                bail!("{} is not ready: {why}\n{}", self.program.display(), self.last_words());
            },
        }
        self.running = Some(child);
        Ok(())
    }

    fn spawn(&self, log: &File) -> Result<Child> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Command::new(&self.program)
            // Nothing of the person's own environment: what a service needs, it is told here.
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.log.parent().unwrap_or(Path::new("/")))
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}; `cargo dev test` builds it", self.program.display()))
    }

    /// Kills it and everything that it has started, at once and without a
    /// warning, as when its container dies.
    ///
    /// # Errors
    /// When it was not running.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.running.take().context("it is not running")?;
        let family = child.id().map(with_descendants).unwrap_or_default();
        for pid in family {
            // It may have ended by itself meanwhile.
            let _ = kill(pid, Signal::SIGKILL);
        }
        child.wait().await?;
        Ok(())
    }

    /// Kills it and nothing else, as when a machine has no memory left. What it has
    /// started goes on, unless that sees to it itself.
    ///
    /// # Errors
    /// When it was not running.
    pub async fn kill_alone(&mut self) -> Result<()> {
        let mut child = self.running.take().context("it is not running")?;
        child.kill().await?;
        Ok(())
    }

    /// Asks it to stop, and returns how it ended.
    ///
    /// # Errors
    /// When it was not running, or does not end in time.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.ask_to_stop()?;
        self.stopped().await
    }

    /// Asks it to stop, without waiting.
    ///
    /// # Errors
    /// When it was not running.
    pub fn ask_to_stop(&self) -> Result<()> {
        let pid = self
            .pid()
            .and_then(|pid| i32::try_from(pid).ok())
            .context("it is not running")?;
        Ok(kill(Pid::from_raw(pid), Signal::SIGTERM)?)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it was not running, or does not end in time.
    pub async fn stopped(&mut self) -> Result<ExitStatus> {
        let mut child = self.running.take().context("it is not running")?;
        let ended = timeout(SERVICE_DOWN, child.wait()).await;
        Ok(ended.with_context(|| {
            format!("{} was still there {SERVICE_DOWN:?} after SIGTERM", self.program.display())
        })??)
    }
}

/// The process and all below it, the process itself first so that it cannot start another.
fn with_descendants(pid: u32) -> Vec<Pid> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        next += 1;
    }
    family
        .into_iter()
        .filter_map(|pid| i32::try_from(pid).ok())
        .map(Pid::from_raw)
        .collect()
}

/// Folder of the programs that cargo built beside this test.
///
/// # Errors
/// When this is not run from cargo's target folder.
pub fn programs() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.ancestors().find(|folder| folder.join("preview-worker").is_file());
    profile
        .map(Path::to_owned)
        .context("preview-worker is not built; `cargo dev test` builds it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::script::write_script;

    fn shell(folder: &Path, script: &str) -> Service {
        let program = folder.join("program");
        write_script(&program, script).unwrap();
        Service::new(program, folder.join("log")).unwrap()
    }

    #[tokio::test]
    async fn a_service_that_ends_at_once_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = shell(folder.path(), "echo no secret given >&2; exit 2")
            .start()
            .await
            .unwrap_err();
        assert!(error.to_string().contains("no secret given"), "{error}");
    }

    #[tokio::test]
    async fn killing_a_service_kills_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mut service = shell(folder.path(), "sleep 1000 & echo $! > \"$HOME/pid\"; echo started; wait");
        let log = File::create(&service.log).unwrap();
        service.running = Some(service.spawn(&log).unwrap());
        eventually(HTTP, async || {
            if service.said().contains("started") {
                Ok(())
            } else {
                Err("not started".into())
            }
        })
        .await
        .unwrap();
        let grandchild: i32 = fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
        service.kill().await.unwrap();
        let gone = async || match fs::read_to_string(format!("/proc/{grandchild}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => Err("still there".to_owned()),
            _ => Ok(()),
        };
        eventually(HTTP, gone).await.unwrap();
    }

    #[tokio::test]
    async fn stopping_says_how_the_service_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut service = shell(folder.path(), "exec sleep 1000");
        let log = File::create(&service.log).unwrap();
        service.running = Some(service.spawn(&log).unwrap());
        assert_eq!(service.stop().await.unwrap().signal(), Some(Signal::SIGTERM as i32));
    }
}
