//! Looks at processes of this machine, those of the stack and of pods among them, and at the network that
//! each is in.

use std::{
    collections::HashSet,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use nix::sched::{CloneFlags, setns};

/// Nobody on this machine takes longer to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// A process, by its folder in `/proc`.
#[derive(Clone, Debug)]
pub struct OsProcess(PathBuf);

impl OsProcess {
    /// The one that asks.
    #[must_use]
    pub fn this() -> Self {
        Self("/proc/self".into())
    }

    /// All of this machine.
    ///
    /// # Errors
    /// When there is no `/proc`.
    pub fn all() -> Result<Vec<Self>> {
        let is_number = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        };
        let folders = fs::read_dir("/proc")?.flatten().map(|entry| entry.path());
        Ok(folders.filter(is_number).map(Self).collect())
    }

    /// Those of the stack that has its state in `folder`: those below its PID 1.
    ///
    /// # Errors
    /// When none of them is in a PID namespace other than ours.
    pub fn of_stack(folder: &Path) -> Result<Vec<Self>> {
        let folder = fs::canonicalize(folder)?.to_string_lossy().into_owned();
        let ours = Self::this().pid_namespace();
        let all = Self::all()?;
        let namespace = all
            .iter()
            .filter(|process| process.text("cmdline").contains(&format!("{folder}/")))
            .map(Self::pid_namespace)
            .find(|namespace| *namespace != ours)
            .context("the stack runs in a PID namespace of its own")?;
        Ok(all.into_iter().filter(|process| process.pid_namespace() == namespace).collect())
    }

    /// The kubelet of that stack, which is in the network of the node.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kubelet(folder: &Path) -> Result<Self> {
        let mut stack = Self::of_stack(folder)?.into_iter();
        stack
            .find(|process| process.text("comm").trim() == "kubelet")
            .context("the kubelet runs")
    }

    /// One of the pod's processes.
    ///
    /// # Errors
    /// When none runs.
    pub fn of_pod(pod: &Pod) -> Result<Self> {
        let cgroup = format!("pod{}", pod.metadata.uid.as_deref().context("it was made")?);
        let mut all = Self::all()?.into_iter();
        all.find(|process| process.text("cgroup").contains(&cgroup))
            .with_context(|| format!("no process of pod {:?} runs", pod.metadata.name))
    }

    /// A file of its folder; empty when the process is gone.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.0.join(file)).unwrap_or_default()).into_owned()
    }

    fn pid_namespace(&self) -> Option<PathBuf> {
        fs::read_link(self.0.join("ns/pid")).ok()
    }

    /// Of the routes in its network: where they lead to, in hexadecimal.
    #[must_use]
    pub fn routes(&self) -> Vec<String> {
        let routes = self.text("net/route");
        let columns = routes.lines().skip(1).filter_map(|row| row.split_whitespace().nth(1));
        columns.map(str::to_owned).collect()
    }

    /// Where `processes` listen in its network.
    ///
    /// # Errors
    /// When the kernel's tables look otherwise.
    pub fn listeners(&self, processes: &[Self]) -> Result<Vec<IpAddr>> {
        let socket =
            |link: PathBuf| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
        let sockets: HashSet<String> = processes
            .iter()
            .flat_map(|process| fs::read_dir(process.0.join("fd")).into_iter().flatten().flatten())
            .filter_map(|fd| socket(fs::read_link(fd.path()).ok()?))
            .collect();
        let tables = ["net/tcp", "net/tcp6"].map(|table| self.text(table));
        let rows = tables.iter().flat_map(|table| table.lines().skip(1));
        rows.map(|row| row.split_whitespace().collect::<Vec<_>>())
            // Column 3 is the state, of which 0A is LISTEN; column 9 is the socket.
            .filter(|row| row.len() > 9 && row[3] == "0A" && sockets.contains(row[9]))
            .map(|row| address(row[1]).with_context(|| row.join(" ")))
            .collect()
    }

    /// Does a connection to `address` come about from its network?
    ///
    /// # Errors
    /// When its network cannot be entered.
    pub fn reaches(&self, address: SocketAddr) -> Result<bool> {
        self.in_its_network(|| TcpStream::connect_timeout(&address, CONNECT).is_ok())
    }

    /// Connects to `address` from its network.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn connect(&self, address: SocketAddr) -> Result<TcpStream> {
        self.in_its_network(|| TcpStream::connect_timeout(&address, CONNECT))?
            .with_context(|| format!("connecting to {address}"))
    }

    /// Accepts connections in its network, until it is dropped.
    ///
    /// # Errors
    /// When the address is not there, or taken.
    pub fn listen(&self, address: SocketAddr) -> Result<TcpListener> {
        self.in_its_network(|| TcpListener::bind(address))?
            .with_context(|| format!("listening on {address}"))
    }

    /// Runs `ip` in its network.
    ///
    /// # Errors
    /// When it fails.
    pub fn ip(&self, arguments: &[&str]) -> Result<()> {
        let network = format!("--net={}", self.0.join("ns/net").display());
        let output = Command::new("nsenter")
            .args([network.as_str(), "ip"])
            .args(arguments)
            .output()?;
        ensure!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// On a thread of its own, which ends with it: a thread that is in another network is of no use for
    /// anything else.
    fn in_its_network<T: Send>(&self, action: impl FnOnce() -> T + Send) -> Result<T> {
        let network = File::open(self.0.join("ns/net")).with_context(|| format!("{self:?} is gone"))?;
        std::thread::scope(|scope| {
            let entered = scope.spawn(|| {
                setns(network, CloneFlags::CLONE_NEWNET)?;
                Ok(action())
            });
            entered.join().expect("it does not panic")
        })
    }
}

/// `0100007F:1F90` is 127.0.0.1:8080: hexadecimal words in the machine's own byte order.
fn address(text: &str) -> Option<IpAddr> {
    let (address, _) = text.split_once(':')?;
    let words: Vec<u8> = (0..address.len())
        .step_by(8)
        .filter_map(|at| u32::from_str_radix(address.get(at..at + 8)?, 16).ok())
        .flat_map(u32::to_ne_bytes)
        .collect();
    match words.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(words).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?).to_canonical()),
        _ => None,
    }
}
