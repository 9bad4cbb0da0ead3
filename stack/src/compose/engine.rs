//! Runs Docker's engine in this process's namespaces, with all of its state in one folder.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio_util::task::AbortOnDropHandle;

use super::{ComposeError, Installed, failed, names};
use crate::part::{Part, Parts};
use crate::program::output;

/// The engine's own address, on its default bridge.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to end its containers.
const GRACE: Duration = Duration::from_secs(20);
/// What the project is called: its containers, volumes and network begin with it.
const PROJECT: &str = "previews";
/// The root of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A running engine.
pub(super) struct Engine {
    client: PathBuf,
    compose: PathBuf,
    socket: PathBuf,
    root: PathBuf,
    _names: AbortOnDropHandle<()>,
}

impl Engine {
    /// Starts it; returns when it answers.
    pub(super) async fn start(
        parts: &Parts,
        installed: &Installed,
        state: &Path,
        cgroup: &str,
    ) -> Result<Self, ComposeError> {
        let packages = &installed.engine;
        let root = state.join("engine");
        let socket = state.join("docker.sock");
        let client = packages.join("usr/bin/docker");
        let mut host = OsString::from("unix://");
        host.push(&socket);
        let part = Part::new("dockerd", &packages.join("usr/sbin/dockerd"))
            .flag("data-root", &root)
            .flag("exec-root", "/run/docker")
            .flag("pidfile", "/run/docker.pid")
            .flag("host", &host)
            .flag("cgroup-parent", format!("/{cgroup}"))
            .flag("bip", format!("{ADDRESS}/16"))
            .flag("dns", ADDRESS.to_string())
            .arg("--add-runtime")
            .arg(format!("permitted={}", installed.toolbox.path("runc-permitted")?.display()))
            .flag("default-runtime", "permitted")
            .env("PATH", path(packages));
        let part = Part { patience: PATIENCE, grace: GRACE, ..part };
        let ready = async || {
            let mut version = Command::new(&client);
            version.arg("version").env("DOCKER_HOST", &host);
            output(version).await.map(drop)
        };
        parts.start(part, ready).await?;
        let names = names::serve(ADDRESS).await.map_err(|error| error.to_string());
        Ok(Self {
            client,
            compose: installed.toolbox.path("docker-compose")?.to_owned(),
            socket,
            root,
            _names: names.map_err(failed("answering questions for names"))?,
        })
    }

    /// Where its images and containers are.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Its own client, to be given arguments.
    pub(super) fn docker(&self) -> Command {
        let mut command = Command::new(&self.client);
        command.env("DOCKER_HOST", self.host()).env("DOCKER_BUILDKIT", "1");
        command
    }

    /// Compose with the project, GitHub's stand-in, and variables from a file.
    pub(super) fn compose(&self, variables: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(&self.compose);
        command
            .env("DOCKER_HOST", self.host())
            .args(["--project-name", PROJECT, "--project-directory", ROOT, "--env-file"])
            .arg(variables)
            .args(words);
        command
    }

    fn host(&self) -> OsString {
        let mut host = OsString::from("unix://");
        host.push(&self.socket);
        host
    }
}

/// Where the engine finds its own programs, and those of the system.
fn path(packages: &Path) -> OsString {
    let own = ["usr/sbin", "usr/bin"].map(|folder| packages.join(folder));
    let all = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&all))).unwrap_or(all)
}
