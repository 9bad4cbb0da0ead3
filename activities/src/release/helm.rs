//! Runs Helm so that its output is kept, it can be stopped, and it never outlives its attempt.
//!
//! It is run from an argument vector, never through a shell, in a process group of its own: what Helm starts
//! is stopped with it. When our own process dies, the kernel kills Helm: none goes on beside the one that the
//! next worker starts.
//!
//! What breaks Helm gets as little as can be: a token of the preview's account in a file that goes with the
//! run, no credentials of ours, a handful of our environment, and [the files that it
//! needs](super::confinement).

use std::{
    convert::Infallible,
    ffi::OsString,
    fs::{OpenOptions, Permissions},
    io::{self, Write},
    num::NonZero,
    os::unix::{
        fs::{OpenOptionsExt, PermissionsExt},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    runtime::Handle,
    sync::{Semaphore, oneshot},
    time::{sleep, timeout},
};
use workflows::contract::timeouts::{HELM_GRACE, HELM_PLACE};

use super::confinement::{Reach, confine_this_thread, environment};
use crate::{container_log::Window, redact::Redacted};

/// How much of what Helm printed is kept, in bytes from the beginning and from
/// the end, after it was redacted.
const OUTPUT_MAX: [usize; 2] = [1024, 7 * 1024];
/// How much is read of the beginning and of the end, before.
const READ_MAX: usize = 64 * 1024;
/// How `setpriv` ends if it cannot run the program: it cannot be executed, or is not
/// there. Helm ends with 1 whatever happened.
#[cfg(target_os = "linux")]
const NOT_RUN: [i32; 2] = [126, 127];
/// The most memory that Helm may take for its data, in bytes; it needs a tenth. A
/// template of one line can ask for any amount.
const MEMORY_MAX: u64 = 1024 * 1024 * 1024;
/// The most time that Helm may compute, in seconds; it needs one or two. A template can loop for ever.
const CPU_MAX: u64 = 60;
/// Helm's home, as its temporary folder begins.
const HOME: &str = "preview-helm-";

/// The Helm program, and how often it runs at once.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
    /// A chart's hook may hold its place for minutes. So removals have places of their own.
    installs: Arc<Semaphore>,
    removals: Arc<Semaphore>,
}

/// What Helm is run for, and what it is given for it.
pub(super) enum Purpose {
    /// To fetch a chart into this folder. It gets what credentials for registries it finds, and none for the
    /// cluster.
    Pull { into: PathBuf },
    /// To install the chart that is there.
    Install {
        chart: PathBuf,
        kubeconfig: SecretString,
    },
    /// To uninstall what is there, which no installs hold up.
    Removal { kubeconfig: SecretString },
}

/// One run of Helm.
pub(super) struct Invocation {
    pub(super) purpose: Purpose,
    pub(super) arguments: Vec<OsString>,
    /// Written to its standard input.
    pub(super) input: Vec<u8>,
    /// After this long it is stopped.
    pub(super) timeout: Duration,
}

/// A run of Helm that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelmError {
    #[error("{} cannot be run: {source}. Install Helm, or point HELM to it", program.display())]
    Missing { program: PathBuf, source: io::Error },
    #[error("Helm cannot be started: {0}. On Linux, setpriv starts it; is util-linux installed?")]
    NotStarted(io::Error),
    #[error("Helm's folder cannot be made: {0}. Is there room in the worker's temporary folder?")]
    NoHome(io::Error),
    #[error("Helm's output was lost: {0}")]
    Pipe(#[from] io::Error),
    #[error("Helm failed ({status}): {output}")]
    Failed { status: ExitStatus, output: Redacted },
    #[error("Helm did not finish within {} s and was stopped: {output}", timeout.as_secs())]
    TooSlow { timeout: Duration, output: Redacted },
    #[error("Helm computed for more than {CPU_MAX} s and was stopped: {output}")]
    TooExpensive { output: Redacted },
    #[error("Helm was stopped because its activity was cancelled")]
    Cancelled,
    #[error("no place for another Helm became free within {} s; raise HELM_AT_ONCE", HELM_PLACE.as_secs())]
    Busy,
}

