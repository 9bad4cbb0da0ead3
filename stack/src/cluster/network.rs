//! Chooses the subnet of a stack's pods, and makes and removes its bridge.
//!
//! The bridge's name is the claim: the kernel lets only one stack create it. Its alias names the state folder
//! of its owner, so that a later start can tell a bridge in use from one that a crash left behind.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use crate::file_lock::FileLock;

/// What every bridge of a stack is called, followed by its number.
const PREFIX: &str = "preview";
/// Pods of stack `n` live in `10.213.n.0/24`, so that is how many stacks one machine holds.
const STACKS: u8 = 64;
const POD_RANGE: (u8, u8) = (10, 213);

/// Why there is no pod network.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NetworkError {
    #[error("`ip {arguments}` failed: {message}")]
    Ip { arguments: String, message: String },
    #[error("`ip {arguments}` answered something unexpected: {source}")]
    Answer {
        arguments: String,
        source: serde_json::Error,
    },
    #[error(
        "none of the subnets 10.213.0.0/24 to 10.213.63.0/24 is free; remove a route or a bridge called {PREFIX}…"
    )]
    NoFreeSubnet,
}

/// The bridge of one stack, with the node's address on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bridge {
    number: u8,
}

impl Bridge {
    /// Creates a bridge in a subnet that nothing on this machine uses; `owner` is the stack's state folder.
    pub async fn claim(owner: &Path) -> Result<Self, NetworkError> {
        let routes: Vec<Route> = query(&["-json", "-4", "route", "show", "table", "all"]).await?;
        let used: Vec<Subnet> = routes.iter().filter_map(|route| route.dst.parse().ok()).collect();
        for number in free(&used) {
            let bridge = Self { number };
            // Another stack may claim the same number at the same moment: then
            // this fails, and the next is tried.
            if ip(&["link", "add", &bridge.name(), "type", "bridge"]).await.is_ok() {
                bridge.configure(owner).await?;
                return Ok(bridge);
            }
        }
        Err(NetworkError::NoFreeSubnet)
    }

    async fn configure(self, owner: &Path) -> Result<(), NetworkError> {
        let name = self.name();
        ip(&["link", "set", &name, "alias", &owner.to_string_lossy()]).await?;
        ip(&["address", "add", &format!("{}/24", self.address()), "dev", &name]).await?;
        ip(&["link", "set", &name, "up"]).await?;
        Ok(())
    }

    /// The interface's name; also that of the stack's cgroup.
    #[must_use]
    pub fn name(self) -> String {
        format!("{PREFIX}{}", self.number)
    }

    /// The node's address.
    #[must_use]
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(POD_RANGE.0, POD_RANGE.1, self.number, 1)
    }

    /// The pods' subnet, for example `10.213.0.0/24`.
    #[must_use]
    pub fn subnet(self) -> String {
        format!("{}.{}.{}.0/24", POD_RANGE.0, POD_RANGE.1, self.number)
    }

    /// Removes the interface.
    pub async fn remove(self) -> Result<(), NetworkError> {
        ip(&["link", "delete", &self.name()]).await
    }

    /// The bridges whose stack is gone. `owner` is the caller's own state folder, whose lock it
    /// holds: an earlier stack there is gone as well.
    pub async fn abandoned(owner: &Path) -> Result<Vec<Self>, NetworkError> {
        let links: Vec<Link> = query(&["-json", "link", "show", "type", "bridge"]).await?;
        Ok(links.into_iter().filter_map(|link| link.abandoned(owner)).collect())
    }
}

/// The file that a running stack holds locked in its state folder.
#[must_use]
pub fn lock_file(state: &Path) -> PathBuf {
    state.join("lock")
}

#[derive(Deserialize)]
struct Link {
    // `ip -json link show type bridge` prints empty objects for the other types.
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    ifalias: String,
}

impl Link {
    fn abandoned(&self, mine: &Path) -> Option<Bridge> {
        let number = self.ifname.strip_prefix(PREFIX)?.parse().ok()?;
        let owner = Path::new(&self.ifalias);
        if !owner.is_absolute() {
            return None;
        }
        let in_use = owner != mine && FileLock::is_held(&lock_file(owner));
        (!in_use).then_some(Bridge { number })
    }
}

