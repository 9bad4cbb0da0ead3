//! What Helm can reach of the machine that it runs on: the files that it needs, and none of ours.
//!
//! On Linux a thread can give up its access to files for itself and for all programs that it starts
//! (Landlock). So the thread that starts Helm does. Elsewhere, and on kernels without it, Helm can read what
//! the worker can; the worker says so when it starts.

use std::{
    env::{split_paths, var_os},
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// Of the worker's environment, what Helm is given: where programs, libraries and authorities are, and the
/// way out.
const GIVEN: [&str; 17] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "GODEBUG",
    "HELM_DEBUG",
    "HELM_QPS",
    "HELM_BURST_LIMIT",
    "TZ",
];
/// What it is given beside that for a pull: where it finds credentials for registries.
const GIVEN_FOR_PULLS: [&str; 6] = [
    "HOME",
    "XDG_CONFIG_HOME",
    "HELM_CONFIG_HOME",
    "HELM_REGISTRY_CONFIG",
    "HELM_REPOSITORY_CONFIG",
    "DOCKER_CONFIG",
];

/// Some of the worker's environment.
pub(super) fn environment(for_pull: bool) -> impl Iterator<Item = (&'static str, OsString)> {
    let more: &[&str] = if for_pull { &GIVEN_FOR_PULLS } else { &[] };
    GIVEN.iter().chain(more).filter_map(|name| Some((*name, var_os(name)?)))
}

/// Files and folders, with all that is in them; what is not there does not matter.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) execute: Vec<PathBuf>,
}

impl Reach {
    /// What every Helm needs that is run as `program`.
    pub(super) fn of(program: &Path) -> Self {
        let path = var_os("PATH").unwrap_or_default();
        // A relative folder is whichever the worker runs in, and the root is everything.
        let folders = split_paths(&path).filter(|folder| folder.is_absolute() && folder.parent().is_some());
        let authorities = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(var_os);
        let authorities = authorities.flat_map(|paths| split_paths(&paths).collect::<Vec<_>>());
        Self {
            // What stands in `PATH` may be a script around Helm, and call others.
            execute: folders.chain([program.to_owned()]).collect(),
            read: authorities.collect(),
            write: Vec::new(),
        }
    }

    /// Where Helm finds credentials for registries: its own configuration, and Docker's.
    pub(super) fn of_registries() -> impl Iterator<Item = PathBuf> {
        let home = |folder| var_os("HOME").map(|home| Path::new(&home).join(folder));
        let configured = |name| var_os(name).map(PathBuf::from);
        [
            home(".config/helm"),
            home(".docker"),
            configured("XDG_CONFIG_HOME").map(|folder| folder.join("helm")),
            configured("HELM_CONFIG_HOME"),
            configured("HELM_REGISTRY_CONFIG"),
            configured("HELM_REPOSITORY_CONFIG"),
            configured("DOCKER_CONFIG"),
        ]
        .into_iter()
        .flatten()
    }
}

/// Leaves this thread, and the programs that it starts, nothing else. There is no way back.
#[cfg(target_os = "linux")]
pub(super) fn confine_this_thread(reach: &Reach) -> io::Result<()> {
    linux::confine_this_thread(reach).map(drop).map_err(io::Error::other)
}

/// Only Linux offers that.
#[cfg(not(target_os = "linux"))]
pub(super) fn confine_this_thread(_reach: &Reach) -> io::Result<()> {
    Ok(())
}

/// Says in the log if Helm is not confined on this machine.
pub fn look_at_confinement() {
    #[cfg(target_os = "linux")]
    let lacks = linux::what_is_lacking();
    #[cfg(not(target_os = "linux"))]
    let lacks = Some("this is not Linux".to_owned());
    if let Some(lacks) = lacks {
        tracing::warn!(
            lacks,
            "Helm is not confined to the files that it needs: a hole in it would let a chart read the worker's"
        );
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::thread;

    use landlock::{
        ABI, Access, AccessFs, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
        RulesetStatus, Scope, make_bitflags, path_beneath_rules,
    };

    use super::Reach;

    /// What is restricted, on kernels that know it: files, devices, and signals and sockets outside.
    const VERSION: ABI = ABI::V6;
    /// Programs with their libraries.
    const PROGRAMS: [&str; 7] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/nix/store"];
    /// What libraries read: names of hosts and users, authorities, the time zone. Not all of /etc, in which a
    /// worker may have its keys.
    const SYSTEM: [&str; 20] = [
        "/dev/random",
        "/dev/urandom",
        "/etc/ca-certificates",
        "/etc/gai.conf",
        "/etc/group",
        "/etc/host.conf",
        "/etc/hosts",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/etc/nsswitch.conf",
        "/etc/passwd",
        "/etc/pki/ca-trust",
        "/etc/pki/tls/cacert.pem",
        "/etc/pki/tls/certs",
        "/etc/resolv.conf",
        "/etc/services",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
        "/etc/ssl/certs",
        "/var/lib/ca-certificates",
    ];
    const NOWHERE: &str = "/dev/null";

    pub(super) fn confine_this_thread(reach: &Reach) -> Result<RulesetStatus, RulesetError> {
        let read: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        let execute = read | AccessFs::Execute;
        let write = AccessFs::from_all(VERSION) & !AccessFs::Execute;
        let restricted = Ruleset::default()
            .handle_access(AccessFs::from_all(VERSION))?
            .scope(Scope::from_all(VERSION))?
            .create()?
            .add_rules(path_beneath_rules(PROGRAMS, execute))?
            .add_rules(path_beneath_rules(&reach.execute, execute))?
            .add_rules(path_beneath_rules(SYSTEM, read))?
            .add_rules(path_beneath_rules(&reach.read, read))?
            .add_rules(path_beneath_rules([NOWHERE], write))?
            .add_rules(path_beneath_rules(&reach.write, write))?
            .restrict_self()?;
        Ok(restricted.ruleset)
    }

    pub(super) fn what_is_lacking() -> Option<String> {
        let tried = thread::scope(|scope| {
            let thread = scope.spawn(|| confine_this_thread(&Reach::default()));
            thread.join()
        });
        match tried {
            // An older kernel knows less of it, and most of all files.
            Ok(Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced)) => None,
            Ok(Ok(RulesetStatus::NotEnforced)) => {
                Some("the kernel has no Landlock, or it is not switched on".to_owned())
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the thread that tried it has ended".to_owned()),
        }
    }
}
