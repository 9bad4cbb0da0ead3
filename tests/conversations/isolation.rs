//! Nothing of the stack is to be reached from another machine, and nothing in a preview reaches one.

use std::{
    collections::HashSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tests::{Setting, converse};

/// Folders of all processes of this machine.
fn processes() -> Result<Vec<PathBuf>> {
    let is_number = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
    };
    Ok(fs::read_dir("/proc")?
        .flatten()
        .map(|entry| entry.path())
        .filter(is_number)
        .collect())
}

fn text(process: &Path, file: &str) -> String {
    String::from_utf8_lossy(&fs::read(process.join(file)).unwrap_or_default()).into_owned()
}

fn pid_namespace(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/pid")).ok()
}

/// Where the processes of one PID namespace listen, as this machine's network knows it.
fn listeners(namespace: &Path) -> Result<Vec<(IpAddr, String)>> {
    let mut found = Vec::new();
    for process in processes()?
        .iter()
        .filter(|process| pid_namespace(process).as_deref() == Some(namespace))
    {
        let sockets: HashSet<String> = fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|fd| {
                Some(
                    fs::read_link(fd.path())
                        .ok()?
                        .to_str()?
                        .strip_prefix("socket:[")?
                        .strip_suffix(']')?
                        .to_owned(),
                )
            })
            .collect();
        for table in ["net/tcp", "net/tcp6"] {
            let table = text(process, table);
            let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
            // Column 3 is the state, of which 0A is LISTEN; column 9 is the socket.
            for row in rows.filter(|row| row.len() > 9 && row[3] == "0A" && sockets.contains(row[9])) {
                found.push((
                    address(row[1]).with_context(|| row.join(" "))?,
                    text(process, "comm").trim().to_owned(),
                ));
            }
        }
    }
    Ok(found)
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

#[test]
fn the_stack_listens_on_the_loopback_interface_only() {
    converse(Setting::default(), async |chat| {
        let folder = fs::canonicalize(&chat.stack.folder)?.to_string_lossy().into_owned();
        let ours = pid_namespace(Path::new("/proc/self"));
        let of_the_stack = |process: &PathBuf| {
            text(process, "cmdline").contains(&format!("{folder}/")) && pid_namespace(process) != ours
        };
        let namespace = processes()?
            .iter()
            .find(|process| of_the_stack(process))
            .and_then(|process| pid_namespace(process));

        let listeners = listeners(&namespace.context("the stack runs in a PID namespace of its own")?)?;

        for program in ["kube-apiserver", "kubelet", "traefik", "temporal"] {
            assert!(
                listeners.iter().any(|(_, name)| name.starts_with(program)),
                "{program} is looked at: {listeners:?}"
            );
        }
        let elsewhere: Vec<_> = listeners.iter().filter(|(address, _)| !address.is_loopback()).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
        Ok(())
    });
}

#[test]
fn a_preview_has_no_way_off_the_machine() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        let mark = format!("PREVIEW_REPOSITORY={}\0", chat.repository.full_name());
        let app = processes()?
            .into_iter()
            .find(|process| text(process, "environ").contains(&mark))
            .context("the app runs on this machine")?;
        let routes = text(&app, "net/route");
        let destinations: Vec<_> =
            routes.lines().skip(1).filter_map(|row| row.split_whitespace().nth(1)).collect();
        assert!(!destinations.is_empty(), "it has a network: {routes}");
        assert!(!destinations.contains(&"00000000"), "there is a default route: {routes}");
        assert!(
            !text(&app, "net/ipv6_route")
                .lines()
                .any(|row| row.starts_with(&"0".repeat(32)) && !row.ends_with("lo")),
            "nor one for IPv6"
        );
        preview.stop().await
    });
}
