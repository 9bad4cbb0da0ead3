//! Makes and removes a stack's cgroups, under cgroup v1, v2 or both. All of its pods are below them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::eventually;

/// How much of the state folder's hash is in a cgroup's name, in bytes.
const HASH: usize = 6;
const ROOT: &str = "/sys/fs/cgroup";
/// What pods are limited by, as v2 names it.
const CONTROLLERS: &[&str] = &["+cpu", "+cpuset", "+io", "+memory", "+pids", "+hugetlb"];
/// Killed processes leave their cgroup when the kernel has taken them apart,
/// which takes some milliseconds each.
const PATIENCE: Duration = Duration::from_secs(3);

/// The cgroup of the stack that has its state in `state`, for example `preview-0f1e2d3c4b5a`.
pub(crate) fn name(state: &Path) -> String {
    let hash = Sha256::digest(state.as_os_str().as_encoded_bytes());
    format!("preview-{}", hex::encode(&hash[..HASH]))
}

/// Removes the cgroup `name` from every hierarchy, waiting until the processes
/// that were killed in it are gone.
///
/// # Errors
/// Names the folder that is still in use.
pub(crate) async fn remove(name: &str) -> Result<(), String> {
    let hierarchies = hierarchies(Path::new(ROOT)).map_err(|error| format!("{ROOT}: {error}"))?;
    let places: Vec<_> = hierarchies.into_iter().map(|hierarchy| hierarchy.join(name)).collect();
    eventually(PATIENCE, async || {
        places.iter().try_for_each(|place| {
            remove_tree(place)
                .map_err(|error| format!("the cgroup {} is still in use ({error})", place.display()))
        })
    })
    .await
}

/// Makes the cgroup `name` in every hierarchy.
pub(crate) fn create(name: &str) -> io::Result<()> {
    for hierarchy in hierarchies(Path::new(ROOT))? {
        for controller in CONTROLLERS {
            // Under v2, children get a controller only if their parent passes it
            // on. The kubelet says which one it misses.
            let _ = fs::write(hierarchy.join("cgroup.subtree_control"), controller);
        }
        match fs::create_dir(hierarchy.join(name)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The mounted hierarchies: one under v2, one for each controller under v1.
fn hierarchies(root: &Path) -> io::Result<Vec<PathBuf>> {
    let is_hierarchy = |path: &PathBuf| path.join("cgroup.procs").exists() && !path.is_symlink();
    let root = root.to_owned();
    if is_hierarchy(&root) {
        return Ok(vec![root]);
    }
    Ok(fs::read_dir(root)?
        .flatten()
        .map(|entry| entry.path())
        .filter(is_hierarchy)
        .collect())
}

/// Removes a cgroup with those below it; their files cannot be removed and go with the folder.
fn remove_tree(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        remove_tree(&entry.path())?;
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cgroup(path: &Path) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("cgroup.procs"), "").unwrap();
    }

    #[test]
    fn under_v1_every_controller_is_a_hierarchy() {
        let root = tempfile::tempdir().unwrap();
        cgroup(&root.path().join("cpu"));
        cgroup(&root.path().join("memory"));
        std::os::unix::fs::symlink("cpu", root.path().join("cpu,cpuacct")).unwrap();
        let mut found = hierarchies(root.path()).unwrap();
        found.sort();
        assert_eq!(found, [root.path().join("cpu"), root.path().join("memory")]);
    }

    #[test]
    fn under_v2_the_root_is_the_only_hierarchy() {
        let root = tempfile::tempdir().unwrap();
        cgroup(root.path());
        cgroup(&root.path().join("system.slice"));
        assert_eq!(hierarchies(root.path()).unwrap(), [root.path()]);
    }
}
