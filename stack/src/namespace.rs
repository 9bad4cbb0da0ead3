//! Makes certain that nothing the stack starts outlives it, even when it is killed.
//!
//! The stack runs in a PID, a mount and, with a cluster of its own, a network namespace:
//!
//! ```text
//! cargo dev up            this process: installs, then holds a pipe open and waits
//! └─ unshare              makes the namespaces; its child dies with it
//!    └─ dev init          PID 1 inside: reaps what is re-parented to it
//!       └─ dev stack      starts every part, and stops when the pipe closes
//!          └─ etcd, kubelet, containerd, temporal, …
//! ```
//!
//! When PID 1 ends, the kernel kills every process in the namespace, and with the last of them go the mounts,
//! the pods' network and the firewall's rules. Some ports are [published](crate::published).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{Pid, geteuid, getppid};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// How long the inside may take to stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// Folders whose path is compiled into containerd or the kubelet. Each stack has its own, in memory.
const PRIVATE_FOLDERS: &[&str] = &[
    "/run/containerd",
    "/run/runc",
    "/run/netns",
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/containers",
];

/// Settings of the whole machine that the kubelet insists on. It is shown files
/// that have these values already.
const KUBELET_SETTINGS: &[(&str, &str)] = &[
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// A second /proc, beside the one whose settings are covered.
const UNCOVERED_PROC: &str = "/run/containerd/proc";

/// Runs `program`, which is this one again, with `arguments` inside; passes SIGINT, SIGTERM and
/// SIGHUP on, and returns when all is gone.
///
/// # Errors
/// When the namespaces cannot be made.
pub async fn run(program: &Path, arguments: impl IntoIterator<Item = OsString>) -> io::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;

    let mut unshare = Command::new("unshare");
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let mut inside = unshare
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(program)
        .arg("init")
        .arg("--")
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run unshare ({error}); is util-linux installed?"))
        })?;

    // Held here, as `wait` would close it.
    let pipe = inside.stdin.take();
    let ended = tokio::select! {
        status = inside.wait() => Some(status?),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        _ = hangup.recv() => None,
    };
    // Closing the pipe is the message, so that it is also sent when this process is killed.
    drop(pipe);
    let status = match ended {
        Some(status) => status,
        None => stopped(&mut inside).await?,
    };
    // As a shell reports it.
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

async fn stopped(inside: &mut tokio::process::Child) -> io::Result<std::process::ExitStatus> {
    if let Ok(status) = timeout(STOP_PATIENCE, inside.wait()).await {
        return status;
    }
    eprintln!("The stack did not stop within {} s and is killed.", STOP_PATIENCE.as_secs());
    inside.start_kill()?;
    inside.wait().await
}

/// PID 1 of the namespace: runs `command` and reaps every process until that
/// one ends. Returns its exit status.
///
/// # Errors
/// When the command cannot be run, or this is not PID 1.
pub fn init(command: &[OsString]) -> io::Result<ExitCode> {
    if std::process::id() != 1 {
        return Err(io::Error::other("`dev init` is for the stack's own use"));
    }
    let (program, arguments) = command.split_first().ok_or_else(|| io::Error::other("nothing to run"))?;
    let child = std::process::Command::new(program).args(arguments).spawn()?;
    let main = Pid::from_raw(child.id().cast_signed());
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, code)) if pid == main => {
                return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == main => {
                return Ok(ExitCode::from(128 + signal as u8));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether this process was started by `init`.
#[must_use]
pub fn is_inside() -> bool {
    getppid() == Pid::from_raw(1) && std::process::id() == 2
}

/// Waits until the outside asks for a stop, or is gone; or until Ctrl-C reaches this process itself.
///
/// # Errors
/// When the pipe or the signal handlers cannot be used.
pub async fn stop_requested() -> io::Result<()> {
    use std::os::fd::AsFd;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let pipe = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let closed = async {
        loop {
            pipe.readable().await?;
            match pipe.try_read(&mut [0; 64]) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    };
    tokio::select! {
        result = closed => result,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Leaves the machine's network for an empty one, whose loopback interface is up. Only this thread and those
/// it starts later are in it, so it is called before there are others.
///
/// # Errors
/// When the kernel or `ip` refuse.
pub fn leave_network() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let status = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other("`ip link set lo up` failed"))
    }
}

/// Gives the namespace an empty `/run` of its own, where Docker's engine keeps what does not outlive it.
///
/// # Errors
/// When it cannot be mounted.
pub fn empty_run() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), flags, Some("mode=0755")).map_err(named("/run"))?;
    fs::create_dir_all("/run/lock")
}

/// Gives the namespace its own folders and kernel settings. Their mounts are
/// invisible outside and end with it.
///
/// # Errors
/// Names the mount that failed.
pub fn make_private() -> io::Result<()> {
    for folder in PRIVATE_FOLDERS {
        fs::create_dir_all(folder)?;
        let options = Some("mode=0711");
        mount(Some("tmpfs"), *folder, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, options)
            .map_err(named(folder))?;
    }
    // A pod in a user namespace of its own may mount a /proc only if there is one that nothing covers.
    fs::create_dir_all(UNCOVERED_PROC)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), UNCOVERED_PROC, Some("proc"), flags, None::<&str>).map_err(named(UNCOVERED_PROC))?;
    let shown = Path::new("/run/containerd/settings");
    fs::create_dir_all(shown)?;
    for (setting, value) in KUBELET_SETTINGS {
        let target = format!("/proc/sys/{setting}");
        let file = shown.join(setting.replace('/', "."));
        fs::write(&file, format!("{value}\n"))?;
        mount(Some(&file), target.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .map_err(named(&target))?;
    }
    Ok(())
}

fn named(target: &str) -> impl FnOnce(Errno) -> io::Error + use<'_> {
    move |error| io::Error::other(format!("cannot mount over {target}: {error}"))
}

/// Kills every process in the namespace but this one and PID 1.
pub fn kill_everything() {
    if is_inside() {
        // To -1 the kernel sends it to all that this process can see, which is the namespace.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    }
}
