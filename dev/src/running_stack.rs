//! Gives a command of `cargo dev` a stack of its own: runs `cargo dev up` beside
//! it, on free ports, and stops it in the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::env::StackEnv;
use stack::eventually;
use stack::options::{Ports, StackOptions};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// For everything to be up; the tools are installed and the services built by then.
const START_PATIENCE: Duration = Duration::from_secs(180);
/// For everything to be gone again.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A stack that runs beside this process, and ends with it at the latest.
pub(crate) struct RunningStack {
    state: PathBuf,
    log: PathBuf,
    process: Child,
}

impl RunningStack {
    /// Starts one with its state in `state`; returns when it is ready.
    pub(crate) async fn start(state: &Path, options: &[&str]) -> anyhow::Result<Self> {
        fs::create_dir_all(state)?;
        let log = state.join("up.log");
        let output = File::create(&log)?;
        let Ports { github, webhook, temporal, temporal_ui, ingress, api_server } =
            StackOptions::ephemeral(state.to_owned())?.ports;
        let mut command = Command::new("setpriv");
        // The stack stops even when this process is killed.
        command
            .args(["--pdeathsig", "TERM", "--"])
            .arg(std::env::current_exe()?)
            .arg("up")
            .arg("--state")
            .arg(state)
            .args(options);
        for (option, port) in [
            ("--github-port", github),
            ("--webhook-port", webhook),
            ("--temporal-port", temporal),
            ("--ui-port", temporal_ui),
            ("--ingress-port", ingress),
            ("--apiserver-port", api_server),
        ] {
            command.arg(option).arg(port.to_string());
        }
        // Ctrl-C reaches the whole foreground group; the stack shall stop after its user, not with it.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let process = command.spawn().context("cannot run setpriv; is util-linux installed?")?;
        let mut stack = Self { state: state.to_owned(), log, process };
        stack.ready().await?;
        Ok(stack)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let Self { log, process, .. } = self;
        // The log was emptied for this start, so what it says is not an earlier stack's.
        let says_ready = || {
            fs::read_to_string(&*log)
                .is_ok_and(|text| text.lines().any(|line| line.starts_with("Ready after")))
        };
        let ready =
            eventually(
                START_PATIENCE,
                async || {
                    if says_ready() { Ok(()) } else { Err("not ready".to_owned()) }
                },
            );
        tokio::select! {
            ended = process.wait() => bail!("the stack did not start ({}):\n{}", ended?, fs::read_to_string(&*log)?),
            ready = ready => ready.map_err(|why| anyhow!("the stack is {why}; see {}", log.display())),
        }
    }

    /// The file that holds its addresses.
    pub(crate) fn env_file(&self) -> PathBuf {
        StackEnv::file(&self.state)
    }

    /// Stops it, and returns when it is gone.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        }
        let status = timeout(STOP_PATIENCE, self.process.wait())
            .await
            .context("the stack does not stop")??;
        ensure!(status.success(), "the stack stopped with {status}:\n{}", fs::read_to_string(&self.log)?);
        Ok(())
    }
}
