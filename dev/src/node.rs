//! `dev node`: the embedded cluster's node in a container of its own, in the place of k3s where no image can
//! be pulled. It forgets everything when it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;
use nix::unistd::{Pid, getppid};
use stack::Stack;
use stack::options::{ClusterChoice, Neighbours, Ports, StackOptions};
use stack::published::Published;
use stack::tools::{Tool, Toolbox};

/// Where Kubernetes and the ingress are reached, as with k3s.
const API_SERVER: u16 = 6443;
const INGRESS: u16 = 80;

/// What its container says.
#[derive(Args)]
pub(crate) struct Options {
    /// Folder of the programs.
    #[arg(long)]
    programs: PathBuf,
    /// Folder for state and logs, on a file system that containers can be kept on.
    #[arg(long)]
    state: PathBuf,
    /// Where the administrator's kubeconfig is put once everything works.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// The name under which the other containers find this one.
    #[arg(long)]
    name: String,
    /// The registry that speaks no TLS.
    #[arg(long)]
    registry: String,
}

/// Runs until a part fails or the container is killed.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    ensure!(getppid() == Pid::from_raw(1), "`dev node` is for a container of its own");
    let toolbox = Toolbox::in_folder(&options.programs, Tool::NODE)?;
    let Options { state, kubeconfig, name, registry, .. } = options;
    let options = StackOptions {
        state: state.clone(),
        // The others are not used.
        ports: Ports {
            github: 0,
            webhook: 0,
            temporal: 0,
            temporal_ui: 0,
            ingress: INGRESS,
            api_server: API_SERVER,
        },
        cluster: ClusterChoice::Embedded,
        ttl: None,
        neighbours: Some(Neighbours { own_name: name, registry }),
    };
    let mut stack = Stack::prepare(options, Published::default(), toolbox).await?;
    let _cluster = stack.start_node().await?;
    put(&state.join("kubeconfig"), &kubeconfig)?;
    eprintln!("The node is ready.");
    Err(stack.ended().await.into())
}

/// It appears all at once.
fn put(file: &Path, at: &Path) -> anyhow::Result<()> {
    let partial = at.with_extension("partial");
    let moved = fs::copy(file, &partial).and_then(|_| fs::rename(&partial, at));
    moved.with_context(|| at.display().to_string())
}
