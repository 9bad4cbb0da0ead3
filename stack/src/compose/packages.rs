//! Takes the engine, and the system that the stand-ins are made of, from Debian's packages. Nothing is
//! installed on this machine: they are unpacked into the cache of tools.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{ComposeError, at, failed};
use crate::program::output;

/// The engine, and what it runs containers with.
const ENGINE: &[&str] = &["docker.io", "containerd", "runc"];
/// What the stand-ins need beside an essential Debian.
const SYSTEM: &[&str] = &[
    "ca-certificates",
    "git",
    "ipset",
    "iproute2",
    "iptables",
    "kmod",
    "mount",
    "nftables",
    "postgresql",
    "procps",
];
/// What nobody reads in a container.
const LEFT_OUT: &[&str] = &["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

/// The folder that the engine's packages are unpacked into.
pub(super) async fn engine(cache: &Path) -> Result<PathBuf, ComposeError> {
    kept(cache, "docker-engine", ENGINE, async |partial| {
        let run = async |mut command: Command| {
            command.current_dir(partial);
            output(command)
                .await
                .map_err(failed("unpacking the packages of Docker's engine"))
        };
        run(words("apt-get", &["--quiet", "update"])).await?;
        run(words("apt-get", &[&["--quiet", "download"], ENGINE].concat())).await?;
        let packages = fs::read_dir(partial).map_err(at(partial))?.flatten().map(|entry| entry.path());
        for package in packages.collect::<Vec<_>>() {
            run(words("dpkg-deb", &["--extract", &package.to_string_lossy(), "."])).await?;
            fs::remove_file(&package).map_err(at(&package))?;
        }
        Ok(())
    })
    .await
}

/// The archive of the stand-ins' root file system.
pub(super) async fn system(cache: &Path) -> Result<PathBuf, ComposeError> {
    let folder = kept(cache, "debian", SYSTEM, async |partial| {
        let suite = suite()?;
        eprintln!("Making a root file system of packages of {suite}. Once only; about 2 min.");
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap
            .args(["--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io"])
            .arg(format!("--include={}", SYSTEM.join(",")))
            .args(LEFT_OUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")))
            .arg(&suite)
            .arg(partial.join("system.tar"));
        output(mmdebstrap).await.map(drop).map_err(failed("mmdebstrap"))
    })
    .await?;
    Ok(folder.join("system.tar"))
}

/// A folder of the cache that holds what `make` has put there, for these packages of this system. It appears
/// all at once.
async fn kept(
    cache: &Path,
    name: &str,
    packages: &[&str],
    make: impl AsyncFnOnce(&Path) -> Result<(), ComposeError>,
) -> Result<PathBuf, ComposeError> {
    let key = hex::encode(&Sha256::digest(packages.join(" "))[..4]);
    let folder = cache.join(format!("{name}-{}-{key}", suite()?));
    if !folder.exists() {
        let partial = tempfile::Builder::new()
            .prefix(&format!(".partial-{name}-"))
            .tempdir_in(cache)
            .map_err(at(cache))?;
        make(partial.path()).await?;
        match fs::rename(partial.keep(), &folder) {
            Err(_) if folder.exists() => {} // Another process was quicker; its content is the same.
            renamed => renamed.map_err(at(&folder))?,
        }
    }
    Ok(folder)
}

/// What this system's release is called, such as `bookworm`: programs that were built here run on the same.
fn suite() -> Result<String, ComposeError> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(at(path))?;
    codename(&text).map(str::to_owned).ok_or_else(|| {
        failed("choosing packages")(
            "this is neither Debian nor made of it: run docker-compose.yml with Docker".into(),
        )
    })
}

fn codename(release: &str) -> Option<&str> {
    let value = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"')).filter(|value| !value.is_empty())
}

fn words(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_found_by_its_code_name() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n"), Some("bookworm"));
        assert_eq!(codename("VERSION_CODENAME=\"noble\"\n"), Some("noble"));
        assert_eq!(codename("ID=arch\n"), None);
    }
}
