//! Opens the ports that the settings name.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

/// Listens at `address`, which `setting` names.
///
/// # Errors
/// If this process may not, or somebody else does.
pub async fn listen(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{setting}: cannot listen on {address}"))
}
