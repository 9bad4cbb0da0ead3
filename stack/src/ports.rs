//! Chooses free ports on 127.0.0.1.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Where ports are chosen. Below the range that the system hands out of its own accord (from 32768): a port
/// from there may be given to anyone between its choice and its use.
const CHOSEN_PORTS: Range<u16> = 10_000..30_000;
/// Ports tried before giving up; nearly all of them are free on any machine.
const ATTEMPTS: usize = 1_000;

/// What this process has chosen before: whoever chose a port may listen on it only later, or once more.
static CHOSEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// There is nothing to listen on.
#[derive(Debug, thiserror::Error)]
#[error("no free port between {} and {} on 127.0.0.1", CHOSEN_PORTS.start, CHOSEN_PORTS.end)]
pub struct NoFreePort;

/// `N` ports that nothing listens on at this moment and that this process has not chosen before; chosen at
/// random, so that two stacks hardly choose the same.
///
/// # Errors
/// When hardly any port is free.
pub fn free_ports<const N: usize>() -> Result<[u16; N], NoFreePort> {
    let mut taken = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ports = [0; N];
    let mut chosen = 0;
    for _ in 0..ATTEMPTS {
        if chosen == N {
            return Ok(ports);
        }
        let random =
            RandomState::new().build_hasher().finish() % u64::from(CHOSEN_PORTS.end - CHOSEN_PORTS.start);
        let port = CHOSEN_PORTS.start + random as u16;
        if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            taken.insert(port);
            ports[chosen] = port;
            chosen += 1;
        }
    }
    Err(NoFreePort)
}

/// Somebody has chosen it already: it is not chosen here.
pub(crate) fn never_choose(port: u16) {
    CHOSEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_chosen_only_once() {
        // More than a fifth of all: had they been forgotten, some would be chosen twice.
        let mut ports: Vec<u16> = (0..1_000).flat_map(|_| free_ports::<4>().unwrap()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 4_000);
    }
}
