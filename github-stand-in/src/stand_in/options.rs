//! How a stand-in is to run, and why one did not start.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use secrecy::SecretString;
use url::Url;

use crate::deliveries::DELIVERY_DEADLINE;

/// How a stand-in is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where deliveries go; none are made without it.
    pub webhook_url: Option<Url>,
    /// What deliveries are signed with.
    pub webhook_secret: SecretString,
    /// The folder whose files new repositories start with.
    pub content: PathBuf,
    /// The folder of the chart that the sample repository holds besides.
    pub chart: PathBuf,
    /// Where people reach its pages, if that is not where it listens.
    pub page_url: Option<Url>,
    /// Where the App reaches its API, if that is not where it listens.
    pub api_url: Option<Url>,
    /// Where the bare git repositories are kept; emptied at start. A temporary folder if `None`.
    pub data: Option<PathBuf>,
    /// How long a delivery may take.
    pub delivery_deadline: Duration,
}

impl Default for Options {
    /// A free port on the loopback interface, no webhook, a random secret, and
    /// this checkout's hello-world app with its chart.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            webhook_url: None,
            webhook_secret: uuid::Uuid::new_v4().simple().to_string().into(),
            content: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../hello-world-app")),
            chart: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/hello-world-app")),
            page_url: None,
            api_url: None,
            data: None,
            delivery_deadline: DELIVERY_DEADLINE,
        }
    }
}

/// Why a stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("the GitHub stand-in cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The folder for the repositories cannot be used.
    #[error("the GitHub stand-in cannot keep its repositories in {}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The client for deliveries could not be made.
    #[error("the GitHub stand-in cannot make deliveries: {0}")]
    Deliveries(#[from] reqwest::Error),
}