impl Helm {
    /// `program` is a path, or a name to look for in `PATH`. So many installs run at once, and so many
    /// removals.
    #[must_use]
    pub fn new(program: PathBuf, at_once: usize) -> Self {
        let places = || Arc::new(Semaphore::new(at_once));
        Self { program, installs: places(), removals: places() }
    }

    /// Runs Helm to its end, to `cancelled` or to its timeout, whichever comes first, as soon as there is a
    /// place for it. When this returns, no process of it is left.
    pub(super) async fn run(
        &self,
        invocation: Invocation,
        cancelled: impl Future<Output = ()>,
    ) -> Result<(), HelmError> {
        let mut cancelled = std::pin::pin!(cancelled);
        let places = match invocation.purpose {
            Purpose::Pull { .. } | Purpose::Install { .. } => &self.installs,
            Purpose::Removal { .. } => &self.removals,
        };
        let _place = tokio::select! {
            place = places.acquire() => place.map_err(|_| HelmError::Busy)?,
            () = &mut cancelled => return Err(HelmError::Cancelled),
            () = sleep(HELM_PLACE) => return Err(HelmError::Busy),
        };
        let home = Home::new(&invocation.purpose).map_err(HelmError::NoHome)?;
        let mut command = self.bound_to_our_life();
        command
            .args(&invocation.arguments)
            .env_clear()
            .envs(environment(matches!(invocation.purpose, Purpose::Pull { .. })))
            .envs(home.variables(&invocation.purpose))
            // It does not see how much of the machine is ours.
            .env("GOMAXPROCS", thread::available_parallelism().map_or(1, NonZero::get).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let reach = self.reach(&invocation.purpose, &home);
        let Started { mut child, _starter } = start(command, reach).await.map_err(HelmError::NotStarted)?;
        let mut group = Group::led_by(child.id());
        bound_resources(child.id());
        let stdin = child.stdin.take();
        let stderr = child.stderr.take();

        let run = async {
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // Helm that fails before it reads closes the pipe; its own
                    // words explain that better than ours.
                    let _ = stdin.write_all(&invocation.input).await;
                }
            };
            let ((), output, status) = tokio::join!(feed, output_of(stderr), child.wait());
            Ok::<_, io::Error>((output?, status?))
        };
        let mut run = std::pin::pin!(run);
        let stopped_because = tokio::select! {
            ended = &mut run => {
                group.has_ended();
                let (output, status) = ended?;
                return if status.success() {
                    Ok(())
                } else if has_computed_too_long(status) {
                    Err(HelmError::TooExpensive { output })
                } else if was_not_run(status) {
                    Err(HelmError::Missing {
                        program: self.program.clone(),
                        source: io::Error::other(output.into_string()),
                    })
                } else {
                    Err(HelmError::Failed { status, output })
                };
            }
            () = &mut cancelled => None,
            () = sleep(invocation.timeout) => Some(invocation.timeout),
        };

        // Helm that is told to stop notes that its release has failed, and what it was doing.
        group.signal(Signal::SIGTERM);
        let ended = match timeout(HELM_GRACE, &mut run).await {
            Ok(ended) => ended,
            Err(_) => {
                group.signal(Signal::SIGKILL);
                run.await
            }
        };
        group.has_ended();
        match stopped_because {
            Some(timeout) => Err(HelmError::TooSlow { timeout, output: ended?.0 }),
            None => Err(HelmError::Cancelled),
        }
    }
}

impl Helm {
    fn reach(&self, purpose: &Purpose, home: &Home) -> Reach {
        let mut reach = Reach::of(&self.program);
        reach.write.push(home.path().to_owned());
        match purpose {
            Purpose::Pull { into } => {
                reach.read.extend(Reach::of_registries());
                reach.write.push(into.clone());
            }
            Purpose::Install { chart, .. } => reach.read.push(chart.clone()),
            Purpose::Removal { .. } => {}
        }
        reach
    }