#[derive(Deserialize)]
struct Route {
    dst: String,
}

/// An IPv4 network, or one address as a network of its own.
#[derive(Clone, Copy, Debug)]
struct Subnet {
    address: u32,
    bits: u32,
}

impl Subnet {
    fn overlaps(self, other: Self) -> bool {
        let bits = self.bits.min(other.bits);
        // A default route overlaps with nothing: it is where addresses go that no network holds.
        bits > 0 && (self.address ^ other.address) >> (32 - bits) == 0
    }
}

impl std::str::FromStr for Subnet {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(drop)?;
        let bits = bits.parse().ok().filter(|bits| *bits <= 32).ok_or(())?;
        Ok(Self { address: address.into(), bits })
    }
}

/// The numbers of the stacks whose subnet overlaps with none of `used`.
fn free(used: &[Subnet]) -> impl Iterator<Item = u8> {
    (0..STACKS).filter(|number| {
        let wanted = Subnet {
            address: Ipv4Addr::new(POD_RANGE.0, POD_RANGE.1, *number, 0).into(),
            bits: 24,
        };
        !used.iter().any(|subnet| subnet.overlaps(wanted))
    })
}

async fn query<T: serde::de::DeserializeOwned>(arguments: &[&str]) -> Result<T, NetworkError> {
    let text = run(arguments).await?;
    let text = if text.trim().is_empty() { "[]" } else { &text };
    serde_json::from_str(text)
        .map_err(|source| NetworkError::Answer { arguments: arguments.join(" "), source })
}

async fn ip(arguments: &[&str]) -> Result<(), NetworkError> {
    run(arguments).await.map(drop)
}

async fn run(arguments: &[&str]) -> Result<String, NetworkError> {
    let failed = |message: String| NetworkError::Ip { arguments: arguments.join(" "), message };
    let output = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(format!("{error}; is iproute2 installed?")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_free(routes: &[&str]) -> Option<u8> {
        let used: Vec<Subnet> = routes.iter().filter_map(|route| route.parse().ok()).collect();
        free(&used).next()
    }

    #[test]
    fn the_first_subnet_that_nothing_uses_is_taken() {
        assert_eq!(first_free(&[]), Some(0));
        assert_eq!(first_free(&["default", "192.0.2.0/24"]), Some(0));
        assert_eq!(first_free(&["10.213.0.0/24", "10.213.1.7"]), Some(2));
    }

    #[test]
    fn a_wider_network_takes_all_it_covers() {
        assert_eq!(first_free(&["10.213.0.0/21"]), Some(8));
        assert_eq!(first_free(&["10.0.0.0/8"]), None);
    }

    #[test]
    fn a_default_route_takes_nothing() {
        assert_eq!(first_free(&["0.0.0.0/0"]), Some(0));
    }

    #[test]
    fn a_bridge_is_abandoned_when_its_stack_no_longer_holds_the_lock() {
        let state = tempfile::tempdir().unwrap();
        let link = |name: &str| Link {
            ifname: name.into(),
            ifalias: state.path().to_string_lossy().into(),
        };
        let other = Path::new("/other");
        assert_eq!(link("preview7").abandoned(other), Some(Bridge { number: 7 }));

        let lock = FileLock::take(&lock_file(state.path())).unwrap();
        assert_eq!(link("preview7").abandoned(other), None);
        assert_eq!(
            link("preview7").abandoned(state.path()),
            Some(Bridge { number: 7 }),
            "the caller holds the lock itself"
        );
        drop(lock);
        assert_eq!(link("preview7").abandoned(other), Some(Bridge { number: 7 }));
    }

    #[test]
    fn a_bridge_of_someone_else_is_left_alone() {
        for (name, alias) in
            [("docker0", "/tmp"), ("previews", "/tmp"), ("preview1", ""), ("preview2", "my bridge")]
        {
            assert_eq!(
                Link { ifname: name.into(), ifalias: alias.into() }.abandoned(Path::new("/other")),
                None,
                "{name}"
            );
        }
    }
}
