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

/// The processes of the stack: those below its PID 1.
fn stack_processes(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = fs::canonicalize(folder)?.to_string_lossy().into_owned();
    let ours = pid_namespace(Path::new("/proc/self"));
    let processes = processes()?;
    let namespace = processes
        .iter()
        .filter(|process| text(process, "cmdline").contains(&format!("{folder}/")))
        .map(|process| pid_namespace(process))
        .find(|namespace| *namespace != ours)
        .context("the stack runs in a PID namespace of its own")?;
    Ok(processes
        .into_iter()
        .filter(|process| pid_namespace(process) == namespace)
        .collect())
}

/// Where `processes` listen in the network of `of`.
fn listeners(processes: &[PathBuf], of: &Path) -> Result<Vec<IpAddr>> {
    let socket = |link: PathBuf| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    let sockets: HashSet<String> = processes
        .iter()
        .flat_map(|process| fs::read_dir(process.join("fd")).into_iter().flatten().flatten())
        .filter_map(|fd| socket(fs::read_link(fd.path()).ok()?))
        .collect();
    let tables = ["net/tcp", "net/tcp6"].map(|table| text(of, table));
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    rows.map(|row| row.split_whitespace().collect::<Vec<_>>())
        // Column 3 is the state, of which 0A is LISTEN; column 9 is the socket.
        .filter(|row| row.len() > 9 && row[3] == "0A" && sockets.contains(row[9]))
        .map(|row| address(row[1]).with_context(|| row.join(" ")))
        .collect()
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

/// Of the routes in the network of a process: where they lead to, in hexadecimal.
fn destinations(process: &Path) -> Vec<String> {
    let routes = text(process, "net/route");
    let columns = routes.lines().skip(1).filter_map(|row| row.split_whitespace().nth(1));
    columns.map(str::to_owned).collect()
}

#[test]
fn the_stack_is_reached_on_the_loopback_interface_only() {
    converse(Setting::default(), async |chat| {
        let processes = stack_processes(&chat.stack.folder)?;
        let listeners = listeners(&processes, Path::new("/proc/self"))?;
        assert!(listeners.len() >= 6, "its ports are published: {listeners:?}");
        assert!(listeners.iter().all(IpAddr::is_loopback), "{listeners:?}");
        Ok(())
    });
}

#[test]
fn the_network_of_the_stack_leads_nowhere_else() {
    converse(Setting::default(), async |chat| {
        let processes = stack_processes(&chat.stack.folder)?;
        let kubelet = processes
            .iter()
            .find(|process| text(process, "comm").trim() == "kubelet")
            .context("the kubelet runs")?;
        assert!(listeners(&processes, kubelet)?.len() > 10, "this is where its parts listen");

        let devices = text(kubelet, "net/dev");
        let names = devices.lines().skip(2).filter_map(|line| line.split(':').next());
        let others: Vec<_> = names
            .map(str::trim)
            .filter(|name| *name != "lo" && *name != "pods0" && !name.starts_with("veth"))
            .collect();
        assert!(others.is_empty(), "only pods are on this network: {others:?}");
        let destinations = destinations(kubelet);
        assert!(!destinations.is_empty() && !destinations.contains(&"00000000".to_owned()));
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
        let destinations = destinations(&app);
        assert!(!destinations.is_empty(), "it has a network");
        assert!(
            !destinations.contains(&"00000000".to_owned()),
            "there is a default route: {destinations:?}"
        );
        assert!(
            !text(&app, "net/ipv6_route")
                .lines()
                .any(|row| row.starts_with(&"0".repeat(32)) && !row.ends_with("lo")),
            "nor one for IPv6"
        );
        preview.stop().await
    });
}