    /// The kernel kills Helm when the thread dies that has started it.
    #[cfg(target_os = "linux")]
    fn bound_to_our_life(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program);
        command
    }

    /// Only Linux offers that.
    #[cfg(not(target_os = "linux"))]
    fn bound_to_our_life(&self) -> Command {
        Command::new(&self.program)
    }
}

#[cfg(target_os = "linux")]
fn was_not_run(status: ExitStatus) -> bool {
    status.code().is_some_and(|code| NOT_RUN.contains(&code))
}

#[cfg(not(target_os = "linux"))]
fn was_not_run(_status: ExitStatus) -> bool {
    false
}

/// The kernel has told it so.
fn has_computed_too_long(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGXCPU as i32)
}

/// A folder for one run, in place of the home of whoever runs the worker.
struct Home(TempDir);

impl Home {
    const KUBECONFIG: &str = "kubeconfig";

    fn new(purpose: &Purpose) -> io::Result<Self> {
        let only_ours = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(HOME).permissions(only_ours).tempdir()?;
        match purpose {
            Purpose::Pull { .. } => {}
            Purpose::Install { kubeconfig, .. } | Purpose::Removal { kubeconfig } => {
                let file = folder.path().join(Self::KUBECONFIG);
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
                file.write_all(kubeconfig.expose_secret().as_bytes())?;
            }
        }
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// For a pull, the home is the one that credentials are in.
    fn variables(&self, purpose: &Purpose) -> Vec<(&'static str, PathBuf)> {
        let mut variables = vec![
            ("KUBECONFIG", self.path().join(Self::KUBECONFIG)),
            ("TMPDIR", self.path().to_owned()),
            ("HELM_CACHE_HOME", self.path().join("cache")),
            ("HELM_DATA_HOME", self.path().join("data")),
        ];
        if !matches!(purpose, Purpose::Pull { .. }) {
            variables.push(("HOME", self.path().to_owned()));
        }
        variables
    }
}

/// A program that was started, and the thread that has started it. When that ends, so does the program.
struct Started {
    child: Child,
    _starter: mpsc::Sender<Infallible>,
}

/// Starts the program on a thread of its own, which has given up all files but those, and stays until this is
/// dropped. The threads of a runtime come and go, and Helm would go with them.
async fn start(mut command: Command, reach: Reach) -> io::Result<Started> {
    let runtime = Handle::current();
    let (started, child) = oneshot::channel();
    let (starter, until_dropped) = mpsc::channel();
    thread::Builder::new().name("helm-starter".to_owned()).spawn(move || {
        let _runtime = runtime.enter();
        let spawned = confine_this_thread(&reach).and_then(|()| command.spawn());
        // Nobody waits for it any more if its activity was dropped. The child is then killed.
        let _ = started.send(spawned);
        // Ends in an error, when there is nobody left who could send.
        let _ = until_dropped.recv();
    })?;
    let child = child
        .await
        .map_err(|_| io::Error::other("the thread that starts Helm has ended"))??;
    Ok(Started { child, _starter: starter })
}

/// Set from outside, because a child cannot be told to do it before it runs without unsafe
/// code. Helm has read no template by then.
#[cfg(target_os = "linux")]
fn bound_resources(child: Option<u32>) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    // `None` would be ourselves.
    let Some(child) = child.and_then(|id| Pid::from_raw(id.try_into().ok()?)) else {
        return;
    };
    for (resource, most) in [(Resource::Data, MEMORY_MAX), (Resource::Cpu, CPU_MAX)] {
        let most = Rlimit { current: Some(most), maximum: Some(most + 1) };
        if let Err(error) = prlimit(Some(child), resource, most) {
            tracing::debug!(%error, "Helm is not bounded; has it ended already?");
        }
    }
}

/// Only Linux lets one process bound another's resources.
#[cfg(not(target_os = "linux"))]
fn bound_resources(_child: Option<u32>) {}

/// Helm and its children. Killed when dropped, should the future that runs them be dropped half-way.
struct Group(Option<Pid>);

impl Group {
    fn led_by(leader: Option<u32>) -> Self {
        Self(leader.and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // Fails only if the group has ended meanwhile, which is what we want.
            let _ = killpg(group, signal);
        }
    }

    /// Its number may be somebody else's from now on.
    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Reads to the end, and keeps the first and the last of it: Helm says at its end what went wrong,
/// but begins with that when it breaks down.
async fn output_of(source: Option<impl AsyncRead + Unpin>) -> io::Result<Redacted> {
    let mut first = Vec::new();
    let mut last = Window::new(READ_MAX);
    if let Some(mut source) = source {
        (&mut source).take(READ_MAX as u64).read_to_end(&mut first).await?;
        let mut chunk = vec![0; 8 * 1024];
        loop {
            match source.read(&mut chunk).await? {
                0 => break,
                length => last.push(&chunk[..length]),
            }
        }
    }
    let whole = if last.is_cut() {
        let first = String::from_utf8_lossy(&first);
        // Of the line that was cut, its end may be secret, and its beginning not say so.
        let lines = first.rsplit_once('\n').map_or("", |(lines, _)| lines);
        format!("{lines}\n...\n{}", last.into_text())
    } else {
        format!("{}{}", String::from_utf8_lossy(&first), last.into_text())
    };
    let [first_max, last_max] = OUTPUT_MAX;
    Ok(Redacted::of(whole.trim()).ends(first_max, last_max))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    /// `sh` in Helm's place: what is tested here is how a program is run, not which.
    async fn run(
        script: &str,
        timeout: Duration,
        cancelled: impl Future<Output = ()>,
    ) -> Result<(), HelmError> {
        run_by(&Helm::new("sh".into(), 1), script, timeout, cancelled).await
    }

    async fn run_by(
        shell: &Helm,
        script: &str,
        timeout: Duration,
        cancelled: impl Future<Output = ()>,
    ) -> Result<(), HelmError> {
        let invocation = Invocation {
            purpose: Purpose::Removal { kubeconfig: KUBECONFIG.into() },
            arguments: vec!["-c".into(), script.into()],
            input: b"values".to_vec(),
            timeout,
        };
        shell.run(invocation, cancelled).await
    }

    const KUBECONFIG: &str = "a token";
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn helm_reads_its_values_and_is_believed() {
        run("test \"$(cat)\" = values", LONG, pending()).await.expect("success");
    }

    #[tokio::test]
    async fn a_failure_is_told_in_helms_own_first_and_last_words() {
        let script =
            "echo begin >&2; yes noise | head -c 100000 >&2; echo 'Error: no such chart' >&2; exit 3";
        match run(script, LONG, pending()).await {
            Err(HelmError::Failed { status, output }) => {
                assert_eq!(status.code(), Some(3));
                let output = output.as_str();
                assert!(output.ends_with("Error: no such chart"), "{output}");
                assert!(output.starts_with("begin\nnoise"), "{output}");
                assert!(output.len() <= 9 * 1024);
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_helm_waits_for_its_place_and_leaves_the_queue_when_it_is_cancelled() {
        let helm = Helm::new("sh".into(), 1);
        let begin = Instant::now();
        let (first, second, third) = tokio::join!(
            run_by(&helm, "sleep 0.4", LONG, pending()),
            run_by(&helm, "sleep 0.4", LONG, pending()),
            run_by(&helm, "true", LONG, sleep(Duration::from_millis(100))),
        );
        first.and(second).expect("success");
        assert!(matches!(third, Err(HelmError::Cancelled)), "{third:?}");
        assert!(begin.elapsed() >= Duration::from_millis(800));
    }

    #[tokio::test]
    async fn a_helm_that_computes_too_long_is_stopped_by_the_kernel() {
        match run("kill -XCPU $$", LONG, pending()).await {
            Err(HelmError::TooExpensive { .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_helm_says_is_redacted_before_it_is_cut() {
        // The key's beginning is further from the end than what is kept of the output.
        let script = "echo '-----BEGIN PRIVATE KEY-----' >&2; yes MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw | head -n 400 >&2; \
                      echo '-----END PRIVATE KEY-----' >&2; echo 'Error: password=hunter2' >&2; exit 1";
        match run(script, LONG, pending()).await {
            Err(HelmError::Failed { output, .. }) => {
                assert_eq!(output.as_str(), "[hidden]\nError: password=[hidden]");
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn helm_outlives_the_thread_that_has_asked_for_it() {
        let mut helm = Box::pin(run("sleep 0.5", LONG, pending()));
        let runtime = Handle::current();
        let begun = thread::spawn(move || {
            let _runtime = runtime.enter();
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            // Until Helm runs, which is when its output is waited for.
            for _ in 0..100 {
                assert!(helm.as_mut().poll(&mut context).is_pending());
                thread::sleep(Duration::from_millis(1));
            }
            helm
        });
        let begun = tokio::task::spawn_blocking(|| begun.join());
        let helm = begun.await.expect("a thread").expect("a run");
        helm.await.expect("it was not killed");
    }

    #[tokio::test]
    async fn a_helm_that_is_not_there_is_named() {
        let absent = Helm::new("/nowhere/helm".into(), 1);
        let invocation = Invocation {
            purpose: Purpose::Removal { kubeconfig: KUBECONFIG.into() },
            arguments: vec![],
            input: vec![],
            timeout: LONG,
        };
        let error = absent.run(invocation, pending()).await.expect_err("nothing to run");
        assert!(error.to_string().starts_with("/nowhere/helm cannot be run"), "{error}");
    }

    #[tokio::test]
    async fn cancelled_helm_gets_the_time_to_clean_up_and_its_children_end_too() {
        // The child holds the standard error open: without the signal to the
        // whole group, the run would last its minute.
        let script = "trap 'echo cleaned >&2; exit 0' TERM; sleep 60 & wait";
        let start = Instant::now();
        let result = run(script, LONG, sleep(Duration::from_millis(200))).await;
        assert!(matches!(result, Err(HelmError::Cancelled)), "{result:?}");
        assert!(start.elapsed() < HELM_GRACE);
    }

    #[tokio::test]
    async fn helm_that_takes_too_long_is_stopped() {
        match run("echo waiting >&2; sleep 60", Duration::from_millis(300), pending()).await {
            Err(HelmError::TooSlow { output, .. }) => assert_eq!(output.as_str(), "waiting"),
            other => panic!("{other:?}"),
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn helm_cannot_take_all_memory() {
        let script = "sleep 0.1; yes | head -c 2G | tail -c 2G >/dev/null";
        let result = run(script, LONG, pending()).await;
        assert!(
            matches!(&result, Err(HelmError::Failed { output, .. }) if output.as_str().contains("memory")),
            "{result:?}"
        );
    }

    /// As it is printed by a shell in Helm's place; empty if it may not be read.
    async fn seen(purpose: Purpose, script: &str) -> String {
        let invocation = Invocation {
            purpose,
            arguments: vec!["-c".into(), format!("{{ {script}; }} >&2; exit 1").into()],
            input: vec![],
            timeout: LONG,
        };
        match Helm::new("sh".into(), 1).run(invocation, pending()).await {
            Err(HelmError::Failed { output, .. }) => output.into_string(),
            other => panic!("{other:?}"),
        }
    }

    fn removal() -> Purpose {
        Purpose::Removal { kubeconfig: KUBECONFIG.into() }
    }

    #[tokio::test]
    async fn helm_sees_little_of_our_environment() {
        const SHELLS_OWN: [&str; 4] = ["PWD", "OLDPWD", "SHLVL", "_"];
        // Cargo has set it for this process.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let pull = || Purpose::Pull { into: std::env::temp_dir() };
        for (purpose, own) in [
            (
                removal(),
                ["KUBECONFIG", "TMPDIR", "HELM_CACHE_HOME", "HELM_DATA_HOME", "GOMAXPROCS", "HOME"]
                    .as_slice(),
            ),
            (pull(), &["KUBECONFIG", "TMPDIR", "HELM_CACHE_HOME", "HELM_DATA_HOME", "GOMAXPROCS"]),
        ] {
            let given: Vec<_> = environment(matches!(purpose, Purpose::Pull { .. })).collect();
            let names = seen(purpose, "env | cut -d= -f1").await;
            for name in names.lines().filter(|name| !SHELLS_OWN.contains(name)) {
                let is_given = given.iter().any(|(given, _)| *given == name);
                assert!(is_given || own.contains(&name), "{name}");
            }
            assert!(names.contains("KUBECONFIG") && !names.contains("CARGO"), "{names}");
        }
    }

    #[tokio::test]
    async fn its_kubeconfig_is_there_for_it_alone_and_goes_with_the_run() {
        let said =
            seen(removal(), "cat $KUBECONFIG; stat -c ' %a' $KUBECONFIG $TMPDIR; echo $KUBECONFIG").await;
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines[..2], ["a token 600", " 700"], "{said}");
        assert!(lines[2].ends_with("/kubeconfig") && !Path::new(lines[2]).exists(), "{said}");
        let pull = Purpose::Pull { into: std::env::temp_dir() };
        assert_eq!(seen(pull, "cat $KUBECONFIG 2>/dev/null; echo none").await, "none");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn helm_reads_its_chart_and_none_of_our_files() {
        let ours = tempfile::tempdir().expect("a folder");
        let (key, chart) = (ours.path().join("app.pem"), ours.path().join("chart"));
        std::fs::create_dir(&chart).expect("a folder");
        for file in [&key, &chart.join("Chart.yaml")] {
            std::fs::write(file, "content").expect("written");
        }
        std::os::unix::fs::symlink(&key, chart.join("link")).expect("a link");
        let install = || Purpose::Install { chart: chart.clone(), kubeconfig: KUBECONFIG.into() };
        let reads = async |file: &str| {
            let script = format!("head -c 7 {file} 2>/dev/null && echo ' and read'");
            seen(install(), &script).await.ends_with("read")
        };
        let inside = |file: &str| chart.join(file).display().to_string();
        for file in [inside("Chart.yaml").as_str(), "/etc/hosts", "$KUBECONFIG", "/dev/urandom"] {
            assert!(reads(file).await, "{file}");
        }
        // Of whoever has started it, and of any process.
        let processes = ["/proc/$PPID/environ", "/proc/self/environ", "/proc/$PPID/root/etc/hosts"];
        let key = key.display().to_string();
        for file in [key.as_str(), &inside("link"), "/etc/shadow"].into_iter().chain(processes) {
            assert!(!reads(file).await, "{file}");
        }
        let writes = async |purpose, file: &str| {
            let script = format!("echo x 2>/dev/null >{file} && echo written");
            seen(purpose, &script).await.ends_with("written")
        };
        assert!(!writes(install(), &inside("new")).await, "into its chart");
        assert!(writes(install(), "$TMPDIR/new").await, "into its own folder");
        assert!(writes(Purpose::Pull { into: chart.clone() }, &inside("new")).await, "what it pulls");
        assert!(
            !seen(install(), "kill -0 $PPID 2>/dev/null && echo signalled")
                .await
                .ends_with("signalled")
        );
    }

    #[tokio::test]
    async fn a_helm_that_is_cancelled_at_once_ends() {
        let immediately = run("sleep 60", LONG, ready(())).await;
        assert!(matches!(immediately, Err(HelmError::Cancelled)));
    }
}
